// One construct in all its states, in turn with DuckDB.
//
// First everybody counts the people as they were built: a plain loop where they are few, DuckDB
// where it is there, and we; all must agree. Then rounds: 1,000 fresh events come, and we are asked
// from the events, from what is kept (which must say the same), from what is kept and up to date,
// and once the clock is a second further; then DuckDB about the people as they were built. A ratio
// is that of two times of one round. What we are not done with when patience runs out is given up:
// how long that took stands for our time, which would have been longer.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <vector>

#include "bench/engine_duckdb_session.h"
#include "bench/engine_timing.h"
#include "bench/language_asker.h"
#include "bench/language_constructs.h"

namespace muster::bench {

struct ConstructRow {
  Construct construct;
  std::uint64_t people = 0;
  Spread cold;                // From the events.
  double expected = 0;        // What that was expected to take.
  // From what is kept: after fresh events, up to date, a second on. Nothing: given up.
  std::optional<Spread> fresh, kept, moved;
  bool is_given_up = false;
  // Only beside DuckDB.
  std::optional<Spread> duckdb, cold_ratio, warm_ratio;

  bool is_cold_met() const { return cold_ratio->median >= goal_of(construct.family); }
  bool is_warm_met() const { return warm_ratio && warm_ratio->median >= kWarmGoal; }
};

struct LanguageMeasure {
  int rounds = 9;        // At most; three at least.
  double seconds = 5.0;  // For one construct, roughly.
  TimeOf clock = TimeOf::Core;
};

// Units: seconds. `expected`: what a plain loop counts.
// Errors: Corrupt, naming the construct and the two that do not agree; those of both engines.
Result<ConstructRow> measure(const Construct& construct, Asker& asker, duckdb::Session* beside,
                             std::optional<std::uint64_t> expected,
                             const LanguageMeasure& options);

// What plain loops over the events of every person count, by construct.
std::vector<std::uint64_t> count_plainly(const LanguagePeople& people,
                                         const std::vector<Construct>& constructs);

}  // namespace muster::bench
