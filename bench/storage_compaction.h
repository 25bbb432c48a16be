// What it costs to take erased people out of the log, beside what nobody can do without: reading it
// and decoding its rows once.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "bench/engine_timing.h"

namespace muster::bench {

struct CompactionOptions {
  std::uint64_t rows = 5'000'000;     // Events; and a profile for every ten of them.
  std::uint32_t erased = 100;         // People.
  double seconds = 3;                 // Of readers and a writer, alone.
  std::filesystem::path folder;
  bool sabotage = false;              // Nobody is erased: what is to be taken out is not found.
};

struct CompactionResult {
  std::uint64_t log_bytes = 0, lines = 0, batches = 0;
  double decode_seconds = 0;   // Reading the log and decoding its batches, one thread: the floor.
  double seconds = 0;          // The compaction.
  double ratio = 0;            // Of the two.
  // Answers to a reader, and acknowledgements to a writer of one row: alone, and beside it.
  double idle_read_p99_us = 0, busy_read_p99_us = 0;
  double idle_write_p99_us = 0, busy_write_p99_us = 0, busy_write_max_us = 0;
};

// Errors: those of the engine, the log and the disk; Corrupt when it took out other lines than
// those of the people erased.
Result<CompactionResult> measure_compaction(const CompactionOptions& options);

}  // namespace muster::bench
