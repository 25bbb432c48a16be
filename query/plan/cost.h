// What answering a leaf for a block of 65,536 people takes: nanoseconds of one core.
//
// Rough, and made of what is known without looking at a value: how many events and values there
// are, how much of their history a window covers, and what each way of answering took per row in
// `./tools/bench language`, which also prints how far the sum is from the time measured.
// Thread safety: any thread.
#pragma once

#include <unordered_set>

#include "query/plan/bound.h"

namespace muster::query {

// What the planner compares everything with: one pass over 8 KiB of bits.
inline constexpr double kPassNs = 250;
// 65,536 values of one to eight bytes each looked at.
inline constexpr double kScanNs = 10'000;
inline constexpr double kListScanNs = 250'000;

// The aggregates that have been paid for: several leaves over one are answered by one pass.
using Priced = std::unordered_set<const BoundAggregate*>;

// Of a leaf over events, or over values compared with each other.  Requires blocks >= 1.
double history_cost(const BoundNode& leaf, double blocks, Priced& priced);
// Of a value that is worked out for everybody.  Requires blocks >= 1.
double value_cost(const BoundValue& value, double blocks, Priced& priced);
// One person asked alone, whatever about: most of it waiting for memory.
inline constexpr double kPersonNs = 1'000;

}  // namespace muster::query
