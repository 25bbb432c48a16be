// Runs asked for, and everything that is told of runs, ledgers, people and jobs.
#include "connect/exporter_impl.h"
#include "connect/profile_ids.h"

namespace muster::connect {

// --- Runs ----------------------------------------------------------------------------------------

Result<std::uint64_t> Exporter::Impl::reserve_run(std::string_view id,
                                                  std::optional<TraceContext> trace,
                                                  RunKind kind) {
  RunRequested request{.at = now(), .whole = kind == RunKind::Whole, .erased = {}};
  {
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found == syncs_.end()) return no_such("sync", id);
    SyncEntry& entry = *found->second;
    if (request.whole && entry.document->mode == SyncMode::Events) {
      return Error{ErrorCode::Conflict,
                   "A sync of events tells each change once; there is no scratch to begin from."};
    }
    if (entry.document->paused) {
      return Error{ErrorCode::Conflict,
                   "Sync '" + std::string(id) + "' is paused; resume it first."};
    }
    if (entry.requested || entry.reserved || entry.ledger.run_active()) {
      return Error{ErrorCode::Conflict, "A run of sync '" + std::string(id) +
                                            "' is under way; wait until it has ended."};
    }
    request.run = entry.ledger.last_run() + 1;
    if (kind == RunKind::Erasure) request.erased = erased_there(entry);
    if (kind == RunKind::Erasure && request.erased.empty()) {
      return Error{ErrorCode::Conflict, "Nobody who was erased is there any more."};
    }
    entry.reserved = true;  // Keeps the entry, and others from asking.
  }
  const Status written = parts_.journal->append(request_stream(id), {encode(request)});
  {
    const std::scoped_lock lock(mutex_);
    SyncEntry& entry = *syncs_.find(id)->second;
    entry.reserved = false;
    if (written) {
      entry.requested = request;
      entry.trace = std::move(trace);
      entry.traced_run = request.run;
    }
  }
  if (!written) return written.error();
  notify();
  return request.run;
}

ExportQueue Exporter::Impl::queue() const {
  ExportQueue queue;
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, sync] : syncs_) {
    if (sync->requested || sync->ledger.run_active()) ++queue.runs;
    const std::uint64_t live = sync->ledger.live_batches();
    queue.batches += live;
    queue.dead_letters += sync->ledger.batches().size() - live;
  }
  for (const auto& [id, destination] : destinations_) {
    const GateView gate = destination.gate.view(now());
    queue.in_flight += gate.in_flight;
    queue.breakers_open += gate.breaker != Breaker::Closed ? 1 : 0;
    queue.requests += gate.requests;
    queue.people += gate.people;
    queue.failed += gate.failed;
  }
  return queue;
}

RunView Exporter::Impl::overlaid(const SyncEntry& entry, RunView run) const {
  if (run.state != RunState::Delivering && run.state != RunState::Requested) return run;
  if (!entry.trouble.empty()) run.last_error = entry.trouble;
  const auto destination = destinations_.find(entry.document->destination);
  if (entry.document->paused || destination == destinations_.end() ||
      !destination->second.document->disabled.empty()) {
    run.state = RunState::Blocked;
  }
  return run;
}

// Newest first.
std::vector<RunView> Exporter::Impl::runs_of(const SyncEntry& entry, std::size_t most) const {
  std::vector<RunView> runs;
  if (entry.requested) {
    runs.push_back(overlaid(entry, {.sync = entry.ledger.sync(), .number = entry.requested->run,
                                    .state = RunState::Requested,
                                    .requested_at = entry.requested->at}));
  }
  const auto& known = entry.ledger.runs();
  for (auto run = known.rbegin(); run != known.rend() && runs.size() < most; ++run) {
    runs.push_back(overlaid(entry, *run));
  }
  return runs;
}

Result<std::vector<RunView>> Exporter::Impl::runs(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  return runs_of(*entry);
}

JobView Exporter::Impl::job_of(const SyncEntry& entry, RunView run) const {
  const RunCounts& counts = run.counts;
  JobView job{.id = run.sync + ":" + std::to_string(run.number), .kind = "sync_run"};
  job.total = counts.audience + counts.removals;
  job.done = job.total - counts.pending - counts.removals_pending;
  if (run.state == RunState::Delivering || run.state == RunState::Requested) {
    const auto destination = destinations_.find(entry.document->destination);
    const TimeMs at = now();
    const Choice choice = choose_in(destination->second, entry, at);
    job.next_attempt = choice.task ? at : choice.due;
  }
  job.run = std::move(run);
  return job;
}

std::vector<JobView> Exporter::Impl::jobs() const {
  const std::scoped_lock lock(mutex_);
  std::vector<JobView> jobs;
  for (const auto& [id, entry] : syncs_) {
    std::vector<RunView> runs = runs_of(*entry, 1);
    if (!runs.empty()) jobs.push_back(job_of(*entry, std::move(runs.front())));
  }
  return jobs;
}

