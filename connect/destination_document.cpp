#include "connect/destination_document.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/json_writer.h"
#include "base/text.h"
#include "connect/document_reader.h"
#include "connect/recipe.h"
#include "connect/signature.h"
#include "connect/templates/content.h"

namespace muster::connect {
namespace {

constexpr std::string_view kMaskedSecret = "whsec_***";
constexpr std::string_view kMaskedHeader = "***";
constexpr std::size_t kSecretTextBytesMax = 256;

constexpr std::array<std::string_view, 9> kFileSettings{
    "kind",       "directory",    "format",            "batch_size", "gzip",
    "timeout_ms", "max_attempts", "retry_schedule_ms", "disabled"};
constexpr std::array<std::string_view, 21> kSettings{
    "kind",        "url",           "secret",       "secret_next",       "headers",  "batch_size",
    "gzip",        "timeout_ms",    "max_attempts", "retry_schedule_ms", "disabled", "recipe",
    "settings",    "fields",        "identify_by",  "requests",          "answer",   "batch_bytes",
    "concurrency", "authorization", "rate"};
// What a recipe says, and a document that names one does not.
constexpr std::array<std::string_view, 5> kOfRecipe{"fields", "identify_by", "requests", "answer",
                                                    "batch_bytes"};
constexpr std::size_t kRecipeNameBytesMax = 64;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A recipe knows its destination's URL; another is for proxies and tests.
Result<std::string> url_text(const DocumentReader& reader, std::string_view recipe) {
  if (recipe.empty() || reader.has("url")) return reader.required_text("url", kUrlBytesMax);
  TRY_ASSIGN(const DocumentReader text, recipe_document(reader, recipe));
  TRY_ASSIGN(const auto url, text.text("url", kUrlBytesMax));
  if (!url) return reader.wrong("url", "this setting is missing; the recipe has no URL itself.");
  return *url;
}

Status read_content_of(const DocumentReader& reader, DestinationDocument& document) {
  if (document.kind != "recipe") {
    if (reader.has("recipe")) return reader.wrong("recipe", "only the kind 'recipe' has one.");
    TRY_ASSIGN(document.content, read_content(reader));
    return Ok{};
  }
  TRY_ASSIGN(const std::string name, reader.required_text("recipe", kRecipeNameBytesMax));
  for (const std::string_view key : kOfRecipe) {
    if (reader.has(key)) return reader.wrong(key, "the recipe says this.");
  }
  TRY_ASSIGN(document.content, read_recipe_content(reader, name));
  return Ok{};
}

std::string recipe_of(const DestinationDocument& document) {
  return document.content ? document.content->recipe : std::string();
}

Status read_url(const DocumentReader& reader, DestinationDocument& document) {
  TRY_ASSIGN(const std::string text, url_text(reader, recipe_of(document)));
  auto url = parse_url(text);
  if (!url) return reader.wrong("url", url.error().message);
  document.url = std::move(*url);
  const bool has_query = document.url.target.find('?') != std::string::npos;
  if (document.content && has_query) {
    return reader.wrong("url", "paths are put behind it, so that it has no '?'.");
  }
  return Ok{};
}

Status read_secret(const DocumentReader& reader, std::string_view key,
                   const std::string& previous, std::string& secret) {
  TRY_ASSIGN(const std::optional<std::string> text, reader.text(key, kSecretTextBytesMax));
  if (!text || *text == kMaskedSecret) {
    secret = previous;
  } else if (!text->empty()) {
    const auto read = WebhookSecret::parse(*text);
    if (!read) return reader.wrong(key, read.error().message);
    secret = *text;
  }
  return Ok{};
}

bool same_server(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

// The value behind a mask. A new server never gets it: whoever may change a URL could read it.
std::optional<std::string> kept_header(const DestinationDocument* previous, const Url& url,
                                       std::string_view key) {
  if (previous == nullptr || !same_server(previous->url, url)) return std::nullopt;
  for (const auto& [name, value] : previous->headers) {
    if (lower(name) == key) return value;
  }
  return std::nullopt;
}

Status read_header(const DocumentReader& headers, const std::string& name,
                   const DestinationDocument* previous, DestinationDocument& document) {
  if (!is_header_name(name)) return headers.wrong(name, "this is no name of an HTTP header.");
  const std::string key = lower(name);
  if (is_own_header(name) || key == header_name_of(document.authorization)) {
    return headers.wrong(name, "this header is set by the delivery itself.");
  }
  TRY_ASSIGN(std::string value, headers.required_text(name, kHeaderBytesMax - name.size()));
  if (!is_header_value(value)) {
    return headers.wrong(name, "a header value is one line of printable ASCII.");
  }
  if (value == kMaskedHeader) {
    const auto kept = kept_header(previous, document.url, key);
    if (!kept) return headers.wrong(name, "'***' stands for a value that is not known: give it.");
    value = *kept;
  }
  document.headers.emplace_back(name, std::move(value));
  return Ok{};
}

// Two headers of one name would say different things of who asks.
Status check_request_headers(const DocumentReader& reader, const DestinationDocument& document) {
  const std::string own = header_name_of(document.authorization);
  if (own.empty() || !document.content) return Ok{};
  for (const Operation operation : {Operation::Add, Operation::Change, Operation::Remove}) {
    const RequestTemplate* const request = document.content->request(operation);
    if (request == nullptr) continue;
    for (const auto& [name, value] : request->headers) {
      if (lower(name) != own) continue;
      return reader.wrong("authorization", "the requests set the header '" + name +
                                               "' themselves; leave one of the two out.");
    }
  }
  return Ok{};
}

Status read_headers(const DocumentReader& reader, const DestinationDocument* previous,
                    DestinationDocument& document) {
  TRY_ASSIGN(const auto headers, reader.object("headers"));
  if (!headers) return Ok{};
  const std::vector<std::string> names = headers->keys();
  if (names.size() > kHeadersMax) return reader.wrong("headers", "at most 32 headers are sent.");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.size() >= kHeaderBytesMax) return reader.wrong("headers", "a name is too long.");
    if (!seen.insert(lower(name)).second) {
      return headers->wrong(name, "this header is named twice.");
    }
    TRY(read_header(*headers, name, previous, document));
  }
  return Ok{};
}

Status read_schedule(const DocumentReader& reader, DestinationDocument& document) {
  if (!reader.has("retry_schedule_ms")) return Ok{};
  const Error wrong = reader.wrong("retry_schedule_ms",
                                   "a list of 1 to 100 delays in milliseconds, each at most a "
                                   "week, belongs here.");
  auto delays = reader.numbers("retry_schedule_ms");
  if (!delays || delays->empty() || delays->size() > static_cast<std::size_t>(kAttemptsMax)) {
    return wrong;
  }
  for (const std::int64_t delay : *delays) {
    if (delay < 0 || delay > kRetryDelayMsMax) return wrong;
  }
  document.retry_schedule_ms = std::move(*delays);
  return Ok{};
}

Status read_numbers(const DocumentReader& reader, DestinationDocument& document) {
  TRY_ASSIGN(const auto batch_size, reader.number("batch_size", 1, kBatchSizeMax));
  TRY_ASSIGN(const auto timeout, reader.number("timeout_ms", 100, kTimeoutMsMax));
  TRY_ASSIGN(const auto attempts, reader.number("max_attempts", 1, kAttemptsMax));
  TRY_ASSIGN(const auto gzip, reader.flag("gzip"));
  if (!recipe_of(document).empty()) {
    TRY_ASSIGN(const DocumentReader recipe, recipe_document(reader, recipe_of(document)));
    TRY_ASSIGN(const auto people, recipe.number("batch_size", 1, kBatchSizeMax));
    if (people) document.batch_size = static_cast<std::size_t>(*people);
  }
  if (batch_size) document.batch_size = static_cast<std::size_t>(*batch_size);
  if (timeout) document.timeout_ms = *timeout;
  if (attempts) document.max_attempts = static_cast<unsigned>(*attempts);
  if (gzip) document.gzip = *gzip;
  TRY_ASSIGN(document.limits, read_limits(reader));
  return read_schedule(reader, document);
}

Result<DestinationDocument> read_file_document(const DocumentReader& reader) {
  TRY(reader.only(kFileSettings));
  DestinationDocument document{.kind = "file"};
  TRY_ASSIGN(document.file, read_file_target(reader));
  TRY(read_numbers(reader, document));
  return document;
}

using SecretText = std::function<Result<std::string>(const std::string& secret,
                                                     std::string_view mask)>;

Status write_secrets(const DestinationDocument& document, const SecretText& shown,
                     JsonWriter& json) {
  if (!document.secret.empty()) {
    TRY_ASSIGN(const std::string secret, shown(document.secret, kMaskedSecret));
    json.key("secret").text(secret);
  }
  if (!document.secret_next.empty()) {
    TRY_ASSIGN(const std::string next, shown(document.secret_next, kMaskedSecret));
    json.key("secret_next").text(next);
  }
  json.key("headers").begin_object();
  for (const auto& [name, value] : document.headers) {
    TRY_ASSIGN(const std::string text, shown(value, kMaskedHeader));
    json.key(name).text(text);
  }
  json.end_object();
  return write_authorization(
      document.authorization,
      [&](const std::string& text) { return shown(text, kMaskedHeader); }, json);
}

Result<std::string> write(const DestinationDocument& document, const SecretText& shown) {
  JsonWriter json;
  json.begin_object();
  json.key("kind").text(document.kind);
  if (document.content) {
    if (!document.content->recipe.empty()) json.key("recipe").text(document.content->recipe);
    for (const auto& [name, text] : document.content->sections) json.key(name).raw(text);
  }
  if (document.file) {
    json.key("directory").text(document.file->directory);
    json.key("format").text(name_of(document.file->format));
  } else {
    json.key("url").text(document.url.text());
  }
  if (!document.file) TRY(write_secrets(document, shown, json));
  json.key("batch_size").number(std::uint64_t{document.batch_size});
  json.key("gzip").boolean(document.gzip);
  json.key("timeout_ms").number(std::int64_t{document.timeout_ms});
  json.key("max_attempts").number(document.max_attempts);
  json.key("retry_schedule_ms").begin_array();
  for (const TimeMs delay : document.retry_schedule_ms) json.number(std::int64_t{delay});
  json.end_array();
  write_limits(document.limits, json);
  if (!document.disabled.empty()) json.key("disabled").text(document.disabled);
  json.end_object();
  return json.take();
}

}  // namespace

