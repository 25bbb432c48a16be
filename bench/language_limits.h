// What the benchmark says beside ratios: how late a question ends whose time is up, and what counts
// at every clause cost.
//
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/engine_timing.h"
#include "bench/language_asker.h"
#include "bench/language_measure.h"

namespace muster::bench {

// By the wall clock: a deadline is a moment.
struct Lateness {
  std::size_t asked = 0;   // Questions that were cut short.
  double median = 0, most = 0;  // Seconds after the deadline.
  std::string latest;      // The construct that was latest.
};
inline constexpr double kLateSecondsGoal = 0.020;

// Every construct several times, with a part of the time that it takes.
// Errors: those of the language.
Result<Lateness> measure_lateness(Asker& asker, const std::vector<ConstructRow>& rows);

// A segment of twenty clauses over events, counted at every clause, and its clauses asked one by
// one.
struct NodeCounts {
  std::size_t clauses = 0;
  Spread all, one_by_one;  // Seconds.
  Spread ratio;            // Of one round.
};
inline constexpr double kNodesRatioGoal = 3, kNodesSecondsGoal = 0.100;
Result<NodeCounts> measure_nodes(Asker& asker, From from, TimeOf clock);

// One line each, with its goal.
void print_limits(const std::optional<Lateness>& late, const std::optional<NodeCounts>& cold,
                  const std::optional<NodeCounts>& kept,
                  const std::optional<NodeCounts>& all_cores);

}  // namespace muster::bench
