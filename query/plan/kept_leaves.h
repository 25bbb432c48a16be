// Which leaves of a bound tree may be answered from kept predicates, and their keys.
//
// Thread safety: any thread.
#pragma once

#include "query/plan/bound.h"

namespace muster::query {

// Leaves of one question that are looked up at most: each key is the printed condition.
inline constexpr std::size_t kKeptLeavesMax = 1'000;

// Numbers the leaves of the tree that are kept or are to be kept (BoundNode::kept) and puts what
// was found into query.kept. Without context.kept it does nothing.
// Cost: printing each event condition once.
void find_kept(BoundQuery& query, const BindContext& context);

}  // namespace muster::query