Result<JobView> Exporter::Impl::job(std::string_view id) const {
  const Error unknown{ErrorCode::NotFound, "There is no job of this id; jobs are named SYNC:RUN."};
  const std::size_t colon = id.rfind(':');
  if (colon == std::string_view::npos) return unknown;
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id.substr(0, colon));
  if (entry == nullptr) return unknown;
  for (RunView& run : runs_of(*entry)) {
    if (std::to_string(run.number) == id.substr(colon + 1)) return job_of(*entry, std::move(run));
  }
  return unknown;
}

// --- Ledgers -------------------------------------------------------------------------------------

Result<LedgerView> Exporter::Impl::ledger(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  LedgerView view = entry->ledger.view();
  std::vector<RunView> runs = runs_of(*entry, 1);
  if (!runs.empty()) view.newest_run = std::move(runs.front());
  return view;
}

Result<PersonView> Exporter::Impl::person(std::string_view id, std::string_view profile_id) const {
  TRY_ASSIGN(const std::optional<index::Ordinal> ordinal, parts_.audience->find(profile_id));
  std::vector<PersonView> views(1);
  {
    const std::scoped_lock lock(mutex_);
    const SyncEntry* const entry = find_sync(id);
    if (entry == nullptr) return no_such("sync", id);
    if (!ordinal) return Error{ErrorCode::NotFound, "There is no profile of this id."};
    views.front() = entry->ledger.person(*ordinal);
  }
  views.front().profile_id = profile_id;
  TRY(name_leaders(views));
  return std::move(views.front());
}

Status Exporter::Impl::name_leaders(std::vector<PersonView>& views) const {
  std::vector<index::Ordinal> leaders;
  for (const PersonView& view : views) {
    if (view.leader) leaders.push_back(*view.leader);
  }
  if (leaders.empty()) return Ok{};
  TRY_ASSIGN(const AudienceMoment moment, parts_.audience->latest());
  TRY_ASSIGN(auto rows, parts_.audience->people(moment, leaders, {}));
  auto row = rows.begin();
  for (PersonView& view : views) {
    if (view.leader) view.leader_id = std::move((row++)->profile_id);
  }
  return Ok{};
}

Result<PeoplePage> Exporter::Impl::people(std::string_view id, const PeopleQuery& query) const {
  if (query.limit == 0 || query.limit > kPeoplePageMax) {
    return Error{ErrorCode::InvalidArgument, "A page has 1 to 10000 people."};
  }
  PeoplePage page;
  std::vector<index::Ordinal> ordinals;
  {
    const std::scoped_lock lock(mutex_);
    const SyncEntry* const entry = find_sync(id);
    if (entry == nullptr) return no_such("sync", id);
    ordinals = entry->ledger.people(query.state).slice(query.from, query.limit + 1);
    if (ordinals.size() > query.limit) {
      page.next = ordinals.back();
      ordinals.pop_back();
    }
    for (const index::Ordinal ordinal : ordinals) {
      page.people.push_back(entry->ledger.person(ordinal));
    }
  }
  const std::string stream = outcome_stream(id);
  TRY_ASSIGN(const AudienceMoment moment, parts_.audience->latest());
  TRY_ASSIGN(std::vector<std::string> ids,
             profile_ids(*parts_.audience, moment, {*parts_.journal, stream}, ordinals));
  for (std::size_t i = 0; i < ids.size(); ++i) page.people[i].profile_id = std::move(ids[i]);
  TRY(name_leaders(page.people));
  return page;
}

Result<std::vector<DeadLetterView>> Exporter::Impl::dead_letters(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  std::vector<DeadLetterView> letters;
  for (const auto& [message_id, batch] : entry->ledger.batches()) {
    if (!batch.dead) continue;
    letters.push_back({.message_id = message_id,
                       .operation = std::string(name_of(batch.plan.operation)),
                       .last_error = batch.last_error, .run = batch.plan.run,
                       .people = batch.plan.people.count(), .attempts = batch.attempts});
  }
  return letters;
}

Result<std::uint64_t> Exporter::Impl::replay(std::string_view id, std::string_view message_id) {
  std::uint64_t count = 0;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = syncs_.find(id);
    if (found == syncs_.end()) return no_such("sync", id);
    for (const auto& [letter, batch] : found->second->ledger.batches()) {
      if (!batch.dead || !(message_id.empty() || letter == message_id)) continue;
      found->second->replay.insert(letter);
      ++count;
    }
  }
  if (count == 0 && !message_id.empty()) {
    return Error{ErrorCode::NotFound, "There is no dead letter of this id."};
  }
  notify();
  return count;
}

}  // namespace muster::connect
