// What a run of the benchmark is asked to do.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/engine_population.h"

namespace muster::bench {

struct EngineOptions {
  std::uint32_t people = 10'000'000;
  unsigned events_each = 10;
  unsigned threads = 1;
  int rounds = 31;       // Of one segment, at most.
  double seconds = 1.0;  // For one segment, roughly.
  std::uint64_t seed = 1;
  std::vector<Layout> layouts{Layout::Uniform, Layout::Clustered};
  std::string only;  // Segments whose name contains this.
  bool is_sabotaged = false;
  bool is_cold = false;
  bool with_scan = true;
  bool with_duckdb = false;
  bool with_croaring_new = false;
};

}  // namespace muster::bench
