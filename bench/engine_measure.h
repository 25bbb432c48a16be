// One segment against all engines: the same count first, then times in turn.
//
// Every round asks each engine once, or as often as it takes for a clock to be exact; engines that
// stand aside are asked in fewer rounds. A ratio is that of two times of one round. Short answers
// are timed with warm caches; what takes milliseconds is bound by memory anyhow. Thread safety: one
// thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/engine_population.h"
#include "bench/engine_timing.h"

namespace muster::bench {

// An engine with a question bound to it.
struct Contender {
  std::string name;
  std::function<std::uint64_t()> count;
  // Only told for comparison: asked in few rounds, and in one when it takes long.
  bool is_aside = false;
};

struct Side {
  std::string name;
  Spread us;
  Spread ratio;  // To our time of the same round; of ourselves 1.
};

struct SegmentRow {
  Layout layout = Layout::Uniform;
  std::string name;
  int leaves = 0;
  std::uint64_t people = 0;
  std::uint64_t bytes = 0;  // That ours must read at least; 0: not known.
  std::vector<Side> sides;  // Ours first.

  const Side& ours() const { return sides.front(); }
  const Side* side(std::string_view side_name) const;
};

struct MeasureOptions {
  int rounds = 31;       // At most; three at least.
  double seconds = 1.0;  // For one segment, roughly.
  TimeOf clock = TimeOf::Core;
  bool is_cold = false;  // The caches are filled with something else before every sample.
};

// Fills people and sides.  Requires our contender first.
// Errors: Corrupt, naming the segment and the two that do not agree.
Status measure(const std::vector<Contender>& contenders, const MeasureOptions& options,
               SegmentRow& row);

}  // namespace muster::bench
