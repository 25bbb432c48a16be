// What the holder of a claim does about deliveries: answers into the ledger, the next batches out
// of the planner (exporter_batches.cpp), all of it into one append, and then what is due to the
// destination.
#include <algorithm>
#include <exception>

#include "connect/batch_parts.h"
#include "connect/compress.h"
#include "connect/exporter_ahead.h"
#include "connect/exporter_impl.h"
#include "connect/templates/content.h"

namespace muster::connect {
// Deliveries that have their place at the destination and are not on their way; those that never
// are give it back.
struct Exporter::Impl::Starting {
  Starting(Impl& its_exporter, const Task& its_task) : exporter(its_exporter), task(its_task) {}
  Starting(const Starting&) = delete;
  Starting& operator=(const Starting&) = delete;
  ~Starting() { give_back(); }

  void give_back() {
    for (auto delivery = deliveries.begin(); delivery != deliveries.end();) {
      delivery = give_back(delivery);
    }
  }
  // Returns the one behind it.
  std::deque<Delivery>::iterator give_back(std::deque<Delivery>::iterator delivery) {
    const std::scoped_lock lock(exporter.mutex_);
    if (task.sync->flights.erase(delivery->message_id) != 0) {  // Else it never had one.
      exporter.destinations_.at(task.destination_id).gate.end();
      --exporter.flights_;
    }
    return deliveries.erase(delivery);
  }

  Impl& exporter;
  const Task& task;
  std::deque<Delivery> deliveries;
};

// What is folded stands in the backlog from before, so that also an exception leaves it there to be
// written; and answers that are not folded stay answers.
Status Exporter::Impl::deliver(const Task& task) {
  SyncEntry& sync = *task.sync;
  CHECK(sync.backlog.empty());  // Else it is flushed first.
  TRY(keep_rotated_token(task));
  std::vector<PlannedStep> planned = take_ahead(task);
  // A round goes on from what was planned while the one before was journaled; the last one takes
  // answers that came while that was sent.
  bool takes_answers_only = false;
  for (unsigned round = 0;; ++round) {
    Starting starting(*this, task);
    Status done = settle(task);
    if (done && !takes_answers_only) {
      done = planned.empty() ? plan_batches(task) : note_ahead(task, std::move(planned));
      planned.clear();
    }
    if (done && !takes_answers_only) done = prepare(task, starting);
    Ahead ahead(*this);
    if (done && round + 1 < kRoundsMax) plan_ahead(task, starting.deliveries, ahead);
    TRY(begin(task, starting));
    TRY(done);
    planned = ahead.take();
    if (!planned.empty() && await_room(task)) continue;
    if (!planned.empty()) {
      keep_ahead(task, std::move(planned));
      return Ok{};
    }
    const std::scoped_lock lock(mutex_);
    // Where answers come at once, the attempt ends here; else they are waited for together.
    const bool all_answered = !sync.answers.empty() && sync.answers.size() >= sync.flights.size();
    if (takes_answers_only || !all_answered) return Ok{};
    takes_answers_only = true;
  }
}

// Journals what was answered and planned, and that these begin; then sends them.
Status Exporter::Impl::begin(const Task& task, Starting& starting) {
  SyncEntry& sync = *task.sync;
  std::vector<OutcomeRecord> begun;  // Not to be remembered where that is not written.
  for (const Delivery& delivery : starting.deliveries) {
    const unsigned number = sync.ledger.batch(delivery.message_id)->attempts + 1;
    begun.emplace_back(AttemptStarted{delivery.message_id, number, delivery.at});
  }
  if (!sync.backlog.empty() || !begun.empty()) TRY(append(task, sync.backlog, begun));
  {
    const std::scoped_lock lock(mutex_);
    sync.backlog.clear();
    sync.trouble.clear();
  }
  for (const OutcomeRecord& record : begun) fold(task, record);
  while (!starting.deliveries.empty()) {
    Delivery delivery = std::move(starting.deliveries.front());
    starting.deliveries.pop_front();
    launch(task, std::move(delivery));
  }
  return Ok{};
}

// Requires that records of the backlog are written before anything else is.
void Exporter::Impl::note(const Task& task, OutcomeRecord record) {
  const std::scoped_lock lock(mutex_);
  std::vector<OutcomeRecord>& backlog = task.sync->backlog;
  backlog.push_back(std::move(record));
  const Status applied = task.sync->ledger.apply(backlog.back());
  CHECK(applied.has_value());  // We made the record from this very ledger.
}

// --- Answers -------------------------------------------------------------------------------------

// Answers that are being settled; those that are not, in the end, wait for the next claim.
struct Exporter::Impl::Settling {
  Settling(Impl& its_exporter, SyncEntry& its_sync) : exporter(its_exporter), sync(its_sync) {
    const std::scoped_lock lock(exporter.mutex_);
    answers.swap(sync.answers);
  }
  Settling(const Settling&) = delete;
  Settling& operator=(const Settling&) = delete;
  ~Settling() {
    const std::scoped_lock lock(exporter.mutex_);
    sync.answers.splice(sync.answers.end(), answers);
  }

