#include "loader/engine_target.h"

namespace muster::loader {

Result<EngineTarget> EngineTarget::make(engine::Engine& engine, const engine::Access& access) {
  TRY_ASSIGN(auto ingest, access.require<engine::Permission::Ingest>());
  TRY_ASSIGN(auto define, access.require<engine::Permission::Define>());
  return EngineTarget(engine, std::move(ingest), std::move(define));
}

Result<engine::IngestReceipt> EngineTarget::send(const engine::IngestRequest& request) {
  return engine_->ingest(ingest_, request);
}

Status EngineTarget::declare(std::string_view json) {
  TRY(engine_->declare(define_, json));
  return Ok{};
}

}  // namespace muster::loader
