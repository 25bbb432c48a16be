// `entered` and `left` as what they ask for: events that the system adds to who moves.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "index/system_events.h"
#include "query/language/ast.h"

namespace muster::query {

// Requires an Entered or a Left node.
inline std::string event_of_move(const Node& node) {
  return index::move_event(
      node.kind == NodeKind::Left ? index::Move::Left : index::Move::Entered, node.text);
}

}  // namespace muster::query
