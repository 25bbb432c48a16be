#include "connect/templates/content.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/limits.h"
#include "connect/destination_document.h"
#include "connect/no_such.h"
#include "connect/recipe.h"

namespace muster::connect {
namespace {

constexpr std::array<std::string_view, 3> kOperations{"add", "change", "remove"};
constexpr std::array<std::string_view, 9> kRequestSettings{
    "method", "path",      "headers",    "content_type", "body",
    "member", "separator", "batch_size", "identify_by"};
constexpr std::array<std::string_view, 4> kMethods{"POST", "PUT", "PATCH", "DELETE"};
constexpr std::array<std::string_view, 3> kRuleSettings{"normalise", "hash", "calling_code"};
constexpr std::size_t kSeparatorBytesMax = 16;
constexpr std::size_t kContentTypeBytesMax = 128;
constexpr std::size_t kDeclaredFieldsMax = 256;

Error with_pointer(const DocumentReader& reader, std::string_view key, const Error& error) {
  return reader.wrong(key, error.message);
}

Escape escape_of(std::string_view content_type) {
  const auto has = [&](std::string_view part) {
    return content_type.find(part) != std::string_view::npos;
  };
  if (has("json")) return Escape::Json;
  if (has("x-www-form-urlencoded")) return Escape::Url;
  return has("xml") ? Escape::Xml : Escape::None;
}

// What the templates of one document share.
struct Names {
  const Content& content;
  TemplateNames of_batch() const { return {content.names, content.settings, false}; }
  TemplateNames of_person() const { return {content.names, content.settings, true}; }
};

Result<TextTemplate> read_text(const DocumentReader& reader, std::string_view key,
                               const TemplateNames& names) {
  TRY_ASSIGN(const std::string text, reader.required_text(key, kTemplateBytesMax));
  auto parsed = TextTemplate::parse(text, names);
  if (!parsed) return with_pointer(reader, key, parsed.error());
  return parsed;
}

// JSON, or a text; of a text, what is behind {{members}} is a template of its own.
Result<Wording> read_wording(const DocumentReader& reader, std::string_view key,
                             const TemplateNames& names) {
  Wording wording;
  const auto text = reader.text(key, kTemplateBytesMax);
  if (!text) {
    TRY_ASSIGN(wording.json, JsonTemplate::parse(*reader.raw(key), reader.pointer(key), names));
    return wording;
  }
  const std::string_view whole = **text;
  const std::size_t at = whole.find(kMembersPlace);
  auto before = TextTemplate::parse(whole.substr(0, at), names);
  if (!before) return with_pointer(reader, key, before.error());
  wording.text = std::move(*before);
  if (at == std::string_view::npos) return wording;
  const std::string_view rest = whole.substr(at + kMembersPlace.size());
  if (rest.find(kMembersPlace) != std::string_view::npos) {
    return reader.wrong(key, "{{members}} stands in it twice; there is one place for the people.");
  }
  auto behind = TextTemplate::parse(rest, names);
  if (!behind) return with_pointer(reader, key, behind.error());
  wording.behind = std::move(*behind);
  return wording;
}

// Whether a body has a place for people, before it is read with the names that may stand in it.
Result<bool> has_members(const DocumentReader& reader) {
  const auto body = reader.raw("body");
  if (!body) return false;
  std::size_t count = 0;
  for (std::size_t at = body->find(kMembersPlace); at != std::string::npos;
       at = body->find(kMembersPlace, at + 1)) {
    ++count;
  }
  if (count > 1) {
    return reader.wrong("body", "{{members}} stands in it twice; there is one place for the "
                                "people.");
  }
  return count == 1;
}

Status read_headers(const DocumentReader& reader, const TemplateNames& names,
                    RequestTemplate& request) {
  TRY_ASSIGN(const auto headers, reader.object("headers"));
  if (!headers) return Ok{};
  const std::vector<std::string> keys = headers->keys();
  if (keys.size() > kHeadersMax) return reader.wrong("headers", "at most 32 headers are sent.");
  for (const std::string& name : keys) {
    if (name.size() >= kHeaderBytesMax || !is_header_name(name)) {
      return headers->wrong(name.substr(0, 64), "this is no name of an HTTP header.");
    }
    if (is_own_header(name)) {
      return headers->wrong(name, "this header is set by the delivery itself.");
    }
    TRY_ASSIGN(TextTemplate value, read_text(*headers, name, names));
    TRY_ASSIGN(const std::string text, headers->required_text(name, kTemplateBytesMax));
    if (!is_header_value(text)) {
      return headers->wrong(name, "a header value is one line of printable ASCII.");
    }
    request.headers.emplace_back(name, std::move(value));
  }
  return Ok{};
}

Status read_form(const DocumentReader& reader, RequestTemplate& request) {
  TRY_ASSIGN(const auto method, reader.text("method", 16));
  request.method = method.value_or("POST");
  if (std::find(kMethods.begin(), kMethods.end(), request.method) == kMethods.end()) {
    return reader.wrong("method", "'POST', 'PUT', 'PATCH' or 'DELETE' belongs here.");
  }
  TRY_ASSIGN(const auto type, reader.text("content_type", kContentTypeBytesMax));
  request.content_type = type.value_or(request.content_type);
  if (request.content_type.empty() || !is_header_value(request.content_type)) {
    return reader.wrong("content_type", "a media type like application/json belongs here.");
  }
  request.escape = escape_of(request.content_type);
  TRY_ASSIGN(const auto size, reader.number("batch_size", 1, kBatchSizeMax));
  request.batch_size = static_cast<std::size_t>(size.value_or(0));
  return Ok{};
}

Status read_bodies(const DocumentReader& reader, const Names& names, bool many,
                   RequestTemplate& request) {
  if (reader.has("body")) {
    const TemplateNames allowed = many ? names.of_batch() : names.of_person();
    TRY_ASSIGN(request.body, read_wording(reader, "body", allowed));
    if (request.body->json && request.escape != Escape::Json) {
      return reader.wrong("body", "a body of this content type is a text.");
    }
  }
  if (!many) {
    if (reader.has("member") || request.batch_size > 1) {
      return reader.wrong(reader.has("member") ? "member" : "batch_size",
                          "a body without {{members}} is for one person at a time.");
    }
    request.batch_size = 1;
    return Ok{};
  }
  if (reader.has("member")) {
    TRY_ASSIGN(request.member, read_wording(reader, "member", names.of_person()));
    if ((request.member->json && request.member->json->members() > 0) ||
        request.member->behind) {
      return reader.wrong("member", "{{members}} stands in the body.");
    }
  } else {
    const auto whole = TextTemplate::parse("{{member}}", names.of_person());
    CHECK(whole.has_value());
    request.member = Wording{.json = {}, .text = *whole, .behind = {}};
  }
  TRY_ASSIGN(const auto separator, reader.text("separator", kSeparatorBytesMax));
  if (separator && request.body->json) {
    return reader.wrong("separator", "in JSON people are separated by commas.");
  }
  request.separator = separator.value_or(request.escape == Escape::Json ? "," : "\n");
  return Ok{};
}

Result<std::vector<std::string>> read_identify_by(const DocumentReader& reader,
                                                  const Content& content) {
  if (!reader.has("identify_by")) return std::vector<std::string>();
  auto names = reader.texts("identify_by");
  if (!names || names->size() > kDeclaredFieldsMax) {
    return reader.wrong("identify_by", "a list of names of fields belongs here.");
  }
  for (const std::string& name : *names) {
    if (std::find(content.names.begin(), content.names.end(), name) != content.names.end()) {
      continue;
    }
    return reader.wrong("identify_by", no_such_name("field", name, content.names));
  }
  return std::move(*names);
}

// Whether a part of the path, as it is written or percent-encoded, is "." or "..": that leads
// elsewhere. Parts with places are looked at person by person.
bool climbs(std::string_view path) {
  std::string plain;
  for (std::size_t i = 0; i < path.size() && path[i] != '?'; ++i) {
    const std::string_view three = path.substr(i, 3);
    const bool is_dot = three == "%2e" || three == "%2E";
    plain.push_back(is_dot ? '.' : path[i]);
    if (is_dot) i += 2;
  }
  for (std::size_t from = 0; from < plain.size();) {
    const std::size_t to = std::min(plain.find('/', from), plain.size());
    const std::string_view part = std::string_view(plain).substr(from, to - from);
    if (part == "." || part == "..") return true;
    from = to + 1;
  }
  return false;
}

Result<RequestTemplate> read_request(const DocumentReader& reader, const Content& content) {
  TRY(reader.only(kRequestSettings));
  RequestTemplate request;
  const Names names{content};
  TRY(read_form(reader, request));
  TRY_ASSIGN(const bool many, has_members(reader));
  const TemplateNames around = many ? names.of_batch() : names.of_person();
  if (reader.has("path")) {
    TRY_ASSIGN(request.path, read_text(reader, "path", around));
    TRY_ASSIGN(const std::string path, reader.required_text("path", kTemplateBytesMax));
    const bool fits = path.starts_with('/') && !path.starts_with("//") &&
                      path.find_first_of("#\\ \t\r\n") == std::string::npos;
    // Blanks may stand within a place only.
    const bool spaced = path.starts_with('/') && path.find("{{") != std::string::npos &&
                        path.find_first_of("#\\\t\r\n") == std::string::npos;
    if (!fits && !spaced) return reader.wrong("path", "a path that begins with one '/' belongs "
                                                      "here, with no '#' in it.");
    if (climbs(path)) return reader.wrong("path", "a path without '.' and '..' belongs here.");
    request.path->add_fields(request.fields);
  }
  TRY(read_headers(reader, around, request));
  TRY(read_bodies(reader, names, many, request));
  for (const auto& [name, value] : request.headers) value.add_fields(request.fields);
  if (request.body) request.body->add_to(request);
  if (request.member) request.member->add_to(request);
  TRY_ASSIGN(request.identify_by, read_identify_by(reader, content));
  return request;
}

Status read_fields(const DocumentReader& reader, Content& content) {
  TRY_ASSIGN(const auto fields, reader.object("fields"));
  if (!fields) return Ok{};
  for (const std::string& name : fields->keys()) {
    const bool fits = !name.empty() && name.size() <= kNameBytesMax && name != "id" &&
                      name.find_first_of("{}|") == std::string::npos;
    if (!fits || content.fields.size() >= kDeclaredFieldsMax) {
      return reader.wrong("fields", "at most 256 names of 1 to 512 bytes, without braces and bars, "
                                    "and not 'id', belong here.");
    }
    TRY_ASSIGN(const auto rule, fields->object(name));
    if (!rule) return fields->wrong(name, "an object belongs here, if only {}.");
    TRY(rule->only(kRuleSettings));
    TRY_ASSIGN(RuleParts parts, read_rule(*rule));
    content.fields.push_back({name, std::move(parts)});
    content.names.push_back(name);
  }
  return Ok{};
}

Status read_settings(const DocumentReader& reader, Content& content) {
  TRY_ASSIGN(const auto settings, reader.object("settings"));
  if (!settings) return Ok{};
  for (const std::string& name : settings->keys()) {
    if (name.empty() || name.size() > 64 || content.settings.size() >= kSettingsMax) {
      return reader.wrong("settings", "at most 64 settings with names of 1 to 64 bytes fit.");
    }
    TRY_ASSIGN(std::string value, settings->required_text(name, kSettingBytesMax));
    content.settings.emplace_back(name, std::move(value));
  }
  return Ok{};
}

// All but the settings.
Status read_sections(const DocumentReader& reader, Content& content) {
  TRY(read_fields(reader, content));
  TRY_ASSIGN(content.identify_by, read_identify_by(reader, content));
  TRY_ASSIGN(const auto requests, reader.object("requests"));
  if (!requests) return reader.wrong("requests", "requests for 'add', 'change' and 'remove' are "
                                                 "missing.");
  TRY(requests->only(kOperations));
  for (const auto& [name, place] : {std::pair{"add", &content.add},
                                    {"change", &content.change}, {"remove", &content.remove}}) {
    TRY_ASSIGN(const auto request, requests->object(name));
    if (!request) continue;
    TRY_ASSIGN(*place, read_request(*request, content));
  }
  if (!content.add) return requests->wrong("add", "this request is missing.");
  TRY_ASSIGN(const auto answer, reader.object("answer"));
  if (answer) {
    TRY_ASSIGN(content.answer, read_answer_rules(*answer));
  }
  TRY_ASSIGN(const auto bytes, reader.number("batch_bytes", 1'024, INT64_C(8) << 20));
  content.bytes_max = static_cast<std::size_t>(bytes.value_or(0));
  content.seed = hash64(*reader.raw("requests"));
  for (const auto& [name, value] : content.settings) {
    content.seed = hash64(name + "=" + value, content.seed);
  }
  return Ok{};
}

}  // namespace

std::string Wording::render(const TemplateScope& scope, Escape escape) const {
  if (json) return json->render(scope);
  return text ? text->render(scope, escape) : std::string();
}

void Wording::add_to(RequestTemplate& request) const {
  if (json) {
    json->add_fields(request.fields);
    request.takes_all = request.takes_all || json->takes_all();
  }
  for (const std::optional<TextTemplate>* part : {&text, &behind}) {
    if (!*part) continue;
    (*part)->add_fields(request.fields);
    request.takes_all = request.takes_all || (*part)->takes_all();
  }
}

const RequestTemplate* Content::request(Operation operation) const {
  const auto pointer = [](const std::optional<RequestTemplate>& one) {
    return one ? &*one : nullptr;
  };
  switch (operation) {
    case Operation::Add: return pointer(add);
    case Operation::Change: return change ? pointer(change) : pointer(add);
    case Operation::Remove: return pointer(remove);
  }
  CHECK(!"every Operation has its request");
  return nullptr;
}

Result<std::shared_ptr<const Content>> read_content(const DocumentReader& document) {
  const bool has_any = std::any_of(std::begin(kContentSections), std::end(kContentSections),
                                   [&](std::string_view key) { return document.has(key); });
  if (!has_any) return std::shared_ptr<const Content>();
  auto content = std::make_shared<Content>();
  TRY(read_settings(document, *content));
  TRY(read_sections(document, *content));
  for (const std::string_view section : kContentSections) {
    auto raw = document.raw(section);
    if (raw) content->sections.emplace_back(section, std::move(*raw));
  }
  return std::shared_ptr<const Content>(std::move(content));
}

Result<std::shared_ptr<const Content>> read_recipe_content(const DocumentReader& document,
                                                           std::string_view recipe) {
  TRY_ASSIGN(const DocumentReader text, recipe_document(document, recipe));
  auto content = std::make_shared<Content>();
  content->recipe = recipe;
  TRY(read_settings(document, *content));
  TRY(complete_settings(document, text, content->settings));
  TRY(read_sections(text, *content));
  JsonWriter settings;
  settings.begin_object();
  for (const auto& [name, value] : content->settings) settings.key(name).text(value);
  settings.end_object();
  content->sections.emplace_back("settings", settings.take());
  return std::shared_ptr<const Content>(std::move(content));
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// No line breaks above all: they would begin another header.
bool is_header_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

bool is_own_header(std::string_view name) {
  // Another value would forge or break the message.
  constexpr std::array<std::string_view, 11> kOwn{
      "host",    "connection", "content-length", "content-type",      "content-encoding", "expect",
      "upgrade", "te",         "trailer",        "transfer-encoding", "user-agent"};
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower.starts_with("webhook-") || std::find(kOwn.begin(), kOwn.end(), lower) != kOwn.end();
}

}  // namespace muster::connect
