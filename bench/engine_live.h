// Readers beside a writer: what 100,000 updates a second cost those who ask.
//
// Bound by the caches and the memory that reader and writer share, on two cores; on the wall clock,
// so other work on the machine shows. Quiet and busy stretches take turns.
// Thread safety: one call at a time; it starts a writer and joins it.
#pragma once

#include "base/result.h"
#include "bench/engine_goals.h"

namespace muster::bench {

struct LiveOptions {
  std::uint32_t people = 500'000;
  double seconds = 4;  // Of quiet, and as much beside the writer.
  std::uint64_t seed = 1;
};

// One reader through the engine's door, parsing and binding included; one writer that sets two
// attributes of 1,000 people every 10 ms, decoding included, without a log on disk.
// Errors: those of the engine.
Result<LiveRatios> measure_live(const LiveOptions& options);

}  // namespace muster::bench
