// Errors with their place in the segment's text.
//
// Thread safety: any thread.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "query/language/ast.h"
#include "query/plan/bound.h"

namespace muster::query {

// "line 1, column 5: MESSAGE", as the parser writes it.
Error error_at(ErrorCode code, const Place& place, const std::string& message,
               const std::string& expected = "");

// InvalidArgument: "this is FOUND and is compared with EXPECTED".
Error wrong_kind(const Place& place, ValueKind found, ValueKind expected);

// InvalidArgument: "no WHAT 'name'; did you mean 'nearest'?"
Error unknown_name(const Place& place, const std::string& what, const std::string& name,
                   std::span<const std::string> candidates);

// InvalidArgument: "'PATH' is a list of objects: say any PATH where (...)".
Error ask_with_where(const Place& place, const Path& path);

// LimitExceeded: beyond kBoundNodesMax.
Error too_many_nodes(const Place& place);

// Unsupported: "CONSTRUCT cannot be answered yet."
// Of what asks about people, inside of events.
Error only_among_people(const Place& place, const std::string& construct);
Error unsupported(const Place& place, const std::string& construct);

}  // namespace muster::query
