#include "connect/exporter.h"

#include <algorithm>
#include <exception>

#include "base/json_writer.h"
#include "base/text.h"
#include "connect/exporter_impl.h"

namespace muster::connect {
namespace {

// The earlier of two times of which either may be missing.
std::optional<TimeMs> earlier(std::optional<TimeMs> a, std::optional<TimeMs> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// When the newest run was asked for that was not for an erasure alone; 0: there was none.
TimeMs last_usual(const Ledger& ledger) {
  for (auto run = ledger.runs().rbegin(); run != ledger.runs().rend(); ++run) {
    if (!run->erasure) return run->requested_at;
  }
  return 0;
}

}  // namespace

std::string outcome_stream(std::string_view sync) { return "sync:" + std::string(sync); }
std::string request_stream(std::string_view sync) { return "sync-requests:" + std::string(sync); }

Status Exporter::Impl::load() {
  for (const char* kind : {"destination", "sync"}) {
    for (const engine::Document& document : parts_.documents->all(kind)) TRY(adopt(document));
  }
  for (const engine::Document& document : parts_.documents->all("holdout")) {
    TRY_ASSIGN(holdout_, parse_holdout(document.json));
  }
  for (auto& [id, sync] : syncs_) {
    const auto destination = destinations_.find(sync->document->destination);
    if (destination == destinations_.end()) continue;
    destination->second.gate.hold(sync->ledger.hold_until());
  }
  return load_removals();
}

OutcomeEraser::Needs Exporter::Impl::needs() const {
  OutcomeEraser::Needs needs;
  const std::lock_guard held(mutex_);
  for (const auto& [id, sync] : syncs_) {
    SyncNeeds& of_sync = needs[outcome_stream(id)];
    for (const auto& [batch, ignored] : sync->ledger.batches()) of_sync.open_batches.insert(batch);
    // Who is to be removed is named by the journal, until their name is kept apart from it.
    const RemovalsOfSync& removals = outbox_.of(id);
    of_sync.held = subtract(unite(sync->ledger.held(), sync->ledger.maybe_held()),
                            unite(removals.settled,
                                  subtract(removals.pending, removals.unsealed)));
    const bool is_planning = sync->ledger.run_active() && !sync->ledger.all_planned();
    of_sync.is_changing = sync->busy || !sync->backlog.empty() || is_planning;
  }
  for (const auto& [id, removals] : outbox_.by_sync()) {
    needs[kErasureStream].settled_removals[id] = removals.settled;
  }
  return needs;
}

// --- Choosing what to do next --------------------------------------------------------------------

bool Exporter::Impl::meets_flights(const SyncEntry& sync, const index::Bitmap& people) const {
  const std::string& destination = sync.document->destination;
  if (destinations_.find(destination)->second.gate.in_flight() == 0) return false;
  for (const auto& [id, other] : syncs_) {
    if (other.get() == &sync || other->document->destination != destination) continue;
    for (const auto& [batch_id, flight] : other->flights) {
      if (flight.answered) continue;
      const Batch* const batch = other->ledger.batch(batch_id);
      if (batch != nullptr && !intersect(batch->plan.people, people).empty()) return true;
    }
  }
  return false;
}

std::vector<std::string> Exporter::Impl::due_batches(const SyncEntry& sync, TimeMs now,
                                                     std::size_t most) const {
  std::vector<std::pair<std::uint64_t, const std::string*>> due;
  for (const auto& [id, batch] : sync.ledger.batches()) {
    const bool waits = batch.dead || batch.retry_at > now || sync.flights.contains(id) ||
                       !to_cut(sync, batch).empty();
    if (!waits) due.emplace_back(batch.order, &id);
  }
  std::sort(due.begin(), due.end());
  std::vector<std::string> ids;
  // Whom a batch meets is dear: asked only until there are enough.
  for (const auto& [order, id] : due) {
    if (ids.size() == most) break;
    if (!meets_flights(sync, sync.ledger.batch(*id)->plan.people)) ids.push_back(*id);
  }
  return ids;
}

Exporter::Impl::Choice Exporter::Impl::choose_batch(const DestinationEntry& destination,
                                                    const SyncEntry& sync, TimeMs now) const {
  const auto ready = destination.gate.ready_at(now);
  if (!ready || flights_ >= kFlightsMax) return {};  // The next answer makes room.
  Choice choice;
  if (*ready <= now && !due_batches(sync, now, 1).empty()) {
    choice.task = Task{.kind = TaskKind::Deliver};
    return choice;
  }
  for (const auto& [id, batch] : sync.ledger.batches()) {
    if (batch.dead || sync.flights.contains(id)) continue;
    const TimeMs due = std::max(batch.retry_at, *ready);
    if (due > now) choice.due = earlier(choice.due, due);
  }
  return choice;
}

std::size_t Exporter::Impl::plannable(const DestinationEntry& destination,
                                      const SyncEntry& sync) const {
  const Ledger& ledger = sync.ledger;
  const std::uint64_t concurrency = destination.document->limits.concurrency;
  const std::uint64_t live_max = std::max(kLiveBatchesMax, 2 * concurrency);
  const std::uint64_t live = ledger.live_batches();
  std::uint64_t ready = 0;  // Never tried, and not under way.
  for (const auto& [id, batch] : ledger.batches()) {
    ready += !batch.dead && batch.attempts == 0 && !sync.flights.contains(id) ? 1 : 0;
  }
  const std::uint64_t ready_max = concurrency + kPlannedAhead;
  if (live >= live_max || ready >= ready_max) return 0;
  return std::min(live_max - live, ready_max - ready);
}

Exporter::Impl::Choice Exporter::Impl::choose_in(const DestinationEntry& destination,
                                                 const SyncEntry& sync, TimeMs now) const {
  Choice choice = choose_work(destination, sync, now);
  if (sync.reserved || sync.not_before > now || draining_ || sync.cancel_wanted) return choice;
  // To find names is dear, and nothing that is sent waits for it: before the next run, once, and
  // when there is nothing else to do.
  const bool begins = choice.task && choice.task->kind == TaskKind::StartRun && !sync.named_last;
  if ((choice.task && !begins) || nameable(sync).empty()) return choice;
  choice.task = Task{.kind = TaskKind::Name};
  return choice;
}

Exporter::Impl::Choice Exporter::Impl::choose_work(const DestinationEntry& destination,
                                                   const SyncEntry& sync, TimeMs now) const {
  const auto do_now = [](TaskKind kind) { return Choice{.task = Task{.kind = kind}}; };
  if (sync.reserved) return {};
  if (sync.not_before > now) return {.due = sync.not_before};
  if (!sync.backlog.empty()) return do_now(TaskKind::Flush);
  if (!sync.answers.empty()) return do_now(TaskKind::Deliver);
  if (draining_) return {};
  // What is under way is waited for: a batch that was taken is not given up.
  if (sync.cancel_wanted) return sync.flights.empty() ? do_now(TaskKind::Cancel) : Choice{};
  if (const auto kind = owed_task(sync, now)) return do_now(*kind);
  const bool is_silent = sync.document->paused || !destination.document->disabled.empty();
  const bool tells = !sync.ledger.untold().empty();
  if (tells && (is_silent || sync.ledger.untold().size() >= kUntoldMax)) {
    return do_now(TaskKind::Tell);
  }
  if (is_silent) return {};
  if (!sync.replay.empty()) return do_now(TaskKind::Revive);
  const Ledger& ledger = sync.ledger;
  Choice choice = choose_batch(destination, sync, now);
  if (choice.task) return choice;
  if (tells) return do_now(TaskKind::Tell);
  const std::uint64_t live = ledger.live_batches();
  if (ledger.run_active()) {
    const bool all = ledger.all_planned() || ledger.dead_batches() >= kDeadBatchesMax ||
                     !sync.stuck.empty();
    if (all) return live == 0 ? do_now(TaskKind::FinishRun) : choice;
    if (plannable(destination, sync) == 0) return choice;
    // Enough is planned, and goes when an answer makes room, or when the rate lets it.
    if (!sync.ahead.steps.empty() && !sync.flights.empty()) {
      const auto ready = destination.gate.ready_at(now);
      if (!ready || flights_ >= kFlightsMax) return choice;
      if (*ready > now) return {.due = earlier(choice.due, *ready)};
    }
    if (destination.gate.hold_until() <= now) return do_now(TaskKind::Deliver);
    return {.due = earlier(choice.due, destination.gate.hold_until())};
  }
  if (live > 0) return choice;  // Settled before anything new begins.
  if (sync.requested) {
    const bool revive = ledger.dead_batches() > 0 && sync.requested->erased.empty() &&
                        sync.revived_for != sync.requested->run;
    return do_now(revive ? TaskKind::Revive : TaskKind::StartRun);
  }
  if (!dead_removals(sync).empty()) {
    if (sync.erased_again_at <= now) return do_now(TaskKind::Revive);
    choice.due = earlier(choice.due, sync.erased_again_at);
  }
  if (const index::Bitmap there = erased_there(sync); !there.empty()) {
    const bool tried = subtract(there, sync.erased_tried).empty();
    if (!tried || sync.erased_again_at <= now) return do_now(TaskKind::Request);
    choice.due = earlier(choice.due, sync.erased_again_at);
  }
  const TimeMs last = last_usual(ledger);
  std::optional<TimeMs> next = sync.document->schedule.next(last, sync.changed);
  if (sync.document->schedule.debounce_ms && sync.dirty_since != 0) {
    next = sync.dirty_since + *sync.document->schedule.debounce_ms;
  }
  // A sync of events goes on until what was there when it was asked has been sent.
  const bool goes_on = sync.document->mode == SyncMode::Events && !ledger.runs().empty() &&
                       ledger.runs().back().state != RunState::Failed &&
                       !ledger.leaves_unsent() &&
                       ledger.cursor() < ledger.drain_until();
  if (goes_on) return do_now(TaskKind::Request);
  if (!next) return choice;
  if (*next <= now) return do_now(TaskKind::Request);
  return {.due = earlier(choice.due, *next)};
}

Exporter::Impl::Choice Exporter::Impl::choose(TimeMs now) const {
  Choice choice;
  // From behind the one served last, once around.
  auto at = syncs_.upper_bound(served_last_);
  for (std::size_t i = 0; i < syncs_.size(); ++i, ++at) {
    if (at == syncs_.end()) at = syncs_.begin();
    const auto& [id, sync] = *at;
    const auto destination = destinations_.find(sync->document->destination);
    if (sync->busy || destination == destinations_.end()) continue;
    Choice here = choose_in(destination->second, *sync, now);
    if (here.task) {
      here.task->sync_id = id;
      here.task->destination_id = destination->first;
      return here;
    }
    choice.due = earlier(choice.due, here.due);
    if (const auto end = outbox_.of(id).expires()) {
      choice.due = earlier(choice.due, std::max(*end, sync->not_before));
    }
  }
  return choice;
}

std::optional<Task> Exporter::Impl::claim(TimeMs now) {
  const std::scoped_lock lock(mutex_);
  Choice choice = choose(now);
  if (!choice.task) return std::nullopt;
  Task task = std::move(*choice.task);
  DestinationEntry& destination = destinations_.at(task.destination_id);
  task.sync = syncs_.at(task.sync_id).get();
  task.destination = destination.document;
  task.destination_version = destination.version;
  task.client = destination.client;
  task.document = task.sync->document;
  task.sync->busy = true;
  if (task.kind == TaskKind::StartRun) task.sync->named_last = false;
  task.sync->busy_for = task.destination_id;
  served_last_ = task.sync_id;
  return task;
}

void Exporter::Impl::release(const Task& task) {
  {
    const std::scoped_lock lock(mutex_);
    task.sync->busy = false;
  }
  notify();
}

// --- The loop ------------------------------------------------------------------------------------

Exporter::Impl::~Impl() {
  landing_.request_stop();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return flights_ == 0; });  // Within kStopGrace.
}