std::vector<TimeMs> default_retry_schedule() {
  constexpr TimeMs minute = 60'000;
  constexpr TimeMs hour = 60 * minute;
  return {0,        5'000,    5 * minute, 30 * minute, 2 * hour,
          5 * hour, 10 * hour, 14 * hour, 20 * hour,   24 * hour};
}

TimeMs DestinationDocument::delay_before(unsigned number) const {
  CHECK(number >= 1 && !retry_schedule_ms.empty());
  return retry_schedule_ms[std::min<std::size_t>(number, retry_schedule_ms.size()) - 1];
}

Result<DestinationDocument> parse_destination(std::string_view json,
                                              const DestinationDocument* previous) {
  TRY_ASSIGN(const DocumentReader reader, DocumentReader::of(json));
  DestinationDocument document;
  TRY_ASSIGN(document.kind, reader.required_text("kind", 64));
  if (document.kind == "file") return read_file_document(reader);
  TRY(reader.only(kSettings));
  if (document.kind != "webhook" && document.kind != "recipe") {
    return reader.wrong("kind", "'webhook', 'recipe' or 'file' belongs here.");
  }
  TRY(read_content_of(reader, document));
  TRY(read_url(reader, document));
  const DestinationDocument none;
  const DestinationDocument& before = previous == nullptr ? none : *previous;
  TRY(read_secret(reader, "secret", before.secret, document.secret));
  TRY(read_secret(reader, "secret_next",
                  reader.has("secret_next") ? before.secret_next : "",
                  document.secret_next));
  if (document.secret.empty() && !document.content) {
    return reader.wrong("secret", "a signing secret is missing: 'whsec_' followed by the base64 "
                                  "of 24 to 64 random bytes.");
  }
  const bool keeps = previous != nullptr && same_server(previous->url, document.url);
  TRY_ASSIGN(document.authorization,
             read_authorization(reader, keeps ? &previous->authorization : nullptr));
  TRY(check_request_headers(reader, document));
  TRY(read_headers(reader, previous, document));
  TRY(read_numbers(reader, document));
  return document;  // "disabled" is shown and not set: putting a destination enables it.
}

