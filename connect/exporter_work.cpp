// What a delivery thread does with its claim: journal first, act, journal the outcome.
#include <algorithm>

#include "connect/exporter_impl.h"
#include "connect/planner.h"

namespace muster::connect {
Status Exporter::Impl::append(const Task& task, const std::vector<OutcomeRecord>& records,
                              const std::vector<OutcomeRecord>& more) {
  std::vector<std::string> payloads;
  for (const OutcomeRecord& record : records) payloads.push_back(encode(record));
  for (const OutcomeRecord& record : more) payloads.push_back(encode(record));
  return parts_.journal->append(outcome_stream(task.sync_id), std::move(payloads));
}

void Exporter::Impl::fold(const Task& task, const OutcomeRecord& record) {
  const std::scoped_lock lock(mutex_);
  const Status applied = task.sync->ledger.apply(record);
  CHECK(applied.has_value());  // We made the record from this very ledger.
}

Status Exporter::Impl::write(const Task& task, const std::vector<OutcomeRecord>& records) {
  TRY(append(task, records));
  for (const OutcomeRecord& record : records) fold(task, record);
  const std::scoped_lock lock(mutex_);
  task.sync->trouble.clear();
  return Ok{};
}

void Exporter::Impl::execute(const Task& task) {
  const Status done = [&]() -> Status {
    switch (task.kind) {
      case TaskKind::Cancel: return cancel(task);
      case TaskKind::Recut: return recut(task);
      case TaskKind::Owe: return keep_outbox(task);
      case TaskKind::Name: return seal_names(task);
      case TaskKind::Flush: return flush(task);
      case TaskKind::Tell: return note_contact(task);
      case TaskKind::Revive: return revive(task);
      case TaskKind::Deliver: return deliver(task);
      case TaskKind::FinishRun: return finish_run(task);
      case TaskKind::StartRun: return start_run(task);
      case TaskKind::Request: return request(task);
    }
    CHECK(!"every TaskKind is done");
    return Ok{};
  }();
  if (done) return;
  const std::scoped_lock lock(mutex_);
  task.sync->not_before = now() + kTroubleWaitMs;
  task.sync->trouble = done.error().message;
}

Status Exporter::Impl::flush(const Task& task) {
  // Only this thread touches the backlog: it holds the claim. The ledger has it already.
  TRY(append(task, task.sync->backlog));
  const std::scoped_lock lock(mutex_);
  task.sync->backlog.clear();
  task.sync->trouble.clear();
  return Ok{};
}

Status Exporter::Impl::revive(const Task& task) {
  std::set<std::string> wanted;
  bool all = false;
  {
    const std::scoped_lock lock(mutex_);
    wanted.swap(task.sync->replay);
    all = wanted.empty() && task.sync->requested;
    if (all) {
      task.sync->revived_for = task.sync->requested->run;
    } else if (wanted.empty()) {  // Nobody asked, but they are owed.
      wanted = dead_removals(*task.sync);
      task.sync->erased_again_at = now() + kErasedAgainMs;
    }
  }
  std::vector<OutcomeRecord> records;
  for (const auto& [id, batch] : task.sync->ledger.batches()) {
    if (batch.dead && (all || wanted.contains(id))) records.push_back(Revived{id, now()});
  }
  return records.empty() ? Status(Ok{}) : write(task, records);
}

// --- Runs ----------------------------------------------------------------------------------------

// The run cannot go on as it is (a mapped field is gone, say): it ends, accounted for.
Status Exporter::Impl::stop_planning(SyncEntry& sync, Error error) {
  if (passes(error.code)) return error;
  const std::scoped_lock lock(mutex_);
  sync.stuck = error.message;
  return Ok{};
}

Status Exporter::Impl::finish_run(const Task& task) {
  SyncEntry& sync = *task.sync;
  const std::uint64_t run = sync.ledger.last_run();
  const RunCounts& counts = sync.ledger.runs().back().counts;
  const bool anew = task.document->mode == SyncMode::Events &&
                    !sync.ledger.runs().back().erasure &&
                    sync.ledger.events_from() == sync.ledger.cursor() &&
                    counts.audience + counts.removals > 0;
  const std::string said = sync.stuck.empty() && anew
                               ? "Changes were past their retention: it began anew from the "
                                 "members, so those who came and went meanwhile are not told of."
                               : sync.stuck;
  TRY(write(task, {RunFinished{run, now(), said}}));
  {
    const std::scoped_lock lock(mutex_);
    sync.moment.reset();
    sync.events.reset();
    sync.stuck.clear();
    forget_ahead(sync);
    review_erased(sync, sync.ledger.runs().back().erasure);
  }
  audit("finish run " + std::to_string(run), task.sync_id, 0);
  return Ok{};
}

Status Exporter::Impl::start_run(const Task& task) {
  SyncEntry& sync = *task.sync;
  CHECK(sync.requested.has_value());  // Changed by the holder of the claim and by nobody else.
  const RunRequested requested = *sync.requested;
  if (requested.erased.empty()) note_seen(task);
  auto plan_made = plan(*task.document, sync.ledger, requested);
  // A change that waits for a dead letter waits until somebody asks for a run again.
  const auto waits = [&](ErrorCode code) {
    return passes(code) && !(task.document->mode == SyncMode::Events &&
                             code == ErrorCode::Conflict);
  };
  if (!plan_made && waits(plan_made.error().code)) return std::move(plan_made.error());
  std::shared_ptr<const AudienceMoment> moment;
  if (plan_made) {
    moment = std::move(plan_made->moment);
    TRY(write(task, {std::move(plan_made->run)}));
  } else {
    TRY(write(task, {RunFailed{requested.run, requested.at, now(), plan_made.error().message}}));
  }
  {
    const std::scoped_lock lock(mutex_);
    sync.requested.reset();
    sync.moment = std::move(moment);
    if (!requested.erased.empty()) sync.erased_tried = requested.erased;
    if (!sync.moment) review_erased(sync, !requested.erased.empty());
  }
  audit("start run " + std::to_string(requested.run), task.sync_id, 0);
  return Ok{};
}

Status Exporter::Impl::request(const Task& task) {
  RunKind kind = RunKind::Usual;
  {
    const std::scoped_lock lock(mutex_);
    const index::Bitmap there = erased_there(*task.sync);
    const bool tried = subtract(there, task.sync->erased_tried).empty();
    if (!there.empty() && (!tried || task.sync->erased_again_at <= now())) kind = RunKind::Erasure;
  }
  const auto reserved = reserve_run(task.sync_id, {}, kind);
  // Somebody asked at the same moment: their run is as good.
  if (!reserved) return reserved.error().code == ErrorCode::Conflict ? Status(Ok{})
                                                                     : reserved.error();
  return Ok{};
}

}  // namespace muster::connect
