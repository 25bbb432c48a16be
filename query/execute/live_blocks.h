// Which blocks a question has to look at: those in which somebody may pass, from the directories of
// the whole index, before any block is touched.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

// Ascending.  Cost: nodes of the plan times blocks / 64.
std::vector<std::uint32_t> live_blocks(const BoundQuery& query);

}  // namespace muster::query
