// What each part of sending a person costs by itself: the same people in the same batches through
// the very functions that the exporter calls, one after the other on one thread, with nothing
// between them. No exporter that reads, words, signs, packs and journals can cost less than their
// sum.
//
// Thread safety: one thread at a time.
#pragma once

#include "base/result.h"
#include "bench/export_measure.h"
#include "bench/export_world.h"

namespace muster::bench {

// All parts but ExportFloor::send.
// Errors: those of the engine.
Result<ExportFloor> measure_floor(const ExportOptions& options, ExportWorld& world);

}  // namespace muster::bench
