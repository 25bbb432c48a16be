// What the export benchmark measures: an engine with people on a disk, and an exporter that
// delivers.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "bench/export_measure.h"
#include "bench/no_log.h"
#include "connect/exporter.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/log.h"

namespace muster::bench {

inline constexpr const char* kExportSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

double seconds_wall();
// Time that all threads of the process had a processor.
double seconds_cpu();

class ExportWorld {
 public:
  explicit ExportWorld(const ExportOptions& options);
  ~ExportWorld();

  Status open();
  engine::Engine& engine() { return *engine_; }

  Status segment(const std::string& id, const std::string& where);
  Status destination(const std::string& id, const std::string& url, const std::string& members);
  Status sync(const std::string& id, const std::string& segment, const std::string& destination);

  Status start(const std::string& sync);
  // People sent by the newest run, once it has ended.
  // Errors: InvalidArgument when it does not.
  Result<std::uint64_t> wait_for(const std::string& sync);
  Result<connect::GateView> status(const std::string& destination);
  // Forgets what was sent, so that the next run sends all again.
  // Whoever ended its run may be at it still.
  Status forget(const std::string& sync);
  std::uint64_t log_bytes() const { return log_->size_bytes(); }

 private:
  void clear() const;

  const ExportOptions& options_;
  const std::filesystem::path folder_;
  SystemClock clock_;
  SystemRandom random_;
  loader::FileDecoder decoder_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<connect::Exporter> exporter_;
  connect::Exporter::Pass pass_ = pass<engine::Permission::Activate>();
  std::vector<std::jthread> delivering_;
};

}  // namespace muster::bench
