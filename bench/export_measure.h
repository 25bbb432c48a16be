// What the exporter does in a second: people out over HTTP beside the HTTP client alone, healthy
// destinations beside hanging ones, memory while a destination is down, and the difference of two
// large sets.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace muster::bench {

struct ExportOptions {
  std::uint32_t people = 1'000'000;
  std::uint32_t batch = 1'000;
  std::uint32_t concurrency = 8;
  std::uint32_t rounds = 3;
  std::uint32_t destinations = 50;     // Healthy ones, and as many that hang.
  std::uint32_t members = 50'000'000;  // Of each of the two sets.
  double down_seconds = 5;             // That a destination is down.
  std::string folder = "/tmp";
  bool only_people = false;            // None of the other figures.
  bool sabotage = false;               // Deliveries one after the other, each waiting a moment.
};

struct ExportResult {
  double people_per_second = 0;      // Of the exporter.
  double client_people_per_second = 0;  // The same bodies by the HTTP client alone.
  // Time of processors, of sender, log and receiver together: as good on a busy machine.
  double cpu_ns_per_person = 0, client_cpu_ns_per_person = 0;
  double body_bytes_per_person = 0;
  double log_bytes_per_person = 0;
  double healthy_alone = 0, healthy_beside = 0;  // People a second.
  double shared_per_second = 0;      // Of sixteen syncs to one destination, 64 at once.
  double diff_ms = 0;                // Planning a run: both differences and what goes with them.
  double down_mib = 0;               // By which the process grew while a destination was down.
  std::uint64_t down_attempts = 0;
};

// Errors: those of engine and exporter; InvalidArgument when a run does not end as it should.
Result<ExportResult> measure_export(const ExportOptions& options);

}  // namespace muster::bench
