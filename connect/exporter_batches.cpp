// The next batches of a run: cut by the planner, several at once, and noted in the ledger.
#include <algorithm>

#include "connect/exporter_impl.h"
#include "connect/planner.h"
#include "connect/side_by_side.h"

namespace muster::connect {
namespace {

bool says_anything(const Sorted& sorted) {
  return !sorted.unchanged.empty() || !sorted.unidentifiable.empty() ||
         !sorted.nameless.empty() || !sorted.renamed.empty() || sorted.is_about_shared();
}

// The steps of shares, each planned by whoever is free.
Result<std::vector<PlannedStep>> plan_beside(
    const std::vector<BatchInput>& inputs, const Ledger& ledger,
    const std::vector<std::vector<index::Ordinal>>& shares) {
  std::vector<std::optional<Result<PlannedStep>>> made(shares.size());
  side_by_side(shares.size(), [&](std::size_t i) {
    made[i].emplace(plan_share(inputs[i], ledger, shares[i]));
  });
  std::vector<PlannedStep> steps;
  for (auto& one : made) {
    TRY_ASSIGN(PlannedStep step, std::move(*one));
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

std::size_t stored_bytes(const std::vector<OutcomeRecord>& records) {
  std::size_t bytes = 0;
  for (const OutcomeRecord& record : records) {
    if (const auto* batch = std::get_if<BatchPlanned>(&record)) bytes += batch->packed.size();
  }
  return bytes;
}

Result<bool> Exporter::Impl::ready_to_plan(const Task& task) {
  SyncEntry& sync = *task.sync;
  if (!sync.moment) {
    TRY_ASSIGN(AudienceMoment moment, parts_.audience->latest());
    const std::scoped_lock lock(mutex_);
    sync.moment = std::make_shared<const AudienceMoment>(std::move(moment));
  }
  if (!sync.events && task.document->mode == SyncMode::Events &&
      sync.ledger.runs().back().erasure) {
    const std::scoped_lock lock(mutex_);
    sync.events = std::make_shared<const EventRows>();  // It is not the stream that tells of it.
  }
  if (!sync.events && task.document->mode == SyncMode::Events) {
    auto events = events_of(*task.document, sync.ledger);
    if (!events) {
      TRY(stop_planning(sync, std::move(events.error())));
      return false;
    }
    const std::scoped_lock lock(mutex_);
    sync.events = std::move(*events);
  }
  return true;
}

Result<std::vector<PlannedStep>> Exporter::Impl::plan_steps(const Task& task, std::size_t most) {
  SyncEntry& sync = *task.sync;
  const auto composer = make_composer(*task.document, *task.destination,
                                      box_.identifier_key(task.sync_id));
  TRY_ASSIGN(auto kept, kept_names(task));
  const auto input = [&] {
    return BatchInput{.sync = *task.document, .audience = *parts_.audience,
                      .moment = *sync.moment, .journal = *parts_.journal,
                      .stream = outcome_stream(task.sync_id), .composer = *composer,
                      .gzip = task.destination->gzip, .id = new_message_id(),
                      .events = sync.events.get(), .kept = {}};
  };
  BatchInput first = input();
  if (most > 1 && most * composer->people_max(Operation::Add) >= kPlannedBesideMin) {
    const auto shares = shares_to_add(first, sync.ledger, most);
    if (shares.size() > 1) {
      std::vector<BatchInput> inputs{std::move(first)};
      while (inputs.size() < shares.size()) inputs.push_back(input());
      return plan_beside(inputs, sync.ledger, shares);
    }
  }
  first.kept = std::move(kept);
  TRY_ASSIGN(PlannedStep step, plan_step(first, sync.ledger));
  std::vector<PlannedStep> steps;
  steps.push_back(std::move(step));
  return steps;
}

Status Exporter::Impl::note_step(const Task& task, PlannedStep step) {
  TRY(give_up_nameless(task, step.sorted.nameless));
  if (says_anything(step.sorted)) note(task, std::move(step.sorted));
  if (!step.batch) return Ok{};
  const std::string id = step.batch->id;
  note(task, std::move(*step.batch));
  const std::scoped_lock lock(mutex_);
  keep_body(*task.sync, id, std::move(step.body));
  return Ok{};
}

Status Exporter::Impl::plan_batches(const Task& task) {
  SyncEntry& sync = *task.sync;
  for (std::size_t planned = 0; planned < kPlannedAtOnceMax;) {
    std::size_t most = 0;
    {
      const std::scoped_lock lock(mutex_);
      const DestinationEntry& destination = destinations_.at(task.destination_id);
      const TimeMs at = now();
      const Ledger& ledger = sync.ledger;
      const bool over = draining_ || sync.cancel_wanted || sync.document->paused ||
                        !sync.stuck.empty() || !destination.document->disabled.empty() ||
                        !ledger.run_active() ||
                        ledger.all_planned() || ledger.dead_batches() >= kDeadBatchesMax ||
                        destination.gate.hold_until() > at;
      if (over) return Ok{};
      most = std::min({plannable(destination, sync), planners(), kPlannedAtOnceMax - planned});
      if (most == 0) return Ok{};
      // What can go goes first; the next ones are cut while it is under way.
      const std::size_t room = destination.gate.room();
      const bool open = destination.gate.ready_at(at).value_or(at + 1) <= at &&
                        flights_ < kFlightsMax;
      if (planned == 0 && open && due_batches(sync, at, room).size() == room) return Ok{};
    }
    ++planned;
    TRY_ASSIGN(const bool is_ready, ready_to_plan(task));
    if (!is_ready) continue;
    auto steps = plan_steps(task, most);
    if (!steps) {
      TRY(stop_planning(sync, std::move(steps.error())));
      continue;
    }
    planned += steps->size() - 1;
    for (PlannedStep& step : *steps) TRY(note_step(task, std::move(step)));
    if (stored_bytes(sync.backlog) > kPlannedBytesMax) return Ok{};
  }
  return Ok{};
}

// --- Bodies -------------------------------------------------------------------------------------

void Exporter::Impl::keep_body(SyncEntry& sync, const std::string& batch_id, std::string body) {
  if (body.empty() || bodies_bytes_ + body.size() > kBodiesBytesMax) return;
  bodies_bytes_ += body.size();
  sync.bodies[batch_id] = std::move(body);
}

std::optional<std::string> Exporter::Impl::take_body(SyncEntry& sync,
                                                     const std::string& batch_id) {
  const std::scoped_lock lock(mutex_);
  auto found = sync.bodies.extract(batch_id);
  if (found.empty()) return std::nullopt;
  bodies_bytes_ -= found.mapped().size();
  return std::move(found.mapped());
}

void Exporter::Impl::forget_bodies(SyncEntry& sync) {
  for (const auto& [id, body] : sync.bodies) bodies_bytes_ -= body.size();
  sync.bodies.clear();
  forget_ahead(sync);
}

}  // namespace muster::connect
