// How fast files become queryable, step by step, on one core: the rows of goal G9.
//
// Every rate is in MB (10^6 bytes of input) a second of processor time of the whole process, so
// that background threads count and other work on the machine does not. The median of the rounds;
// steps run in turn within a round. Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace muster::bench {

struct LoadOptions {
  std::uint64_t people = 200'000;
  int rounds = 3;
  std::filesystem::path folder;  // For the durable log; "" for none. Made, and emptied again.
};

// Of one format.
struct LoadRates {
  double decode = 0;     // Bytes to a Batch.
  double typed = 0;      // Bytes to TypedRows.
  double queryable = 0;  // Bytes to a published Generation, without any record.
  double in_memory = 0;  // By Engine::ingest; records are made and forgotten.
  double durable = 0;    // By Engine::ingest into a RocksLog, synced per request; 0 without folder.
  double durable_wall = 0;  // The same on the wall clock, waiting for the disk included.
  double per_row = 0;       // By Engine::ingest as `in_memory`, one row a request.
};

struct LoadResult {
  std::uint64_t people = 0, ndjson_bytes = 0, csv_bytes = 0;
  LoadRates ndjson, csv;
  double memcpy_mb_s = 0;  // What the memory allows: MB copied a second of the same bytes.
};

// Errors: those of the engine and of the log.
Result<LoadResult> measure_load(const LoadOptions& options);

// One attribute of 20 even values, built whole beside one roaring_bitmap_add per person.
struct BulkRates {
  double bulk = 0, per_row = 0;  // People a second of processor time; medians.
  double ratio = 0;              // Median of the rounds' ratios.
};
BulkRates measure_bulk(std::uint64_t people, int rounds);

}  // namespace muster::bench
