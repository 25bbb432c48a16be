// What is being planned beside the holder of a claim (exporter_ahead.cpp).
//
// For the exporter's own .cpp files. Thread safety: one thread at a time, but for the work itself.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "connect/beside.h"
#include "connect/exporter_impl.h"
#include "connect/planner.h"

namespace muster::connect {

struct Exporter::Impl::Ahead {
  explicit Ahead(Impl& its_exporter) : exporter(its_exporter) {}
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  ~Ahead();

  // What was made; empty where nobody was idle, or any of it failed. Until then nothing may be
  // folded into the ledger but that attempts have begun: the work reads all else of it.
  std::vector<PlannedStep> take();

  Impl& exporter;
  std::shared_ptr<Beside> work;  // Null: nothing is offered.
  // What it is about, which stays as long as it does.
  std::shared_ptr<const AudienceMoment> moment;
  std::unique_ptr<Composer> composer;
  std::vector<std::vector<index::Ordinal>> shares;
  std::vector<BatchInput> inputs;
  std::vector<std::optional<Result<PlannedStep>>> steps;
};

}  // namespace muster::connect
