// What a delivery thread does with its claim: journal first, act, journal the outcome.
#include <algorithm>

#include "base/hash.h"
#include "connect/exporter_impl.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

// Names what a mirror has to send as a whole again: all but when and whether it runs.
std::uint64_t meaning_of(const SyncDocument& document) {
  SyncDocument plain = document;
  plain.paused = false;
  plain.every_ms.reset();
  return hash64(to_json(plain));
}

}  // namespace

Status Exporter::Impl::append(const Task& task, const std::vector<OutcomeRecord>& records) {
  std::vector<std::string> payloads;
  for (const OutcomeRecord& record : records) payloads.push_back(encode(record));
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
      case TaskKind::Flush: return flush(task);
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

// --- Runs ----------------------------------------------------------------------------------------

Status Exporter::Impl::finish_run(const Task& task) {
  SyncEntry& sync = *task.sync;
  const std::uint64_t run = sync.ledger.last_run();
  TRY(write(task, {RunFinished{run, now(), sync.stuck}}));
  {
    const std::scoped_lock lock(mutex_);
    sync.moment.reset();
    sync.stuck.clear();
  }
  audit("finish run " + std::to_string(run), task.sync_id, 0);
  return Ok{};
}

Result<RunStarted> Exporter::Impl::plan(const Task& task, const RunRequested& requested,
                                        std::shared_ptr<const AudienceMoment>& moment) {
  TRY_ASSIGN(AudienceMoment members, parts_.audience->members(task.document->segment));
  moment = std::make_shared<const AudienceMoment>(std::move(members));
  RunInput input{.sync = *task.document, .sync_version = meaning_of(*task.document),
                 .run = requested.run, .requested_at = requested.at, .at = now(),
                 .audience = *moment, .excluded = {}};
  for (const std::string& segment : task.document->exclude) {
    TRY_ASSIGN(AudienceMoment excluded, parts_.audience->members(segment));
    input.excluded.emplace_back(segment, std::move(excluded.members));
  }
  return plan_run(input, task.sync->ledger);
}

Status Exporter::Impl::start_run(const Task& task) {
  SyncEntry& sync = *task.sync;
  CHECK(sync.requested.has_value());  // Changed by the holder of the claim and by nobody else.
  const RunRequested requested = *sync.requested;
  std::shared_ptr<const AudienceMoment> moment;
  auto run = plan(task, requested, moment);
  if (!run && passes(run.error().code)) return std::move(run.error());
  if (run) {
    TRY(write(task, {std::move(*run)}));
  } else {
    TRY(write(task, {RunFailed{requested.run, requested.at, now(), run.error().message}}));
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
  const auto reserved = reserve_run(task.sync_id, {});
  // Somebody asked at the same moment: their run is as good.
  if (!reserved) return reserved.error().code == ErrorCode::Conflict ? Status(Ok{})
                                                                     : reserved.error();
  return Ok{};
}

}  // namespace muster::connect
