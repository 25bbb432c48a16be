// The ten questions of the first benchmark, each once as a segment and once over CRoaring sets.
//
// Thread safety: one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "bench/first_baseline.h"

namespace muster::bench {

struct BenchSegment {
  std::string name;
  int leaves = 0;
  std::string where;
  BaselineExpr baseline;
};

// Bound to `data`, which outlives them.
std::vector<BenchSegment> first_segments(const BaselineData& data);

}  // namespace muster::bench
