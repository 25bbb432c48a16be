// How segments overlap: who is in exactly which of them, counted in one pass.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/query.h"

namespace muster::query {

// Segments that are laid over each other: there are 2^12 ways to be in some of them.
inline constexpr std::size_t kOverlapSegmentsMin = 2, kOverlapSegmentsMax = 12;

// By pattern, bit i of which says whether the person is in segments[i]: how many people are in
// exactly those. Pattern 0, people in none, is left at 0.
// `made`: one for each segment; null: nobody wants it.
// Requires at most kOverlapSegmentsMax segments, of one generation.
// Errors: as count().
Result<std::vector<std::uint64_t>> count_patterns(std::span<const BoundQueryPtr> segments,
                                                  const Budget& budget, Parallel parallel,
                                                  std::vector<KeptMade>* made = nullptr);

}  // namespace muster::query
