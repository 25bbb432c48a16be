// What the handlers share: reading queries, paging lists, and answers of the usual shapes.
//
// Thread safety: any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "engine/answers.h"
#include "server/http/json_request.h"
#include "server/http/message.h"

namespace muster::server {

// Elements of one page of a list.
inline constexpr std::size_t kPageDefault = 100;
inline constexpr std::size_t kPageMax = 1'000;

Response json_reply(std::string json);
Response no_content();
// 410: changes before X-First-Offset are past their retention, and the request is about them.
Response changes_gone(const Request& request, std::uint64_t first_offset);

// Errors: InvalidArgument naming a query parameter that is not among `names`.
Status only_query(const Request& request, std::initializer_list<std::string_view> names);
// Errors: InvalidArgument when it is neither 0, 1, false nor true.
Result<bool> query_flag(const Request& request, std::string_view name);
Result<std::uint64_t> query_number(const Request& request, std::string_view name,
                                   std::uint64_t fallback);
// An RFC 3339 time; nothing when the text is empty.
Result<std::optional<TimeMs>> parse_as_of(std::string_view text);

// The body as one JSON object of known keys, of a route without query parameters.
Result<JsonObject> json_body(const Request& request,
                             std::initializer_list<std::string_view> keys);

// A part of a list that is sorted by id.
struct Page {
  std::size_t limit = kPageDefault;
  std::string after;  // Id of the last element of the page before; "" for the first page.
};
// Reads ?limit= and ?cursor=.
Result<Page> page_of(const Request& request);

// {"items": [...], "next_cursor": "..."}; `ids` and `items` (JSON) go together, by id.
Response page_reply(const Page& page, const std::vector<std::string>& ids,
                    const std::vector<std::string>& items);

// {"id", "version", "changed", and the members of the document}.
std::string document_json(const engine::Document& document);

// If-Match: "3" as a version, for changes that must not overwrite another's.
Result<std::optional<std::uint64_t>> expected_version(const Request& request);

}  // namespace muster::server
