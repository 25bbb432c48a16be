#include "connect/ledger.h"

#include <algorithm>

#include "index/sets/in_place.h"

namespace muster::connect {
namespace {

bool within(const index::Bitmap& part, const index::Bitmap& whole) {
  return subtract(part, whole).empty();
}

}  // namespace

Status Ledger::apply(const OutcomeRecord& record) {
  TRY(std::visit([this](const auto& one) { return on(one); }, record));
  if (runs_.empty()) return Ok{};
  RunView& newest = runs_.back();
  newest.counts.pending = pending_.count();
  newest.counts.removals_pending = removals_pending_.count();
  const bool everybody = pending_.empty() && removals_pending_.empty();
  if (newest.state == RunState::Incomplete && everybody) newest.state = RunState::Finished;
  return Ok{};
}

void Ledger::mark_interrupted() {
  for (auto& [id, batch] : batches_) {
    if (!batch.in_flight) continue;
    batch.in_flight = false;
    batch.ambiguous = batch.repeats = true;
    batch.last_error = "The program ended while this was on its way.";
  }
}

const Batch* Ledger::batch(const std::string& id) const {
  const auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : &found->second;
}

Batch* Ledger::find(const std::string& id) {
  const auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::live_batches() const {
  return static_cast<std::uint64_t>(std::count_if(
      batches_.begin(), batches_.end(), [](const auto& entry) { return !entry.second.dead; }));
}

Error Ledger::corrupt(std::string_view what) const {
  return {ErrorCode::Corrupt, "The journal of sync '" + sync_ + "' makes no sense: " +
                                  std::string(what) + "."};
}

void Ledger::remember(RunView view) {
  runs_.push_back(std::move(view));
  if (runs_.size() > kRunsKeptMax) runs_.pop_front();
}

std::uint64_t Ledger::settle(const index::Bitmap& people) {
  const std::uint64_t settled = intersect(pending_, people).count();
  remove_all(pending_, people);
  remove_all(waiting_, people);
  return settled;
}

std::uint64_t Ledger::settle_removals(const index::Bitmap& people) {
  const std::uint64_t settled = intersect(removals_pending_, people).count();
  remove_all(removals_pending_, people);
  return settled;
}

Batch& Ledger::insert(const BatchPlanned& plan, std::uint64_t order) {
  Batch& batch = batches_[plan.id];
  batch.plan = plan;
  batch.order = order;
  if (!runs_.empty()) ++runs_.back().batches;
  return batch;
}

Status Ledger::on(const RunRequested&) { return corrupt("a request stands among its outcomes"); }

Status Ledger::on(const RunStarted& record) {
  if (record.run <= last_run_) return Ok{};
  if (active_) return corrupt("a run begins before the one before it ended");
  RunView view{.sync = sync_, .number = record.run, .state = RunState::Delivering,
               .snapshot = record.snapshot, .requested_at = record.requested_at,
               .started_at = record.at, .whole = record.whole,
               .erasure = record.erasure};
  view.counts.audience = record.audience.count();
  view.counts.already_there = record.already.count();
  view.counts.removals = record.remove.count();
  for (const auto& [segment, people] : record.excluded) view.counts.excluded += people.count();
  for (const auto& [arm, people] : record.held_out) view.counts.held_out += people.count();
  waiting_ = record.erasure ? unite(waiting_, pending_) : index::Bitmap();
  pending_ = unite(unite(record.add, record.check), record.blocked);
  removals_pending_ = record.remove;
  view.counts.pending = pending_.count();
  view.counts.removals_pending = removals_pending_.count();
  if (!view.counts.adds_up()) return corrupt("the parts of a run do not add up to its audience");
  active_ = true;
  last_run_ = record.run;
  if (record.whole) whole_version_ = record.sync_version;
  to_add_ = record.add;
  to_check_ = record.check;
  to_remove_ = record.remove;
  renamed_ = {};
  if (record.erasure) {  // What is known of others stays.
    remember(std::move(view));
    return Ok{};
  }
  contacts_ = record.contacts;
  excluded_ = record.excluded;
  held_out_ = record.held_out;
  enrol(record);
  if (record.events_to != 0) {
    cursor_ = record.events_to;
    events_from_ = record.events_from;
    drain_until_ = record.events_until;
    unsent_entered_ = {};
    unsent_left_ = {};
  }
  unidentifiable_ = {};
  rejected_ = {};
  rejections_.clear();
  identifiers_.keep_followers(record.add);  // Each is looked at again.
  remember(std::move(view));
  return Ok{};
}

Status Ledger::on(const RunFailed& record) {
  if (record.run <= last_run_) return Ok{};
  if (active_) return corrupt("a run fails before the one before it ended");
  last_run_ = record.run;
  waiting_ = {};
  pending_ = {};
  removals_pending_ = {};
  remember({.sync = sync_, .number = record.run, .state = RunState::Failed,
            .requested_at = record.requested_at, .started_at = record.at,
            .finished_at = record.at, .last_error = record.error});
  return Ok{};
}

Status Ledger::on(const Sorted& record) {
  if (!active_ || record.run != last_run_) return corrupt("people are sorted outside a run");
  RunCounts& counts = runs_.back().counts;
  // Who is to be removed, and whose name is gone: there is nothing to be sent.
  const index::Bitmap nameless = intersect(
      record.tells_nameless ? record.nameless : record.unidentifiable, to_remove_);
  counts.removals_rejected += settle_removals(nameless);
  remove_all(to_remove_, nameless);
  remove_all(held_, nameless);
  remove_all(maybe_held_, nameless);
  drop_identifiers(nameless, true);
  come_back(nameless);
  const index::Bitmap renamed = subtract(record.renamed, removals_pending_);
  counts.removals += renamed.count();
  add_all(removals_pending_, renamed);
  add_all(to_remove_, renamed);
  add_all(renamed_, renamed);
  remove_all(to_check_, renamed);
  remove_all(to_add_, renamed);
  for (const index::Bitmap* people : {&record.renamed, &record.unchanged, &record.unidentifiable}) {
    stop_following(*people);
  }
  counts.already_there += settle(record.unchanged);
  remove_all(to_check_, record.unchanged);
  remove_all(to_add_, record.unchanged);
  counts.unidentifiable += settle(record.unidentifiable);
  remove_all(to_add_, record.unidentifiable);
  remove_all(to_check_, record.unidentifiable);
  add_all(unidentifiable_, record.unidentifiable);
  // Who can no longer be named at the destination must not stay there either.
  const index::Bitmap there = unite(intersect(record.unidentifiable, held_),
                                    intersect(record.unidentifiable, maybe_held_));
  const index::Bitmap leaving = subtract(there, removals_pending_);
  counts.removals += leaving.count();
  add_all(removals_pending_, leaving);
  add_all(to_remove_, leaving);
  return settle_shared(record);
}

Status Ledger::on(const BatchPlanned& record) {
  if (find(record.id) != nullptr) return Ok{};
  if (!active_ || record.run != last_run_) return corrupt("a batch is planned outside a run");
  index::Bitmap& open = record.operation == Operation::Add      ? to_add_
                        : record.operation == Operation::Change ? to_check_
                                                                : to_remove_;
  if (!within(record.people, open)) return corrupt("a batch holds people of another one");
  remove_all(open, record.people);
  insert(record, next_order_++);
  lead(record);
  return Ok{};
}

Status Ledger::on(const AttemptStarted& record) {
  Batch* const batch = find(record.id);
  if (batch == nullptr) return Ok{};
  if (record.number > batch->attempts && !runs_.empty()) ++runs_.back().attempts;
  // The attempt before was cut off by the end of the program.
  batch->repeats = batch->repeats || (batch->in_flight && record.number > batch->attempts);
  batch->ambiguous = batch->ambiguous || batch->repeats;
  batch->attempts = record.number;
  batch->in_flight = true;
  return Ok{};
}

Status Ledger::on(const AttemptFailed& record) {
  hold_until_ = std::max(hold_until_, record.hold_until);
  Batch* const batch = find(record.id);
  if (batch == nullptr) return Ok{};
  batch->in_flight = false;
  batch->repeats = batch->repeats || record.ambiguous;
  batch->ambiguous = batch->ambiguous || record.ambiguous;
  batch->retry_at = record.retry_at;
  batch->last_error = record.error;
  if (!runs_.empty()) runs_.back().last_error = record.error;
  return Ok{};
}

void Ledger::deliver(const BatchPlanned& plan, const index::Bitmap& people, TimeMs at) {
  if (contacts_) untold_.push_back({plan.id, plan.run, plan.operation, at, people});
  take(plan, people);
}

void Ledger::come_back(const index::Bitmap& people) {
  if (renamed_.empty()) return;
  const index::Bitmap back = intersect(people, renamed_);
  remove_all(renamed_, back);
  add_all(to_add_, back);
}

void Ledger::take(const BatchPlanned& plan, const index::Bitmap& people) {
  remove_all(maybe_held_, people);
  if (plan.operation == Operation::Remove) {
    remove_all(held_, people);
    const std::uint64_t removed = settle_removals(people);
    if (!runs_.empty()) runs_.back().counts.removals_sent += removed;
    drop_identifiers(people, false);
    come_back(people);
    return;
  }
  add_all(held_, people);
  const std::vector<index::Ordinal> all = plan.people.to_vector();
  const bool is_whole = people == plan.people;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_whole && !people.contains(all[i])) continue;
    digests_.set(all[i], plan.digests[i]);
    if (!plan.names.empty()) names_.set(all[i], plan.names[i]);
    if (!plan.identifiers.empty()) take_identifier(all[i], plan.identifiers[i]);
  }
  const std::uint64_t sent = settle(people);
  if (!runs_.empty()) runs_.back().counts.sent += sent;
}