bool Exporter::Impl::work_once() {
  observe(now());
  const std::optional<Task> task = claim(now());
  if (!task) return false;
  try {
    execute(*task);
  } catch (const std::exception& thrown) {  // A library ran out of memory or the like.
    const std::scoped_lock lock(mutex_);
    task->sync->not_before = now() + kTroubleWaitMs;
    task->sync->trouble = thrown.what();
  }
  release(*task);
  return true;
}

void Exporter::Impl::run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  ++threads_;
  while (!stop.stop_requested()) {
    if (!offered_.empty()) {
      const std::shared_ptr<Beside> work = std::move(offered_.front());
      offered_.pop_front();
      lock.unlock();
      work->run();
      lock.lock();
      continue;
    }
    const std::uint64_t seen = changes_;
    lock.unlock();
    const bool worked = work_once();
    lock.lock();
    if (worked) continue;
    const TimeMs at = now();
    const TimeMs due = choose(at).due.value_or(at + kSleepMsMax);
    const std::chrono::milliseconds wait(std::clamp<TimeMs>(due - at, 1, kSleepMsMax));
    ++idle_;
    wake_.wait_for(lock, stop, wait, [&] { return changes_ != seen || !offered_.empty(); });
    --idle_;
  }
  const bool last = --threads_ == 0;
  lock.unlock();
  if (last) drain();
}

