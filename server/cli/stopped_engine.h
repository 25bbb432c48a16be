// An engine on a data directory whose server is stopped: the log has one writer.
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "server/cli/commands.h"

namespace muster::server {

class StoppedEngine {
 public:
  // `archive`: "" for none. `may_rotate`: data keys may be replaced, and a rotation that was
  // interrupted goes on. Notices go to stderr; no checkpoint is taken by itself.
  // Errors: those of the stores and of Engine::open().
  static Result<std::unique_ptr<StoppedEngine>> open(const std::string& data,
                                                     const std::string& archive,
                                                     const Stores& stores,
                                                     bool may_rotate = false);

  engine::Engine& engine() { return *engine_; }
  const Clock& clock() const { return clock_; }

 private:
  StoppedEngine() = default;

  const SystemClock clock_;
  const loader::FileDecoder decoder_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::CheckpointStore> checkpoints_;
  std::unique_ptr<storage::Suppression> suppression_;
  std::unique_ptr<engine::Engine> engine_;  // Last, so that it ends first.
};

}  // namespace muster::server
