// A load into an engine of this process: `muster load --data DIR`, the benchmark and tests.
//
// Thread safety: as the engine, any thread.
#pragma once

#include "engine/engine.h"
#include "loader/load.h"

namespace muster::loader {

class EngineTarget final : public LoadTarget {
 public:
  // `engine` outlives the target.
  // Errors: PermissionDenied unless the caller may bring data and declare.
  static Result<EngineTarget> make(engine::Engine& engine, const engine::Access& access);

  Result<engine::IngestReceipt> send(const engine::IngestRequest& request) override;
  Status declare(std::string_view json) override;

 private:
  EngineTarget(engine::Engine& engine, engine::Pass<engine::Permission::Ingest> ingest,
               engine::Pass<engine::Permission::Define> define)
      : engine_(&engine), ingest_(std::move(ingest)), define_(std::move(define)) {}

  engine::Engine* engine_;
  engine::Pass<engine::Permission::Ingest> ingest_;
  engine::Pass<engine::Permission::Define> define_;
};

}  // namespace muster::loader
