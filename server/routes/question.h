// What check, count, members, explain and plan have in common: reading the question.
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

// The question that a saved segment asks: its "where" and "tz".
Result<engine::Question> question_of(const engine::Document& segment);

// {"count", "snapshot", "as_of", "took_us", "universe", "cut_in_tie"}: the last of a top only
std::string to_json(const engine::CountAnswer& answer);

}  // namespace muster::server