void Ledger::refuse(const Batch& batch, const index::Bitmap& people,
                    const std::shared_ptr<const Rejection>& why) {
  if (batch.ambiguous) {
    add_all(maybe_held_, subtract(people, held_));
    // Whatever is there of them: it is not known to be what was sent last, so it is sent again.
    for (const index::Ordinal ordinal : people.to_vector()) digests_.set(ordinal, 0);
  }
  const std::uint64_t settled = settle(people);
  const std::uint64_t removals = settle_removals(people);
  if (!runs_.empty()) {
    runs_.back().counts.rejected += settled;
    runs_.back().counts.removals_rejected += removals;
    runs_.back().last_error = why->answer;
  }
  remove_all(renamed_, people);
  for (const index::Ordinal ordinal : people.to_vector()) rejections_[ordinal] = why;
  add_all(rejected_, people);
  give_back(batch.plan, people, batch.ambiguous);
}

Status Ledger::on(const Delivered& record) {
  const auto found = batches_.find(record.id);
  if (found == batches_.end()) return Ok{};
  deliver(found->second.plan, found->second.plan.people, record.at);
  batches_.erase(found);
  return Ok{};
}

Status Ledger::on(const DeliveredPartly& record) {
  const auto found = batches_.find(record.id);
  if (found == batches_.end()) return Ok{};
  const Batch& batch = found->second;
  index::Bitmap taken = batch.plan.people;
  for (const auto& [message, people] : record.rejected) {
    if (!within(people, taken)) return corrupt("an answer names people of another batch");
    remove_all(taken, people);
    refuse(batch, people, std::make_shared<const Rejection>(Rejection{
                              batch.plan.run, record.status, message, record.id}));
  }
  deliver(batch.plan, taken, record.at);
  batches_.erase(found);
  return Ok{};
}

