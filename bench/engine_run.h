// Runs the benchmark: one population after the other, segment by segment, beside each baseline.
//
// Thread safety: one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "bench/engine_goals.h"

namespace muster::bench {

struct EngineOptions {
  std::uint32_t people = 10'000'000;
  unsigned events_each = 10;
  unsigned threads = 1;
  int rounds = 31;
  double seconds = 1.0;  // For one segment, roughly.
  std::uint64_t seed = 1;
  std::vector<Layout> layouts{Layout::Uniform, Layout::Clustered};
  std::string only;  // Segments whose name contains this.
  bool is_sabotaged = false;
  bool with_scan = true;
  bool with_duckdb = false;
  bool with_croaring_new = false;
};

// Fills populations and segments, printing as it goes.
// Errors: Corrupt when two engines do not agree; those of binding a segment.
Status run_segments(const EngineOptions& options, EngineReport& report);

}  // namespace muster::bench
