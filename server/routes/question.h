// What all questions have in common: reading what is asked, and writing counts.
//
// Thread safety: any thread.
#pragma once

#include <initializer_list>
#include <string_view>

#include "server/http/json_request.h"
#include "server/routes/reply.h"

namespace muster::server {

// {"where", "as_of", "tz", "allow_unknown"} of a body whose keys have been checked.
// Errors: InvalidArgument.
Result<engine::Question> question_of(const JsonObject& json);
// The same without "where".
Result<engine::Question> circumstances_of(const JsonObject& json);

// Rows that a breakdown or an overlap tells: "limit".
inline constexpr std::size_t kRowsDefault = 50, kRowsMax = 1'000;
// Errors: InvalidArgument when it is not 1 to kRowsMax.
Result<std::size_t> rows_limit(const JsonObject& json);

// The question that a saved segment asks: its "where" and "tz".
Result<engine::Question> question_of(const engine::Document& segment);

// The members of to_json(), into an object that is begun.
void write_count(JsonWriter& json, const engine::CountAnswer& answer);
// {"count", "snapshot", "as_of", "took_us", "universe", "cut_in_tie"}: the last of a top only
std::string to_json(const engine::CountAnswer& answer);

}  // namespace muster::server
