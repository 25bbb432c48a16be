#include "connect/event_run.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/time.h"
#include "connect/exporter_impl.h"
#include "connect/ledger.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

constexpr std::size_t kRowsAtOnce = 10'000;

// Whose batch is not settled, and its id.
const std::string* batch_with(const Ledger& ledger, index::Ordinal ordinal) {
  for (const auto& [id, batch] : ledger.batches()) {
    if (batch.plan.people.contains(ordinal)) return &id;
  }
  return nullptr;
}

Error waits_for(const std::string& letter) {
  return {ErrorCode::Conflict, "The next change waits for dead letter " + letter +
                                   ", which is about the same person; send that again."};
}

}  // namespace

Result<Stretch> next_stretch(const Audience& audience, std::string_view segment,
                             std::uint64_t until, const Ledger& ledger) {
  Stretch stretch{.from = ledger.cursor(), .to = ledger.cursor(), .rows = {}};
  for (int reads = 0; reads < kStretchReadsMax && stretch.to < until; ++reads) {
    const std::size_t limit = std::min(kRowsAtOnce, kStretchRowsMax - stretch.rows.size());
    if (limit == 0) break;
    TRY_ASSIGN(AudienceChanges changes, audience.changes(segment, stretch.to, limit));
    for (AudienceChange& row : changes.rows) {
      if (row.offset >= until) break;
      const std::string* const waits_for = batch_with(ledger, row.ordinal);
      if (waits_for != nullptr && stretch.rows.empty()) {
        return connect::waits_for(*waits_for);
      }
      if (waits_for != nullptr || stretch.rows.contains(row.ordinal)) {
        stretch.to = row.offset;
        return stretch;
      }
      stretch.rows.emplace(row.ordinal, std::move(row));
    }
    if (changes.next <= stretch.to) break;  // Nothing more to be read yet.
    stretch.to = std::min(changes.next, until);
  }
  return stretch;
}

Result<Reconciled> reconcile(const Audience& audience, std::string_view segment,
                             const Ledger& ledger) {
  // Changes between the two are told again.
  Reconciled made{.entered = {}, .left = {}, .at = audience.next_change()};
  TRY_ASSIGN(const AudienceMoment now, audience.members(segment));
  made.entered = subtract(now.members, ledger.held());
  made.left = subtract(unite(ledger.held(), ledger.maybe_held()), now.members);
  const index::Bitmap all = unite(made.entered, made.left);
  for (const auto& [id, batch] : ledger.batches()) {
    if (!intersect(batch.plan.people, all).empty()) return waits_for(id);
  }
  return made;
}

Result<Stretch> unsent_stretch(const Audience& audience, std::string_view segment,
                               const Ledger& ledger) {
  Stretch stretch{.from = ledger.events_from(), .to = ledger.cursor(), .rows = {}};
  TRY_ASSIGN(stretch.rows, rows_of(audience, segment, stretch.from, stretch.to));
  std::erase_if(stretch.rows, [&](const auto& row) {
    return !ledger.unsent_entered().contains(row.first) &&
           !ledger.unsent_left().contains(row.first);
  });
  return stretch;
}

Result<EventRows> rows_of(const Audience& audience, std::string_view segment, std::uint64_t from,
                          std::uint64_t to) {
  EventRows rows;
  while (from < to) {
    auto read = audience.changes(segment, from, kRowsAtOnce);
    // Who is concerned stands in the run: they are told of without the time.
    if (!read && read.error().code == ErrorCode::NotFound) return rows;
    TRY_ASSIGN(AudienceChanges changes, std::move(read));
    for (AudienceChange& row : changes.rows) {
      if (row.offset < to) rows.emplace(row.ordinal, std::move(row));
    }
    if (changes.next <= from) break;
    from = changes.next;
  }
  return rows;
}

void tell(const EventRows* rows, Operation operation, index::Ordinal ordinal,
          std::string& member) {
  if (rows == nullptr || !member.ends_with('}')) return;
  const auto row = rows->find(ordinal);
  JsonWriter json;
  json.begin_object().key("event");
  json.text(operation == Operation::Remove ? kExitedEvent : kEnteredEvent);
  if (row != rows->end()) {
    json.key("timestamp").text(to_rfc3339(row->second.happened));
    json.key("reason").text(row->second.reason);
  }
  json.end_object();
  member.back() = ',';  // In place of the brace that closes it.
  member.append(json.str(), 1);
}

