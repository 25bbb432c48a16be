// Demo people into an engine and into the baseline, timed part by part.
//
// Generating is not timed; decoding is timed alone, and again inside each ingestion. The log
// takes records and forgets them, so that no disk is measured. Thread safety: one thread at a time.
#pragma once

#include <memory>

#include "base/clock.h"
#include "bench/first_baseline.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "loader/demo.h"

namespace muster::bench {

// Seconds that this thread has spent on a core.
double core_seconds();

struct TableRate {
  std::uint64_t rows = 0, bytes = 0;
  double decode_seconds = 0;       // Of one core, by the decoder alone.
  double ingest_seconds = 0;       // Of one core, from bytes to visible, decoding included.
  double ingest_wall_seconds = 0;  // The same on the wall clock.
};

// Takes every record and keeps none.
class ForgettingLog final : public storage::Log {
 public:
  Status append(std::span<const std::string> records) override;
  Status read(std::uint64_t first, const std::function<Status(std::uint64_t, std::string_view)>&
                                       visit) override;
  std::uint64_t last_sequence() const override { return last_; }
  std::uint64_t size_bytes() const override { return bytes_; }

 private:
  std::uint64_t last_ = 0, bytes_ = 0;
};

struct Loaded {
  ForgettingLog log;
  ManualClock clock{0};
  loader::FileDecoder decoder;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<BaselineData> baseline;
  TableRate products, profiles, events;
};

// Half a day after the demo's present, so that no window begins at midnight.
inline constexpr TimeMs kBenchNow = loader::kDemoNow + 45'296'789;

Result<std::unique_ptr<Loaded>> load_demo(const loader::DemoOptions& options);

}  // namespace muster::bench