// What is under way ends, and its answers are journaled.
void Exporter::Impl::drain() {
  std::stop_source landing;
  {
    const std::scoped_lock lock(mutex_);
    draining_ = true;
    landing = landing_;
  }
  landing.request_stop();
  {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, 2 * kStopGrace, [this] { return flights_ == 0; });
  }
  while (work_once()) {
  }
  const std::scoped_lock lock(mutex_);
  draining_ = false;
  landing_ = std::stop_source();
}

std::optional<TimeMs> Exporter::Impl::next_due() const {
  const std::scoped_lock lock(mutex_);
  const TimeMs at = now();
  const Choice choice = choose(at);
  return choice.task ? at : choice.due;
}

void Exporter::Impl::notify() {
  {
    const std::scoped_lock lock(mutex_);
    ++changes_;
  }
  wake_.notify_all();
}

std::uint64_t Exporter::Impl::random_bits() {
  const std::scoped_lock lock(random_mutex_);
  return options_.random->next();
}

std::string Exporter::Impl::new_message_id() {
  std::string bytes;
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t bits = random_bits();
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  return "msg_" + to_hex(bytes);
}

void Exporter::Impl::audit(std::string action, const std::string& subject, int status) const {
  if (options_.audit == nullptr) return;
  options_.audit->write({.at = now(), .principal = "system:exporter",
                         .action = std::move(action), .subject = subject, .status = status});
}

