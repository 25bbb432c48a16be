// What a population takes in memory, part by part, beside the same sets in portable Roaring.
//
// Thread safety: one thread at a time.
#pragma once

#include "bench/engine_index.h"
#include "bench/engine_report.h"
#include "bench/engine_sets.h"

namespace muster::bench {

// The rates and bytes of one population.  `engine` must be empty and is left empty.
PopulationRow population_row(const Population& population, const BuiltIndex& built,
                             SetEngine& engine);

}  // namespace muster::bench