Status Ledger::on(const Rejected& record) {
  const auto found = batches_.find(record.id);
  if (found == batches_.end()) return Ok{};
  const Batch& batch = found->second;
  refuse(batch, batch.plan.people, std::make_shared<const Rejection>(Rejection{
                                       batch.plan.run, record.status, record.answer, record.id}));
  batches_.erase(found);
  return Ok{};
}

Status Ledger::on(const Split& record) {
  const auto found = batches_.find(record.id);
  if (found == batches_.end()) return Ok{};
  const index::Bitmap& parent = found->second.plan.people;
  const bool halves = intersect(record.first.people, record.second.people).empty() &&
                      unite(record.first.people, record.second.people) == parent;
  if (!halves) return corrupt("the halves of a batch are not its people");
  const std::uint64_t order = found->second.order;
  const bool ambiguous = found->second.ambiguous;
  if (!runs_.empty()) runs_.back().last_error = record.answer;
  batches_.erase(found);
  insert(record.first, order).ambiguous = ambiguous;
  insert(record.second, order).ambiguous = ambiguous;
  return Ok{};
}

Status Ledger::on(const Dead& record) {
  Batch* const batch = find(record.id);
  if (batch == nullptr) return Ok{};
  batch->dead = true;
  batch->in_flight = false;
  batch->repeats = batch->repeats || record.ambiguous;
  batch->ambiguous = batch->ambiguous || record.ambiguous;
  batch->last_error = record.error;
  if (!runs_.empty()) runs_.back().last_error = record.error;
  return Ok{};
}

Status Ledger::on(const Revived& record) {
  Batch* const batch = find(record.id);
  if (batch == nullptr || !batch->dead) return Ok{};
  batch->dead = false;
  batch->attempts = 0;
  batch->retry_at = record.at;
  return Ok{};
}

Status Ledger::on(const RunFinished& record) {
  if (!active_ || record.run != last_run_) return Ok{};
  active_ = false;
  // No later run would find these changes: they are behind the cursor.
  if (cursor_ != 0 && !runs_.back().erasure) {
    unsent_entered_ = to_add_;
    unsent_left_ = to_remove_;
  }
  to_add_ = {};
  to_check_ = {};
  to_remove_ = {};
  renamed_ = {};
  runs_.back().finished_at = record.at;
  if (!record.error.empty()) runs_.back().last_error = record.error;
  runs_.back().state = RunState::Incomplete;  // Finished when nobody is pending: see apply().
  return Ok{};
}