// --- The exporter's part -------------------------------------------------------------------------

Result<Exporter::Impl::Plan> Exporter::Impl::plan_events(const SyncDocument& document,
                                                         const Ledger& ledger,
                                                         const RunRequested& requested) const {
  Plan made;
  const bool goes_on = ledger.cursor() < ledger.drain_until() || ledger.leaves_unsent();
  std::uint64_t until = goes_on ? ledger.drain_until() : parts_.audience->next_change();
  auto read = ledger.leaves_unsent()
                  ? unsent_stretch(*parts_.audience, document.segment, ledger)
                  : next_stretch(*parts_.audience, document.segment, until, ledger);
  Reconciled anew;
  if (!read && read.error().code == ErrorCode::NotFound) {  // Past their retention.
    TRY_ASSIGN(anew, reconcile(*parts_.audience, document.segment, ledger));
    until = anew.at;
    read = Stretch{.from = anew.at, .to = anew.at, .rows = {}};
  }
  TRY_ASSIGN(const Stretch stretch, std::move(read));
  TRY_ASSIGN(AudienceMoment moment, parts_.audience->latest());
  std::vector<index::Ordinal> entered, left;
  for (const auto& [ordinal, row] : stretch.rows) {
    (row.entered ? entered : left).push_back(ordinal);
  }
  std::sort(entered.begin(), entered.end());
  std::sort(left.begin(), left.end());
  moment.members = unite(unite(index::Bitmap::from_sorted(entered), anew.entered),
                         ledger.unsent_entered());
  const index::Bitmap leaving =
      unite(unite(index::Bitmap::from_sorted(left), anew.left), ledger.unsent_left());
  const GlobalHoldout global = holdout();
  const AudienceSplit* const split = document.split ? &*document.split : nullptr;
  // Who was never told of as entered is not told of as having left, where that is by a rule.
  index::Bitmap unsent;
  for (const index::Ordinal ordinal : left) {
    const std::string_view arm = arm_of(split, global, stretch.rows.at(ordinal).profile_id);
    const bool sent = arm == kEverybodyArm || (split != nullptr && split->sends(arm));
    if (!sent) unsent.add(ordinal);
  }
  index::Bitmap wanted = moment.members;
  for (const std::string& segment : document.exclude) {
    TRY_ASSIGN(AudienceMoment excluded, parts_.audience->members(segment));
    wanted = subtract(wanted, excluded.members);
    unsent = unite(unsent, excluded.members);
    made.excluded.emplace_back(segment, std::move(excluded.members));
  }
  made.moment = std::make_shared<const AudienceMoment>(std::move(moment));
  RunInput input{.sync = document, .run = requested.run, .requested_at = requested.at,
                 .at = now(), .audience = *made.moment, .excluded = made.excluded};
  TRY_ASSIGN(input.assignment, assign({.split = split, .global = global,
                                       .audience = *parts_.audience, .moment = *made.moment,
                                       .wanted = wanted},
                                      ledger));
  made.run = plan_run(input, ledger);
  made.run.contacts = document.contact_history;
  // Each row is sent, whatever is held.
  made.run.add = unite(made.run.add, made.run.check);
  made.run.check = {};
  made.run.remove = subtract(leaving, subtract(unsent, unite(ledger.held(), ledger.maybe_held())));
  {
    // Who was erased is removed by a run of their own.
    const std::scoped_lock lock(mutex_);
    const RemovalsOfSync& removals = outbox_.of(ledger.sync());
    made.run.remove = subtract(made.run.remove, unite(removals.pending, removals.settled));
  }
  made.run.events_from = stretch.from;
  made.run.events_to = stretch.to;
  made.run.events_until = until;
  return made;
}

Result<std::shared_ptr<const EventRows>> Exporter::Impl::events_of(const SyncDocument& document,
                                                                   const Ledger& ledger) const {
  TRY_ASSIGN(EventRows rows, rows_of(*parts_.audience, document.segment, ledger.events_from(),
                                     ledger.cursor()));
  return std::make_shared<const EventRows>(std::move(rows));
}

}  // namespace muster::connect