// --- The door ------------------------------------------------------------------------------------

Exporter::Exporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Exporter::~Exporter() = default;

Result<std::unique_ptr<Exporter>> Exporter::open(ExporterParts parts, ExporterOptions options) {
  CHECK(options.clock != nullptr && options.random != nullptr);
  CHECK(parts.audience && parts.documents && parts.journal && parts.destinations);
  TRY_ASSIGN(SecretBox box, SecretBox::with_key(options.secret_key));
  auto impl = std::make_unique<Impl>(std::move(parts), std::move(options), std::move(box));
  TRY(impl->load());
  return std::unique_ptr<Exporter>(new Exporter(std::move(impl)));
}

void Exporter::run(std::stop_token stop) { impl_->run(std::move(stop)); }
bool Exporter::work_once() { return impl_->work_once(); }
std::optional<TimeMs> Exporter::next_due() const { return impl_->next_due(); }

Result<DocumentView> Exporter::put_destination(const Pass&, std::string_view id,
                                               std::string_view json,
                                               std::optional<std::uint64_t> expected_version) {
  return impl_->put_destination(id, json, expected_version);
}
Result<DocumentView> Exporter::destination(const Pass&, std::string_view id) const {
  return impl_->destination(id);
}
std::vector<DocumentView> Exporter::destinations(const Pass&) const {
  return impl_->destinations();
}
Result<GateView> Exporter::destination_status(const Pass&, std::string_view id) const {
  return impl_->destination_status(id);
}
Status Exporter::delete_destination(const Pass&, std::string_view id) {
  return impl_->delete_destination(id);
}
Result<DocumentView> Exporter::put_sync(const Pass&, std::string_view id, std::string_view json,
                                        std::optional<std::uint64_t> expected_version) {
  return impl_->put_sync(id, json, expected_version);
}
Result<DocumentView> Exporter::sync(const Pass&, std::string_view id) const {
  return impl_->sync(id);
}
std::vector<DocumentView> Exporter::syncs(const Pass&) const { return impl_->syncs(); }
Status Exporter::delete_sync(const Pass&, std::string_view id) { return impl_->delete_sync(id); }
Status Exporter::pause(const Pass&, std::string_view sync) {
  return impl_->set_paused(sync, Paused::Yes);
}
Status Exporter::resume(const Pass&, std::string_view sync) {
  return impl_->set_paused(sync, Paused::No);
}
Result<std::uint64_t> Exporter::start_run(const Pass&, std::string_view sync,
                                          std::optional<TraceContext> trace) {
  return impl_->reserve_run(sync, std::move(trace));
}
std::vector<RemovalView> Exporter::note_erased(const engine::ErasureReceipt& receipt) {
  return impl_->note_erased(receipt);
}
std::vector<RemovalView> Exporter::removals(std::string_view profile_id) const {
  return impl_->removals(profile_id);
}
Result<std::uint64_t> Exporter::start_whole_run(const Pass&, std::string_view sync,
                                                std::optional<TraceContext> trace) {
  return impl_->reserve_run(sync, std::move(trace), RunKind::Whole);
}
Status Exporter::cancel(const Pass&, std::string_view sync) {
  return impl_->want_cancelled(sync);
}
Result<PreviewView> Exporter::preview(const Pass&, std::string_view sync) const {
  return impl_->preview(sync);
}
ExportQueue Exporter::queue() const { return impl_->queue(); }
Result<std::vector<RunView>> Exporter::runs(const Pass&, std::string_view sync) const {
  return impl_->runs(sync);
}
Result<RunView> Exporter::run_of(const Pass&, std::string_view sync, std::uint64_t number) const {
  TRY_ASSIGN(const std::vector<RunView> all, impl_->runs(sync));
  for (const RunView& run : all) {
    if (run.number == number) return run;
  }
  return Error{ErrorCode::NotFound, "Sync '" + std::string(sync) + "' has no run " +
                                        std::to_string(number) + "."};
}
std::vector<JobView> Exporter::jobs(const Pass&) const { return impl_->jobs(); }
Result<JobView> Exporter::job(const Pass&, std::string_view id) const { return impl_->job(id); }
Result<LedgerView> Exporter::ledger(const Pass&, std::string_view sync) const {
  return impl_->ledger(sync);
}
Result<PersonView> Exporter::person(const Pass&, std::string_view sync,
                                    std::string_view profile_id) const {
  return impl_->person(sync, profile_id);
}
Result<PeoplePage> Exporter::people(const Pass&, std::string_view sync,
                                    const PeopleQuery& query) const {
  return impl_->people(sync, query);
}
Result<std::vector<DeadLetterView>> Exporter::dead_letters(const Pass&,
                                                           std::string_view sync) const {
  return impl_->dead_letters(sync);
}
Result<std::uint64_t> Exporter::replay(const Pass&, std::string_view sync,
                                       std::string_view message_id) {
  return impl_->replay(sync, message_id);
}

Result<std::string> Exporter::render(const Pass&, std::string_view sync,
                                     std::string_view profile_id,
                                     std::string_view operation) const {
  return impl_->render(sync, profile_id, operation);
}

engine::EraseOutcome Exporter::eraser(index::Bitmap erased) const {
  const auto eraser = std::make_shared<OutcomeEraser>(std::move(erased), impl_->needs());
  return [eraser](const std::string& stream, std::string_view payload) {
    return eraser->erase(stream, payload);
  };
}

}  // namespace muster::connect