std::string to_shown_json(const DestinationDocument& document) {
  auto json = write(document, [](const std::string&, std::string_view mask) -> Result<std::string> {
    return std::string(mask);
  });
  CHECK(json.has_value());  // Masks cannot fail.
  return std::move(*json);
}

Result<std::string> to_stored_json(const DestinationDocument& document, const SecretBox& box,
                                   std::string_view id) {
  return write(document, [&](const std::string& secret, std::string_view) {
    return box.seal(secret, id);
  });
}

Result<DestinationDocument> from_stored_json(std::string_view json, const SecretBox& box,
                                             std::string_view id) {
  TRY_ASSIGN(const DocumentReader reader, DocumentReader::of(json));
  DestinationDocument document;
  TRY_ASSIGN(document.kind, reader.required_text("kind", 64));
  if (document.kind == "file") {
    TRY_ASSIGN(document, read_file_document(reader));
    TRY_ASSIGN(const auto reason, reader.text("disabled", kDocumentBytesMax));
    document.disabled = reason.value_or("");
    return document;
  }
  TRY(read_content_of(reader, document));
  TRY(read_url(reader, document));
  TRY_ASSIGN(const auto secret, reader.text("secret", kDocumentBytesMax));
  if (secret) {
    TRY_ASSIGN(document.secret, box.open(*secret, id));
  }
  TRY_ASSIGN(const auto next, reader.text("secret_next", kDocumentBytesMax));
  if (next) {
    TRY_ASSIGN(document.secret_next, box.open(*next, id));
  }
  TRY_ASSIGN(document.authorization,
             read_stored_authorization(reader, [&](const std::string& sealed) {
               return box.open(sealed, id);
             }));
  TRY_ASSIGN(const auto disabled, reader.text("disabled", kDocumentBytesMax));
  document.disabled = disabled.value_or("");
  TRY_ASSIGN(const auto headers, reader.object("headers"));
  for (const std::string& name : headers ? headers->keys() : std::vector<std::string>()) {
    TRY_ASSIGN(const std::string sealed, headers->required_text(name, kDocumentBytesMax));
    TRY_ASSIGN(std::string value, box.open(sealed, id));
    document.headers.emplace_back(name, std::move(value));
  }
  TRY(read_numbers(reader, document));
  return document;
}

}  // namespace muster::connect
