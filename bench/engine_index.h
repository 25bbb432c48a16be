// The population as a Generation, built whole through the doors for bulk loads.
//
// Bound by one core: drawing the values, counting sorts, and the memory they write.
// Thread safety: one thread at a time.
#pragma once

#include <memory>

#include "bench/engine_population.h"
#include "index/generation.h"

namespace muster::bench {

struct BuiltIndex {
  std::shared_ptr<const index::Generation> generation;
  // Seconds of this thread on its core.
  double draw_seconds = 0;        // Making the values.
  double attributes_seconds = 0;  // Values to attributes.
  double ids_seconds = 0;
  double events_seconds = 0;  // Columns to event tables.
};

BuiltIndex build_index(const Population& population);

}  // namespace muster::bench
