// `entered` and `left` as what they ask for: events that the system adds to who moves.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "base/system_names.h"
#include "query/language/ast.h"

namespace muster::query {

// Requires an Entered or a Left node.
inline std::string event_of_move(const Node& node) {
  return move_event(node.kind == NodeKind::Left ? Move::Left : Move::Entered, node.text);
}

}  // namespace muster::query
