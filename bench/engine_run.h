// Runs the benchmark: one population after the other, segment by segment, beside each baseline.
//
// Thread safety: one thread at a time.
#pragma once

#include "bench/engine_beside.h"
#include "bench/engine_options.h"

namespace muster::bench {

// Fills populations and segments, printing as it goes.
// Errors: Corrupt when two engines do not agree; those of binding a segment.
Status run_segments(const EngineOptions& options, EngineReport& report);

}  // namespace muster::bench
