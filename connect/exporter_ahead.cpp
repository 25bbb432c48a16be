// The batches behind those that are being journaled and begun, cut meanwhile by an idle thread.
//
// While one thread waits for the log and signs what goes out, another one reads, words and packs
// the next people. It looks at the ledger and changes nothing: what it made is noted by the holder
// of the claim, or dropped where that cannot be any more.
#include <algorithm>

#include "connect/exporter_ahead.h"
#include "connect/planner.h"
#include "connect/side_by_side.h"

namespace muster::connect {

Exporter::Impl::Ahead::~Ahead() {
  if (work) exporter.withdraw(work);
}

std::vector<PlannedStep> Exporter::Impl::Ahead::take() {
  if (!work) return {};
  const bool is_done = exporter.withdraw(work);
  work.reset();
  std::vector<PlannedStep> all;
  for (auto& made : steps) {
    // What fails here is tried again by who holds the claim, and told then.
    if (!is_done || !made || !*made) return {};
    all.push_back(std::move(**made));
  }
  return all;
}

bool Exporter::Impl::withdraw(const std::shared_ptr<Beside>& work) {
  {
    const std::scoped_lock lock(mutex_);
    std::erase(offered_, work);
  }
  return work->end();
}

// Of the documents of the claim: what others mean by now is not planned any more.
bool Exporter::Impl::goes_on(const Task& task) const {
  const DestinationEntry& destination = destinations_.at(task.destination_id);
  const SyncEntry& sync = *task.sync;
  return sync.document == task.document && destination.version == task.destination_version &&
         !draining_ && !sync.cancel_wanted && !sync.reserved && !sync.document->paused &&
         sync.stuck.empty() && sync.erased.empty() && sync.replay.empty() &&
         sync.ledger.untold().size() < kUntoldMax && destination.document->disabled.empty() &&
         sync.ledger.run_active() && !sync.ledger.all_planned() &&
         sync.ledger.dead_batches() < kDeadBatchesMax &&
         destination.gate.hold_until() <= now();
}

void Exporter::Impl::plan_ahead(const Task& task, const std::deque<Delivery>& begun,
                                Ahead& ahead) {
  SyncEntry& sync = *task.sync;
  std::size_t most = 0, largest = 1;
  for (const Delivery& delivery : begun) largest = std::max(largest, delivery.body.size());
  {
    const std::scoped_lock lock(mutex_);
    const DestinationEntry& destination = destinations_.at(task.destination_id);
    if (begun.empty() || idle_ == 0 || !goes_on(task) || sync.events) return;
    most = std::min({plannable(destination, sync), kPlannedAtOnceMax, kPlannedBytesMax / largest});
  }
  if (most == 0 || !sync.moment) return;
  ahead.moment = sync.moment;
  ahead.composer = make_composer(*task.document, *task.destination,
                                 box_.identifier_key(task.sync_id));
  const auto input = [&] {
    return BatchInput{.sync = *task.document, .audience = *parts_.audience,
                      .moment = *ahead.moment, .journal = *parts_.journal,
                      .stream = outcome_stream(task.sync_id), .composer = *ahead.composer,
                      .gzip = task.destination->gzip, .id = new_message_id(), .kept = {}};
  };
  ahead.shares = shares_to_add(input(), sync.ledger, most);
  if (ahead.shares.empty()) return;
  ahead.inputs.clear();
  for (std::size_t i = 0; i < ahead.shares.size(); ++i) ahead.inputs.push_back(input());
  ahead.steps.assign(ahead.shares.size(), std::nullopt);
  ahead.work = std::make_shared<Beside>([&ahead, &ledger = sync.ledger] {
    side_by_side(ahead.shares.size(), [&](std::size_t i) {
      ahead.steps[i].emplace(plan_share(ahead.inputs[i], ledger, ahead.shares[i]));
    }, planners() - 1);
  });
  const std::scoped_lock lock(mutex_);
  offered_.push_back(ahead.work);
  wake_.notify_one();
}

// One append for all of them costs no more than one for the first that came.
bool Exporter::Impl::await_room(const Task& task) {
  const SyncEntry& sync = *task.sync;
  std::unique_lock lock(mutex_);
  if (idle_ > 0) {
    answered_.wait_for(lock, kTogether, [&] {
      return draining_ || sync.answers.size() >= sync.flights.size();
    });
  }
  const DeliveryGate& gate = destinations_.at(task.destination_id).gate;
  const TimeMs at = now();
  return gate.room() > 0 && gate.ready_at(at).value_or(at + 1) <= at && flights_ < kFlightsMax;
}

void Exporter::Impl::keep_ahead(const Task& task, std::vector<PlannedStep> steps) {
  SyncEntry& sync = *task.sync;
  std::size_t bytes = 0;
  for (const PlannedStep& step : steps) {
    bytes += step.body.size() + (step.batch ? step.batch->packed.size() : 0);
  }
  const std::scoped_lock lock(mutex_);
  if (bodies_bytes_ + bytes > kBodiesBytesMax) return;
  bodies_bytes_ += bytes;
  sync.ahead = {.run = sync.ledger.last_run(), .destination_version = task.destination_version,
                .document = task.document, .steps = std::move(steps), .bytes = bytes};
}

std::vector<PlannedStep> Exporter::Impl::take_ahead(const Task& task) {
  SyncEntry& sync = *task.sync;
  AheadOfRun ahead;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(ahead, sync.ahead);
    bodies_bytes_ -= ahead.bytes;
    const bool fits = ahead.run == sync.ledger.last_run() && ahead.document == task.document &&
                      ahead.destination_version == task.destination_version;
    if (!fits) return {};
  }
  for (const PlannedStep& step : ahead.steps) {
    const bool is_left =
        !step.batch || subtract(step.batch->people, sync.ledger.to_add()).empty();
    if (!is_left) return {};
  }
  return std::move(ahead.steps);
}

void Exporter::Impl::forget_ahead(SyncEntry& sync) {
  bodies_bytes_ -= sync.ahead.bytes;
  sync.ahead = {};
}

Status Exporter::Impl::note_ahead(const Task& task, std::vector<PlannedStep> steps) {
  for (PlannedStep& step : steps) {
    {
      const std::scoped_lock lock(mutex_);
      if (!goes_on(task)) return Ok{};
    }
    TRY(note_step(task, std::move(step)));
    if (stored_bytes(task.sync->backlog) > kPlannedBytesMax) return Ok{};
  }
  return Ok{};
}

}  // namespace muster::connect
