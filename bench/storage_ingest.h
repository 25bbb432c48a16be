// Rows acknowledged after a sync, beside RocksDB that writes the same records with as many syncs.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"

namespace muster::bench {

struct IngestOptions {
  double seconds = 5;  // Of each row of the table.
  std::filesystem::path folder;
};

struct IngestRow {
  std::size_t batch = 0;  // Events of a request.
  unsigned writers = 0;   // Requests at once.
  double events_per_second = 0, megabytes_per_second = 0;  // Of NDJSON.
  std::uint64_t syncs = 0;  // Of the log; the watermark has as many.
  // Rates over that of RocksDB alone, medians of interleaved rounds: of the whole way in, and of
  // our log given the same records.
  double ratio = 0, log_ratio = 0;
  // Rates with encryption over those without, likewise.
  double encrypted = 0, encrypted_log = 0;
};

Result<std::vector<IngestRow>> measure_ingest(const IngestOptions& options);

}  // namespace muster::bench