Status Ledger::on(const Cancelled& record) {
  if (!active_ || record.run != last_run_) return Ok{};
  for (auto batch = batches_.begin(); batch != batches_.end();) {
    const bool may_be_there = batch->second.ambiguous || batch->second.in_flight;
    if (!may_be_there && !batch->second.dead) {
      give_back(batch->second.plan, batch->second.plan.people, false);
      batch = batches_.erase(batch);
      continue;
    }
    batch->second.dead = true;
    batch->second.repeats = batch->second.repeats || batch->second.in_flight;
    batch->second.in_flight = false;
    batch->second.ambiguous = batch->second.ambiguous || may_be_there;
    ++batch;
  }
  active_ = false;
  to_add_ = {};
  to_check_ = {};
  to_remove_ = {};
  renamed_ = {};
  if (runs_.back().whole) whole_version_ = 0;  // It has to be sent as a whole yet.
  runs_.back().finished_at = record.at;
  runs_.back().state = RunState::Cancelled;
  return Ok{};
}

Status Ledger::on(const Following& record) {
  if (active_) return corrupt("a sync of events begins within a run");
  cursor_ = record.from;
  drain_until_ = record.from;
  return Ok{};
}

Status Ledger::on(const Told& record) {
  std::erase_if(untold_, [&](const Untold& one) { return one.id == record.id; });
  return Ok{};
}

Status Ledger::on(const Recut& record) {
  const auto found = batches_.find(record.id);
  if (found == batches_.end()) return Ok{};
  const Batch before = std::move(found->second);
  batches_.erase(found);
  const index::Bitmap left = subtract(before.plan.people, record.without);
  const bool fits = within(record.without, before.plan.people) &&
                    record.has_next == !left.empty() &&
                    (!record.has_next || record.next.people == left);
  if (!fits) return corrupt("a batch is cut to people whom it does not have");
  // Nobody can say any more who they are, so nothing more is sent of them.
  const std::uint64_t settled = settle(record.without);
  const std::uint64_t removals = settle_removals(record.without);
  if (!runs_.empty()) {
    runs_.back().counts.unidentifiable += settled;
    runs_.back().counts.removals_rejected += removals;
  }
  const bool removes = before.plan.operation == Operation::Remove;
  // None is cut that is on its way: it was cut off by the end of the program (mark_interrupted).
  const bool ambiguous = before.ambiguous || before.in_flight;
  if (ambiguous && !removes) add_all(maybe_held_, subtract(record.without, held_));
  give_back(before.plan, record.without, ambiguous);
  if (!record.has_next) return Ok{};
  Batch& next = insert(record.next, before.order);
  next.attempts = before.attempts;
  next.ambiguous = ambiguous;
  next.dead = before.dead;
  next.retry_at = before.retry_at;
  next.last_error = before.last_error;
  return Ok{};
}

Status Ledger::on(const RemovalOwed&) { return corrupt("what is owed stands among its outcomes"); }
Status Ledger::on(const RemovalSealed&) { return corrupt("a sealed name is among its outcomes"); }
Status Ledger::on(const RemovalSettled&) { return corrupt("a removal stands among its outcomes"); }

// Puts who is new to the split into their arms.
void Ledger::enrol(const RunStarted& record) {
  if (split_key_ != record.split_key) cohorts_.clear();
  split_key_ = record.split_key;
  if (record.assigned.empty()) return;
  cohorts_.push_back({record.at, record.assigned});
  if (cohorts_.size() <= kCohortsMax) return;
  std::vector<Cohort> fewer;
  for (std::size_t i = 0; i < cohorts_.size(); i += 2) {
    Cohort& first = cohorts_[i];
    if (i + 1 < cohorts_.size()) {
      first.at = cohorts_[i + 1].at;
      for (auto& [arm, people] : cohorts_[i + 1].arms) {
        const auto same = std::find_if(first.arms.begin(), first.arms.end(),
                                       [&](const auto& one) { return one.first == arm; });
        if (same == first.arms.end()) {
          first.arms.emplace_back(arm, std::move(people));
        } else {
          same->second = unite(same->second, people);
        }
      }
    }
    fewer.push_back(std::move(first));
  }
  cohorts_ = std::move(fewer);
}

Status Ledger::on(const Forgotten&) {
  const std::uint64_t last_run = last_run_;
  *this = Ledger(sync_);
  last_run_ = last_run;
  return Ok{};
}

}  // namespace muster::connect
