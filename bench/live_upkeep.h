// What keeping saved segments exact costs: commits with them and without, side by side.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace muster::bench {

struct UpkeepOptions {
  std::uint32_t people = 200'000;
  std::uint32_t events = 1'000'000;  // Before the first commit.
  std::uint32_t segments = 1'000;
  double seconds = 3;                // Of each row of the table.
  std::uint64_t seed = 1;
  std::string only_load;             // "": all of them.
  std::uint32_t only_batch = 0;      // 0: all sizes.
  bool sabotage = false;             // The segments are not kept at all.
};

// What the rows of a commit are about.
enum class UpkeepLoad : std::uint8_t {
  Events,    // Of ten names, of the last minute.
  OneTrait,  // A number that people have moves by a little.
  AllAtRandom,  // Three attributes are any others: some 200 segments change for each row.
  // Events of a tenth of the people, some names oftener than others, after as many of theirs in 30
  // days: what they do mostly changes nothing that it has not changed before.
  Regulars,
};

const char* name_of(UpkeepLoad load);

// Commits of so many rows each.
struct UpkeepRow {
  UpkeepLoad load = UpkeepLoad::Events;
  std::uint32_t batch = 0;
  std::uint64_t commits = 0;
  double rows_per_second = 0;         // With all segments kept.
  double bare_rows_per_second = 0;    // Without.
  double upkeep_rows_per_second = 0;  // Of the difference alone.
  double commit_ms_p50 = 0, commit_ms_p99 = 0;
  std::uint64_t changes = 0;          // Rows of the change stream.
};

struct UpkeepResult {
  std::vector<UpkeepRow> rows;
  // One person alone, asked at all conditions of the segments.
  double by_person_ns = 0;
  double fill_seconds = 0;            // All segments asked for everybody, at a start.
};

// Errors: those of the engine; Corrupt when what was kept is not what a question says.
Result<UpkeepResult> measure_upkeep(const UpkeepOptions& options);

}  // namespace muster::bench
