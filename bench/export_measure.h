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

enum class ExportPart : std::uint8_t { All, People, Floor };

struct ExportOptions {
  std::uint32_t people = 1'000'000;
  std::uint32_t batch = 1'000;
  std::uint32_t concurrency = 8;
  std::uint32_t rounds = 3;
  std::uint32_t destinations = 50;     // Healthy ones, and as many that hang.
  std::uint32_t members = 50'000'000;  // Of each of the two sets.
  double down_seconds = 5;             // That a destination is down.
  std::string folder = "/tmp";
  ExportPart only = ExportPart::All;   // None of the other figures.
  bool sabotage = false;               // Deliveries one after the other, each waiting a moment.
};

// Time of a processor that a person takes, part by part (bench/export_floor.h).  Units: ns.
struct ExportFloor {
  double read = 0;     // Their columns, from the engine.
  double word = 0;     // Their text.
  double digest = 0;   // Of it, by which a change is known.
  double sign = 0;     // HMAC-SHA256 of the body.
  double pack = 0;     // zstd, for the journal.
  double journal = 0;  // Records of planning, beginning and answer, and the log, synced.
  double ledger = 0;   // Who was sent.
  double send = 0;     // The HTTP client alone, and its receiver.
  double body_bytes = 0;  // Of a batch.

  double sum() const { return read + word + digest + sign + pack + journal + ledger + send; }
  // People a second where nothing else is done and no processor ever waits.
  double people_per_second(unsigned processors) const { return processors * 1e9 / sum(); }
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
  ExportFloor floor;
  double diff_ms = 0;                // Planning a run: both differences and what goes with them.
  double down_mib = 0;               // By which the process grew while a destination was down.
  std::uint64_t down_attempts = 0;
};

// Errors: those of engine and exporter; InvalidArgument when a run does not end as it should.
Result<ExportResult> measure_export(const ExportOptions& options);

}  // namespace muster::bench
