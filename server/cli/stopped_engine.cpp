#include "server/cli/stopped_engine.h"

#include <iostream>

namespace muster::server {

Result<std::unique_ptr<StoppedEngine>> StoppedEngine::open(const std::string& data,
                                                           const std::string& archive,
                                                           const Stores& stores, bool may_rotate) {
  std::unique_ptr<StoppedEngine> stopped(new StoppedEngine);
  TRY_ASSIGN(stopped->log_, stores.open(data, LogUse::Existing));
  stopped->checkpoints_ = stores.checkpoints(data);
  TRY_ASSIGN(stopped->suppression_, stores.suppression(data));
  const engine::Parts parts{.log = stopped->log_.get(),
                            .clock = &stopped->clock_,
                            .decoder = &stopped->decoder_,
                            .checkpoints = stopped->checkpoints_.get(),
                            .checkpoint_bytes = 0,
                            .raw_archive = archive,
                            .suppression = stopped->suppression_.get(),
                            .keyring = may_rotate ? stores.keyring(data) : nullptr,
                            .notice = [](const std::string& notice) {
                              std::cerr << "muster: " << notice << '\n';
                            }};
  TRY_ASSIGN(stopped->engine_, engine::Engine::open(parts));
  return stopped;
}

}  // namespace muster::server
