// What a delivery thread does with its claim: journal first, act, journal the outcome.
#include <algorithm>

#include "connect/compress.h"
#include "connect/exporter_impl.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

// Errors that pass by themselves: the work is tried again instead of being given up.
bool passes(ErrorCode code) {
  return code == ErrorCode::Unavailable || code == ErrorCode::Overloaded ||
         code == ErrorCode::StorageFull || code == ErrorCode::Conflict;
}

// The answer to an attempt must not be forgotten, whatever the journal says.
bool is_answer(const OutcomeRecord& record) {
  return !std::holds_alternative<AttemptStarted>(record);
}

}  // namespace

Status Exporter::Impl::write(const Task& task, const std::vector<OutcomeRecord>& records) {
  std::vector<std::string> payloads;
  for (const OutcomeRecord& record : records) payloads.push_back(encode(record));
  TRY(parts_.journal->append(outcome_stream(task.sync_id), std::move(payloads)));
  const std::scoped_lock lock(mutex_);
  for (const OutcomeRecord& record : records) {
    const Status applied = task.sync->ledger.apply(record);
    CHECK(applied.has_value());  // We made the record from this very ledger.
  }
  task.sync->trouble.clear();
  return Ok{};
}

void Exporter::Impl::execute(const Task& task, const std::stop_token& stop) {
  const Status done = [&]() -> Status {
    switch (task.kind) {
      case TaskKind::Cancel: return cancel(task);
      case TaskKind::Flush: return flush(task);
      case TaskKind::Tell: return note_contact(task);
      case TaskKind::Revive: return revive(task);
      case TaskKind::Attempt: return attempt(task, stop);
      case TaskKind::PlanBatch: return plan_batch(task);
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
  // Only this thread touches the backlog: it holds the claim.
  TRY(write(task, task.sync->backlog));
  const std::scoped_lock lock(mutex_);
  task.sync->backlog.clear();
  return Ok{};
}

Status Exporter::Impl::revive(const Task& task) {
  std::set<std::string> wanted;
  {
    const std::scoped_lock lock(mutex_);
    wanted.swap(task.sync->replay);
    if (wanted.empty() && task.sync->requested) {
      task.sync->revived_for = task.sync->requested->run;
    }
  }
  const bool all = wanted.empty();
  std::vector<OutcomeRecord> records;
  for (const auto& [id, batch] : task.sync->ledger.batches()) {
    if (batch.dead && (all || wanted.contains(id))) records.push_back(Revived{id, now()});
  }
  return records.empty() ? Status(Ok{}) : write(task, records);
}

// --- Attempts ------------------------------------------------------------------------------------

Status Exporter::Impl::attempt(const Task& task, const std::stop_token& stop) {
  const Batch* const batch = task.sync->ledger.batch(task.batch_id);
  CHECK(batch != nullptr);
  std::string body = batch->plan.packed;
  if (!batch->plan.gzip) {
    TRY_ASSIGN(body, gzip_unpack(batch->plan.packed, kBodyUnpackedMax));
  }
  TRY(write(task, {AttemptStarted{task.batch_id, batch->attempts + 1, now()}}));
  const Answer answer = task.client->deliver(
      {.message_id = task.batch_id, .body = body, .gzip = batch->plan.gzip, .at = now(),
       .traceparent = traceparent_of(*task.sync, batch->plan.run)}, stop);
  const Verdict verdict = judge({.batch = *batch, .destination = *task.destination,
                                 .answer = answer, .at = now(), .jitter = random_bits()});
  if (verdict.step == Step::Leave) return Ok{};
  note_answer(task, verdict);
  if (verdict.step == Step::Disable) TRY(disable(task, verdict.text));
  TRY_ASSIGN(const std::vector<OutcomeRecord> records,
             records_of(task, *batch, verdict, answer.status));
  const Status written = write(task, records);
  if (written) return Ok{};
  const std::scoped_lock lock(mutex_);
  for (const OutcomeRecord& record : records) {
    if (is_answer(record)) task.sync->backlog.push_back(record);
  }
  return written;
}

std::string Exporter::Impl::traceparent_of(const SyncEntry& sync, std::uint64_t run) {
  std::optional<TraceContext> trace;
  {
    const std::scoped_lock lock(mutex_);
    if (sync.traced_run == run) trace = sync.trace;
  }
  return trace ? to_traceparent(child_of(*trace, random_bits())) : "";
}

Result<std::vector<OutcomeRecord>> Exporter::Impl::records_of(const Task& task,
                                                              const Batch& batch,
                                                              const Verdict& verdict,
                                                              int status) {
  const std::string& id = task.batch_id;
  std::vector<OutcomeRecord> records;
  switch (verdict.step) {
    case Step::Delivered: records.emplace_back(Delivered{id, now(), status}); break;
    case Step::Reject: records.emplace_back(Rejected{id, now(), status, verdict.text}); break;
    case Step::GiveUp:
      records.emplace_back(Dead{id, now(), verdict.ambiguous, verdict.text});
      break;
    case Step::Retry:
      records.emplace_back(AttemptFailed{id, now(), verdict.retry_at, verdict.hold_until,
                                         verdict.ambiguous, status, verdict.text});
      break;
    case Step::Disable:  // Due at once when the destination is enabled again.
      records.emplace_back(AttemptFailed{id, now(), now(), 0, false, status, verdict.text});
      break;
    case Step::Split: {
      TRY_ASSIGN(auto halves, split(batch.plan, new_message_id(), new_message_id()));
      records.emplace_back(Split{id, now(), status, verdict.text, std::move(halves.first),
                                 std::move(halves.second)});
      break;
    }
    case Step::Leave: CHECK(!"an attempt that is left has no records");
  }
  return records;
}

void Exporter::Impl::note_answer(const Task& task, const Verdict& verdict) {
  const std::scoped_lock lock(mutex_);
  DestinationEntry& destination = destinations_.at(task.destination_id);
  destination.hold_until = std::max(destination.hold_until, verdict.hold_until);
  const bool failed = verdict.step == Step::Retry || verdict.step == Step::GiveUp;
  destination.failures = failed ? destination.failures + 1 : 0;
  if (destination.failures < kBreakerFailures) return;
  const TimeMs probe = std::min(verdict.step == Step::Retry ? verdict.retry_at : now(),
                                now() + kProbeEveryMs);
  destination.hold_until = std::max(destination.hold_until, probe);
}

Status Exporter::Impl::disable(const Task& task, const std::string& reason) {
  DestinationDocument document = *task.destination;
  document.disabled = "It answered 410 and wants nothing any more (" + reason + ").";
  const auto stored = store(task.destination_id, document, task.destination_version);
  if (!stored) {
    // Somebody has just put it anew: the 410 was about the address before.
    return stored.error().code == ErrorCode::Conflict ? Status(Ok{}) : stored.error();
  }
  install(*stored, std::move(document));
  audit("disable destination", task.destination_id, 410);
  return Ok{};
}

// --- Runs ----------------------------------------------------------------------------------------

// The run cannot go on as it is (a mapped field is gone, say): it ends, accounted for.
Status Exporter::Impl::stop_planning(SyncEntry& sync, Error error) {
  if (passes(error.code)) return error;
  const std::scoped_lock lock(mutex_);
  sync.stuck = error.message;
  return Ok{};
}

Status Exporter::Impl::plan_batch(const Task& task) {
  SyncEntry& sync = *task.sync;
  if (!sync.moment) {
    TRY_ASSIGN(AudienceMoment moment, parts_.audience->latest());
    const std::scoped_lock lock(mutex_);
    sync.moment = std::make_shared<const AudienceMoment>(std::move(moment));
  }
  if (!sync.events && task.document->mode == SyncMode::Events) {
    auto events = events_of(*task.document, sync.ledger);
    if (!events) return stop_planning(sync, std::move(events.error()));
    const std::scoped_lock lock(mutex_);
    sync.events = std::move(*events);
  }
  auto step = plan_step({.sync = *task.document, .audience = *parts_.audience,
                         .moment = *sync.moment, .journal = *parts_.journal,
                         .stream = outcome_stream(task.sync_id),
                         .batch_size = task.destination->batch_size,
                         .gzip = task.destination->gzip, .id = new_message_id(),
                         .events = sync.events.get()},
                        sync.ledger);
  if (!step) return stop_planning(sync, std::move(step.error()));
  std::vector<OutcomeRecord> records;
  if (!step->sorted.unchanged.empty() || !step->sorted.unidentifiable.empty()) {
    records.emplace_back(std::move(step->sorted));
  }
  if (step->batch) records.emplace_back(std::move(*step->batch));
  CHECK(!records.empty());
  return write(task, records);
}

Status Exporter::Impl::finish_run(const Task& task) {
  SyncEntry& sync = *task.sync;
  const std::uint64_t run = sync.ledger.last_run();
  TRY(write(task, {RunFinished{run, now(), sync.stuck}}));
  {
    const std::scoped_lock lock(mutex_);
    sync.moment.reset();
    sync.events.reset();
    sync.stuck.clear();
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
  if (!plan_made && passes(plan_made.error().code)) return std::move(plan_made.error());
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
  }
  audit("start run " + std::to_string(requested.run), task.sync_id, 0);
  return Ok{};
}

Status Exporter::Impl::request(const Task& task) {
  RunKind kind = RunKind::Usual;
  {
    const std::scoped_lock lock(mutex_);
    if (!task.sync->erased.empty()) kind = RunKind::Erasure;
  }
  const auto reserved = reserve_run(task.sync_id, {}, kind);
  // Somebody asked at the same moment: their run is as good.
  if (!reserved) return reserved.error().code == ErrorCode::Conflict ? Status(Ok{})
                                                                     : reserved.error();
  return Ok{};
}

}  // namespace muster::connect
