// What a reader and a writer notice of a rotation of data keys, and how long it takes.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace muster::bench {

struct RotationOptions {
  std::uint64_t rows = 5'000'000;  // Events; and a profile for every ten of them.
  double seconds = 3;              // Of readers and a writer, alone.
  std::filesystem::path folder;
  bool sabotage = false;           // No key is added, so nothing is written anew.
};

struct RotationResult {
  std::uint64_t bytes = 0;  // Of the files that were written anew.
  double seconds = 0;
  double idle_read_p99_us = 0, busy_read_p99_us = 0;
  double idle_write_p99_us = 0, busy_write_p99_us = 0, busy_write_max_us = 0;
};

// Errors: those of the engine, the log and the disk; Corrupt when a file is under the old key
// behind it.
Result<RotationResult> measure_rotation(const RotationOptions& options);

}  // namespace muster::bench