  Impl& exporter;
  SyncEntry& sync;
  std::list<Answered> answers;
};

Status Exporter::Impl::settle(const Task& task) {
  SyncEntry& sync = *task.sync;
  Settling settling(*this, sync);
  Status done = Ok{};
  for (auto answered = settling.answers.begin(); answered != settling.answers.end();) {
    Status here = settle_one(task, *answered);
    if (!here) {
      done = std::move(here);
      ++answered;
      continue;
    }
    const std::scoped_lock lock(mutex_);
    sync.flights.erase(answered->batch_id);
    answered = settling.answers.erase(answered);
  }
  return done;
}

Status Exporter::Impl::settle_one(const Task& task, Answered& answered) {
  SyncEntry& sync = *task.sync;
  const Batch* const batch = sync.ledger.batch(answered.batch_id);
  if (batch == nullptr) return Ok{};  // Folded already, and cut off behind that.
  const Flight& flight = sync.flights.at(answered.batch_id);
  const Answer answer{.kind = AnswerKind::Status, .status = answered.status,
                      .body = answered.body, .cut = answered.cut};
  const Status read = judge_rows({.batch = *batch, .destination = *flight.destination,
                                  .answer = answer, .at = answered.at, .jitter = random_bits()},
                                 answered.verdict);
  // Some were taken and some were not, and nobody can say any more who.
  if (!read) answered.verdict = {.step = Step::Reject, .ambiguous = true,
                                 .text = read.error().message};
  if (answered.verdict.step == Step::Disable) TRY(disable(task, flight, answered.verdict.text));
  if (answered.verdict.step == Step::Leave) return Ok{};
  TRY_ASSIGN(std::vector<OutcomeRecord> records, records_of(*batch, answered));
  for (OutcomeRecord& record : records) note(task, std::move(record));
  return Ok{};
}

Result<std::vector<OutcomeRecord>> Exporter::Impl::records_of(const Batch& batch,
                                                              const Answered& answered) {
  const auto& [id, verdict, status, at, body, cut] = answered;
  std::vector<OutcomeRecord> records;
  const bool ends = verdict.step == Step::Reject || verdict.step == Step::Split;
  // Some were taken, and nobody knows who: what becomes of the batch does not say that.
  if (ends && verdict.ambiguous) {
    records.emplace_back(AttemptFailed{id, at, at, 0, true, status, verdict.text});
  }
  switch (verdict.step) {
    case Step::Delivered:
      if (verdict.rejected.empty()) {
        records.emplace_back(Delivered{id, at, status});
      } else {
        records.emplace_back(DeliveredPartly{id, at, status, verdict.rejected});
      }
      break;
    case Step::Reject: records.emplace_back(Rejected{id, at, status, verdict.text}); break;
    case Step::GiveUp: records.emplace_back(Dead{id, at, verdict.ambiguous, verdict.text}); break;
    case Step::Retry:
      records.emplace_back(AttemptFailed{id, at, verdict.retry_at, verdict.hold_until,
                                         verdict.ambiguous, status, verdict.text});
      break;
    case Step::Disable:  // Due at once when the destination is enabled again.
      records.emplace_back(AttemptFailed{id, at, at, 0, false, status, verdict.text});
      break;
    case Step::Split: {
      auto halves = split(batch.plan, new_message_id(), new_message_id());
      if (!halves) {
        records.emplace_back(Rejected{id, at, status, verdict.text});
        break;
      }
      records.emplace_back(Split{id, at, status, verdict.text, std::move(halves->first),
                                 std::move(halves->second)});
      break;
    }
    case Step::Leave: CHECK(!"an attempt that is left has no records");
  }
  return records;
}

Status Exporter::Impl::disable(const Task& task, const Flight& flight, const std::string& reason) {
  DestinationDocument document = *flight.destination;
  document.disabled = "It answered 410 and wants nothing any more (" + reason + ").";
  const auto stored = store(task.destination_id, document, flight.destination_version);
  if (!stored) {
    // Somebody has just put it anew: the 410 was about the address before. Or another answer of
    // the same destination has disabled it.
    return stored.error().code == ErrorCode::Conflict ? Status(Ok{}) : stored.error();
  }
  install(*stored, std::move(document));
  audit("disable destination", task.destination_id, 410);
  return Ok{};
}

// The token endpoint gave another refresh token: the old one may be worth nothing any more. The
// destination is the same one as before otherwise, so its client and its gate stay.
Status Exporter::Impl::keep_rotated_token(const Task& task) {
  DestinationDocument document = *task.destination;
  {
    const std::scoped_lock lock(mutex_);
    std::optional<std::string>& token = destinations_.at(task.destination_id).rotated_token;
    if (auto newer = task.client->take_rotated_token()) token = std::move(newer);
    if (!token) return Ok{};
    document.authorization.refresh_token = *token;
  }
  const auto stored = store(task.destination_id, document, task.destination_version);
  if (!stored && stored.error().code != ErrorCode::Conflict) return stored.error();
  const std::scoped_lock lock(mutex_);
  DestinationEntry& entry = destinations_.at(task.destination_id);
  if (!stored) {
    // Somebody has just put it anew: with a token of their own, or with the one that was before.
    if (entry.version == task.destination_version) return Ok{};  // To be installed, and told then.
    DestinationDocument newest = *entry.document;
    entry.rotated_token = document.authorization.refresh_token;
    const bool was_before = newest.authorization.refresh_token ==
                            task.destination->authorization.refresh_token;
    if (was_before && takes_newest_token(entry, newest.authorization)) {
      entry.client = parts_.destinations->make(newest);
    } else {
      entry.rotated_token.reset();
    }
    return Ok{};
  }
  entry.rotated_token.reset();
  if (stored->version < entry.version) return Ok{};
  entry.document = std::make_shared<const DestinationDocument>(std::move(document));
  entry.version = stored->version;
  entry.changed = stored->changed;
  return Ok{};
}

void Exporter::Impl::on_answer(const Task& task, const std::string& batch_id,
                               const Answer& answer) {
  const std::uint64_t jitter = random_bits();
  {
    const std::scoped_lock lock(mutex_);
    Flight& flight = task.sync->flights.at(batch_id);
    const Batch* const batch = task.sync->ledger.batch(batch_id);
    CHECK(batch != nullptr);
    const TimeMs at = now();
    Verdict verdict = judge({.batch = *batch, .destination = *flight.destination,
                             .answer = answer, .at = at, .jitter = jitter});
    const auto destination = destinations_.find(task.destination_id);
    const bool is_there = destination != destinations_.end();  // None is deleted under its flights.
    if (is_there && destination->second.version == flight.destination_version) {
      DeliveryGate& gate = destination->second.gate;
      gate.end(verdict, answer, flight.begun, at);
      // Until that is journaled, and the destination is disabled.
      if (verdict.step == Step::Disable) gate.hold(at + kRetryAfterMsMax);
    } else if (is_there) {
      destination->second.gate.end();
    }
    flight.answered = true;
    const auto& content = flight.destination->content;
    const bool is_read = verdict.step == Step::Delivered && content && content->answer;
    task.sync->answers.push_back({batch_id, std::move(verdict), answer.status, at,
                                  is_read ? answer.body : std::string(), answer.cut});
    --flights_;
    if (task.sync->answers.size() >= task.sync->flights.size()) answered_.notify_all();
    // Who holds the claim looks for answers before they let go of it, and wakes all others then.
    if (task.sync->busy && flights_ > 0 && !is_waited_for(task)) return;
    ++changes_;
    // Under the mutex: behind it the exporter may be gone.
    wake_.notify_all();
  }
}

bool Exporter::Impl::is_waited_for(const Task& task) const {
  return std::any_of(syncs_.begin(), syncs_.end(), [&](const auto& entry) {
    const SyncEntry& other = *entry.second;
    return &other != task.sync && !other.busy &&
           other.document->destination == task.destination_id &&
           other.ledger.live_batches() > other.flights.size();
  });
}

// --- Deliveries ----------------------------------------------------------------------------------

Status Exporter::Impl::prepare(const Task& task, Starting& starting) {
  SyncEntry& sync = *task.sync;
  const TimeMs at = now();
  {
    const std::scoped_lock lock(mutex_);
    DestinationEntry& destination = destinations_.at(task.destination_id);
    const bool stopped = draining_ || sync.cancel_wanted || sync.document->paused ||
                         !destination.document->disabled.empty() ||
                         destination.version != task.destination_version;
    if (stopped) return Ok{};
    for (const std::string& id : due_batches(sync, at, destination.gate.room())) {
      const auto ready = destination.gate.ready_at(at);
      if (!ready || *ready > at || flights_ >= kFlightsMax) break;
      const Batch& batch = *sync.ledger.batch(id);
      starting.deliveries.push_back({.message_id = id, .gzip = batch.plan.gzip, .at = at});
      // From here on it is under way, so that no other sync takes its place.
      sync.flights[id] = {.destination_version = task.destination_version,
                          .destination = task.destination, .begun = at};
      ++flights_;
      destination.gate.begin(batch.plan.people.count(), at);
    }
  }
  for (auto delivery = starting.deliveries.begin(); delivery != starting.deliveries.end();) {
    const std::string id = delivery->message_id;
    const Status filled = fill(task, *delivery);
    if (filled) {
      ++delivery;
      continue;
    }
    delivery = starting.give_back(delivery);
    give_up_damaged(task, id, filled.error());
  }
  return Ok{};
}

// What the batch says of it.
Status Exporter::Impl::fill(const Task& task, Delivery& delivery) {
  SyncEntry& sync = *task.sync;
  const BatchPlanned& plan = sync.ledger.batch(delivery.message_id)->plan;
  delivery.traceparent = traceparent_of(sync, plan.run);
  delivery.request = plan.request;
  delivery.people = plan.people;
  if (plan.gzip) {
    delivery.body = plan.packed;
  } else if (auto body = take_body(sync, delivery.message_id)) {
    delivery.body = std::move(*body);
  } else {
    TRY_ASSIGN(delivery.body, unpack(plan.packed, kBodyUnpackedMax));
  }
  return Ok{};
}

void Exporter::Impl::give_up_damaged(const Task& task, const std::string& batch_id,
                                     const Error& error) {
  note(task, Rejected{batch_id, now(), 0,
                      error.message + " The next run makes another one for its people."});
  audit("give up delivery " + batch_id, task.sync_id, 0);
}

void Exporter::Impl::launch(const Task& task, Delivery delivery) {
  const std::string id = delivery.message_id;
  std::stop_token stop;
  bool is_late = false;
  {
    const std::scoped_lock lock(mutex_);
    stop = landing_.get_token();
    is_late = !to_cut(*task.sync, *task.sync->ledger.batch(id)).empty();
  }
  if (is_late) {
    not_launched(task, id);
    return;
  }
  try {
    task.client->start(std::move(delivery), std::move(stop),
                       [this, task, id](const Answer& answer) { on_answer(task, id, answer); });
  } catch (const std::exception& thrown) {  // Out of memory before it was on its way.
    on_answer(task, id, {.kind = AnswerKind::NotSent, .text = thrown.what()});
  }
}

// Somebody in it was erased since it was prepared: no failure of its destination, and not the end
// of its attempts. Those left are due at once, under a new id.
void Exporter::Impl::not_launched(const Task& task, const std::string& batch_id) {
  const std::scoped_lock lock(mutex_);
  Verdict verdict{.step = Step::Retry, .text = "Somebody in it was erased."};
  verdict.retry_at = now();
  destinations_.at(task.destination_id).gate.end();
  task.sync->flights.at(batch_id).answered = true;
  task.sync->answers.push_back({.batch_id = batch_id, .verdict = std::move(verdict),
                                .at = now(), .body = {}});
  --flights_;
  ++changes_;
  wake_.notify_all();
}

std::string Exporter::Impl::traceparent_of(const SyncEntry& sync, std::uint64_t run) {
  std::optional<TraceContext> trace;
  {
    const std::scoped_lock lock(mutex_);
    if (sync.traced_run == run) trace = sync.trace;
  }
  return trace ? to_traceparent(child_of(*trace, random_bits())) : "";
}

}  // namespace muster::connect
