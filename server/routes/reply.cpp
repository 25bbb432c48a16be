#include "server/routes/reply.h"

#include <charconv>

#include "base/text.h"
#include "base/time.h"
#include "server/http/cursor.h"
#include "server/http/status.h"

namespace muster::server {

namespace {

Error wrong(std::string message) { return {ErrorCode::InvalidArgument, std::move(message)}; }

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

Response json_reply(std::string json) {
  Response response;
  response.body = std::move(json);
  response.body += '\n';
  return response;
}

Response changes_gone(const Request& request, std::uint64_t first_offset) {
  const std::string first = std::to_string(first_offset);
  Response gone = http_problem(410, "changes before offset " + first + " are past their retention: "
                                    "go on from there", request.request_id);
  gone.headers.push_back({"X-First-Offset", first});
  return gone;
}

Response no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

Status only_query(const Request& request, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : request.query) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::vector<std::string> known(names.begin(), names.end());
    return wrong("no query parameter " + with_suggestion(name, known) + " here");
  }
  return Ok{};
}

Result<bool> query_flag(const Request& request, std::string_view name) {
  const auto value = request.query_value(name);
  if (!value || *value == "0" || *value == "false") return false;
  if (*value == "1" || *value == "true") return true;
  return wrong("the query parameter '" + std::string(name) + "' must be 0 or 1");
}

Result<std::uint64_t> query_number(const Request& request, std::string_view name,
                                   std::uint64_t fallback) {
  const auto value = request.query_value(name);
  if (!value) return fallback;
  if (const auto number = to_number(*value)) return *number;
  return wrong("the query parameter '" + std::string(name) +
               "' must be a whole number, 0 or more");
}

Result<std::optional<TimeMs>> parse_as_of(std::string_view text) {
  if (text.empty()) return std::optional<TimeMs>();
  const std::optional<TimeMs> time = parse_time(text, Zone());
  if (!time) {
    return wrong("'as_of' must be an RFC 3339 time such as 2026-01-31T00:00:00Z, not '" +
                 std::string(text) + "'");
  }
  return time;
}

Result<JsonObject> json_body(const Request& request,
                             std::initializer_list<std::string_view> keys) {
  TRY(only_query(request, {}));
  TRY_ASSIGN(JsonObject json, JsonObject::parse(request.body));
  TRY(json.only(keys));
  return json;
}

Result<Page> page_of(const Request& request) {
  Page page;
  TRY_ASSIGN(const std::uint64_t limit, query_number(request, "limit", kPageDefault));
  if (limit == 0 || limit > kPageMax) return wrong("'limit' must be 1 to 1,000");
  page.limit = static_cast<std::size_t>(limit);
  if (const auto cursor = request.query_value("cursor")) {
    auto after = from_base64url(*cursor);
    if (!after || after->empty()) return wrong("this cursor was not made here");
    page.after = std::move(*after);
  }
  return page;
}

Response page_reply(const Page& page, const std::vector<std::string>& ids,
                    const std::vector<std::string>& items) {
  CHECK(ids.size() == items.size());
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  std::size_t shown = 0;
  std::size_t at = 0;
  while (at < ids.size() && !page.after.empty() && ids[at] <= page.after) ++at;
  for (; at < ids.size() && shown < page.limit; ++at, ++shown) json.raw(items[at]);
  json.end_array();
  if (at < ids.size()) json.key("next_cursor").text(to_base64url(ids[at - 1]));
  json.end_object();
  return json_reply(json.take());
}

std::string document_json(const engine::Document& document) {
  JsonWriter json;
  json.begin_object();
  json.key("id").text(document.id);
  json.key("version").number(document.version);
  json.key("changed").text(to_rfc3339(document.changed));
  if (document.deleted) json.key("deleted").boolean(true);
  if (const auto object = JsonObject::parse(document.json)) {
    for (const auto& [key, bytes] : object->members()) {
      const bool ours = key == "id" || key == "version" || key == "changed" || key == "deleted";
      if (!ours) json.key(key).raw(bytes);
    }
  }
  json.end_object();
  return json.take();
}

Result<std::optional<std::uint64_t>> expected_version(const Request& request) {
  std::string_view text = request.header("if-match");
  if (text.empty()) return std::optional<std::uint64_t>();
  const bool in_quotes = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
  if (in_quotes) text = text.substr(1, text.size() - 2);
  const auto version = to_number(text);
  if (!version) return wrong("If-Match must be the version, such as \"3\"");
  return version;
}

}  // namespace muster::server
