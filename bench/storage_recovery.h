// How soon a server answers again, and what readers notice of a checkpoint.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "bench/engine_timing.h"

namespace muster::bench {

struct RecoveryOptions {
  std::uint32_t people = 10'000'000;
  unsigned events_each = 10;
  unsigned threads = 2;
  std::uint64_t tail_mib = 32;  // Records behind the checkpoint.
  double seconds = 5;           // Of readers, alone and beside a checkpoint.
  std::filesystem::path folder;
  bool encrypted = false;       // The files, and what is one person's alone with that person's key.
  bool sabotage = false;        // Without the checkpoint's help: none is found.
};

struct RecoveryResult {
  std::uint64_t events = 0, tail_events = 0;
  std::uint64_t checkpoint_bytes = 0, tail_bytes = 0;
  double write_seconds = 0;      // The whole checkpoint.
  double next_seconds = 0;       // One more after the tail, beside readers.
  std::uint64_t next_bytes = 0;  // Of it, written.
  double open_seconds = 0;       // Checkpoint and tail, files in the page cache.
  double restore_seconds = 0;    // The checkpoint alone.
  double floor_seconds = 0;      // Reading and checking the checkpoint's bytes, as many threads.
  double idle_p50_us = 0, idle_p99_us = 0, busy_p50_us = 0, busy_p99_us = 0;
};

// Errors: those of the engine, the log and the disk.
Result<RecoveryResult> measure_recovery(const RecoveryOptions& options);

}  // namespace muster::bench
