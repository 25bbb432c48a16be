// People who were erased: taken out of what is not sent yet, and removed where they are or may be.
//
// What is to be cut and what is there follows from the ledger and from who was erased, so a start
// finds it again; what a destination owes, by which name, and until when, stands in the outbox
// (connect/removal_outbox.h). Removals are runs of their own, in which nobody else is concerned;
// one that could not remove them is repeated an hour later, for 30 days.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "connect/batch_parts.h"
#include "connect/exporter_impl.h"
#include "index/sets/in_place.h"
#include "connect/profile_ids.h"
#include "connect/templates/content.h"

namespace muster::connect {
namespace {

// Those of `people` who are at the destination, may be, or are in a batch.
index::Bitmap present_of(const Ledger& ledger, const index::Bitmap& people) {
  index::Bitmap present = unite(intersect(people, ledger.held()),
                                intersect(people, ledger.maybe_held()));
  for (const auto& [id, batch] : ledger.batches()) {
    add_all(present, intersect(people, batch.plan.people));
  }
  return present;
}

// The same, and those whose row may have been read for a batch before they were erased.
index::Bitmap known_of(const Ledger& ledger, const index::Bitmap& people) {
  index::Bitmap known = present_of(ledger, people);
  if (!ledger.run_active()) return known;
  known = unite(known, intersect(people, ledger.to_add()));
  return unite(known, intersect(people, ledger.to_check()));
}

constexpr const char* kNameless = "Nobody knows any more how they were sent there.";

// Whom a sealed name is of: worthless in another place.
std::string owner_of(std::string_view sync, index::Ordinal person) {
  return "removal/" + std::string(sync) + "/" + std::to_string(person);
}

// Who follows one of these people, and may go on under what they are known by.
index::Bitmap heirs_of(const Ledger& ledger, const index::Bitmap& people) {
  const SharedIdentifiers& identifiers = ledger.identifiers();
  index::Bitmap heirs;
  if (identifiers.followers().empty()) return heirs;
  for (const index::Ordinal person : people.to_vector()) {
    const std::uint64_t identifier = identifiers.held_by(person);
    if (!identifiers.leads(person, identifier)) continue;
    for (const index::Ordinal one : identifiers.followers_of(identifier, kHeirsMax)) {
      if (!people.contains(one)) heirs.add(one);
    }
  }
  return heirs;
}

// Of those who follow the same one, the first.
index::Bitmap first_of_each(const Ledger& ledger, const index::Bitmap& heirs) {
  index::Bitmap first;
  std::set<index::Ordinal> led;
  for (const index::Ordinal person : heirs.to_vector()) {
    const auto leader = ledger.identifiers().leader_of(person);
    if (leader && led.insert(*leader).second) first.add(person);
  }
  return first;
}

// Of these people, what the destination has of them where it was sent of somebody else: who took
// over an identifier and was never sent by it. By identifier.
Result<std::unordered_map<std::uint64_t, KnownPerson>> sent_of_others(
    const SentBefore& before, const Ledger& ledger, const Composer& composer,
    const index::Bitmap& people,
    const std::unordered_map<index::Ordinal, KnownPerson>& sent) {
  std::unordered_set<std::uint64_t> wanted;
  for (const index::Ordinal person : people.to_vector()) {
    const std::uint64_t identifier = ledger.identifiers().held_by(person);
    const auto own = sent.find(person);
    const bool is_own = own != sent.end() && composer.identifier(own->second.as_person(
                                                 composer.mapping())) == identifier;
    if (identifier != 0 && !is_own) wanted.insert(identifier);
  }
  if (wanted.empty() || !composer.shares_identifiers()) {
    return std::unordered_map<std::uint64_t, KnownPerson>();
  }
  return sent_by(before, wanted);
}

index::Bitmap without_batches(const Ledger& ledger, index::Bitmap people) {
  for (const auto& [id, batch] : ledger.batches()) remove_all(people, batch.plan.people);
  return people;
}

}  // namespace

// Nobody but those who were erased is concerned, and who goes on under what they were known by:
// what the ledger knows of others stays.
Result<Exporter::Impl::Plan> Exporter::Impl::plan_erasure(const SyncDocument& document,
                                                          const Ledger& ledger,
                                                          const RunRequested& requested) const {
  Plan made;
  TRY_ASSIGN(AudienceMoment moment, parts_.audience->latest());
  made.run = {.run = requested.run, .requested_at = requested.at, .at = now(),
              .snapshot = moment.snapshot, .erasure = true};
  made.run.remove = without_batches(
      ledger, intersect(unite(ledger.held(), ledger.maybe_held()), requested.erased));
  const index::Bitmap heirs = heirs_of(ledger, made.run.remove);
  if (!heirs.empty()) {
    const auto usual = plan(document, ledger, {.run = requested.run, .at = requested.at,
                                               .erased = {}});
    // Where nobody can say who is in the segment, the removal does not wait for it: the next run
    // adds who is to have it.
    if (usual) made.run.add = first_of_each(ledger, intersect(heirs, usual->run.add));
    made.run.audience = made.run.add;
  }
  made.moment = std::make_shared<const AudienceMoment>(std::move(moment));
  return made;
}

index::Bitmap Exporter::Impl::erased_there(const SyncEntry& sync) const {
  const RemovalsOfSync& removals = outbox_.of(sync.ledger.sync());
  if (removals.pending.empty()) return {};
  const Ledger& ledger = sync.ledger;
  const index::Bitmap named = subtract(removals.pending, removals.unsealed);
  return without_batches(ledger, unite(intersect(named, ledger.held()),
                                       intersect(named, ledger.maybe_held())));
}

void Exporter::Impl::review_erased(SyncEntry& sync, bool was_erasure) {
  forget_bodies(sync);
  if (was_erasure) {
    sync.erased_again_at = now() + kErasedAgainMs;
  } else {
    sync.erased_tried = {};
  }
  if (!sync.erased.empty()) sync.erased = known_of(sync.ledger, sync.erased);
}

// --- Who is erased ------------------------------------------------------------------------------

std::optional<RemovalOwed> Exporter::Impl::owed_by(const std::string& id, const SyncEntry& sync,
                                                   index::Ordinal person, TimeMs erased_at) const {
  const Ledger& ledger = sync.ledger;
  bool is_there = ledger.held().contains(person) || ledger.maybe_held().contains(person);
  for (const auto& [message, batch] : ledger.batches()) {
    const bool may_come = batch.ambiguous || batch.in_flight || sync.flights.contains(message);
    is_there = is_there || (may_come && batch.plan.people.contains(person));
  }
  if (!is_there) return std::nullopt;
  RemovalOwed owed{.sync = id, .destination = sync.document->destination, .person = person,
                   .who = "", .erased_at = erased_at, .cannot = false};
  const auto destination = destinations_.find(owed.destination);
  if (destination != destinations_.end()) {
    const auto& content = destination->second.document->content;
    owed.cannot = content != nullptr && content->request(Operation::Remove) == nullptr;
  }
  return owed;
}

std::vector<RemovalView> Exporter::Impl::note_erased(const engine::ErasureReceipt& receipt) {
  std::string who;
  for (const engine::ErasedProfile& profile : receipt.profiles) who += box_.tag(profile.profile_id);
  std::vector<OutcomeRecord> records;
  std::vector<RemovalView> views;
  bool is_concerned = false;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, sync] : syncs_) {
      for (const engine::ErasedProfile& profile : receipt.profiles) {
        index::Bitmap one;
        one.add(profile.ordinal);
        if (known_of(sync->ledger, one).empty()) continue;
        is_concerned = true;
        sync->erased.add(profile.ordinal);
        auto owed = owed_by(id, *sync, profile.ordinal, receipt.erased_at);
        if (!owed) continue;
        owed->who = who;
        outbox_.expect(*owed);
        const auto& all = outbox_.of(id).all;
        const auto found = all.find(profile.ordinal);
        if (found == all.end()) continue;  // Settled, and forgotten.
        views.push_back(removal_view(id, found->second));
        records.emplace_back(std::move(*owed));
      }
    }
  }
  // Where it cannot be written now, whoever serves the sync writes it.
  if (!records.empty()) static_cast<void>(write_removals(records).has_value());
  if (is_concerned) notify();
  return views;
}

std::vector<RemovalView> Exporter::Impl::removals(std::string_view profile_id) const {
  const std::string who = box_.tag(profile_id);
  const std::scoped_lock lock(mutex_);
  return outbox_.about(who);
}

Status Exporter::Impl::load_removals() {
  TRY(parts_.journal->replay(kErasureStream, [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    outbox_.apply(record);
    return Ok{};
  }));
  std::vector<std::string> orphans;
  for (const auto& [id, removals] : outbox_.by_sync()) {
    if (!removals.pending.empty() && syncs_.find(id) == syncs_.end()) orphans.push_back(id);
  }
  for (const std::string& id : orphans) give_up_removals(id, kSyncDeleted);
  TRY_ASSIGN(const index::Bitmap erased, parts_.audience->erased());
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, sync] : syncs_) {
    sync->erased = known_of(sync->ledger, erased);
    const RemovalsOfSync& removals = outbox_.of(id);
    const index::Bitmap fresh =
        subtract(subtract(sync->erased, removals.pending), removals.settled);
    for (const index::Ordinal person : fresh.to_vector()) {
      const auto owed = owed_by(id, *sync, person, now());
      if (owed) outbox_.expect(*owed);
    }
  }
  return Ok{};
}

// --- Batches that are cut -----------------------------------------------------------------------

index::Bitmap Exporter::Impl::to_cut(const SyncEntry& sync, const Batch& batch) const {
  if (sync.erased.empty()) return {};
  // What may have been received goes on as it is, under its id, until that is settled.
  const bool may_be_there = batch.repeats && !batch.dead;
  index::Bitmap people = intersect(batch.plan.people, sync.erased);
  // Who is in a removal is to be removed; and there is an end to it.
  if (batch.plan.operation != Operation::Remove && !may_be_there) return people;
  return intersect(people, outbox_.of(sync.ledger.sync()).given_up);
}

Status Exporter::Impl::recut(const Task& task) {
  SyncEntry& sync = *task.sync;
  std::vector<std::pair<std::string, index::Bitmap>> cuts;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, batch] : sync.ledger.batches()) {
      if (sync.flights.contains(id)) continue;
      index::Bitmap people = to_cut(sync, batch);
      if (!people.empty()) cuts.emplace_back(id, std::move(people));
    }
  }
  for (auto& [id, people] : cuts) {  // Each in an append of its own: they may be large.
    const BatchPlanned& plan = sync.ledger.batch(id)->plan;
    Recut record{.id = id, .at = now(), .without = std::move(people), .next = {}};
    record.has_next = record.without != plan.people;
    if (record.has_next) {
      auto next = cut_out(plan, record.without, new_message_id());
      if (!next) {
        give_up_damaged(task, id, next.error());
        TRY(flush(task));
        continue;
      }
      record.next = std::move(*next);
    }
    const std::string next = record.next.id;
    note(task, std::move(record));  // The id is the same, however often that is written.
    static_cast<void>(take_body(sync, id));
    {
      const std::scoped_lock lock(mutex_);
      if (sync.replay.erase(id) != 0 && !next.empty()) sync.replay.insert(next);
    }
    TRY(flush(task));
  }
  return Ok{};
}

std::set<std::string> Exporter::Impl::dead_removals(const SyncEntry& sync) const {
  std::set<std::string> letters;
  const RemovalsOfSync& removals = outbox_.of(sync.ledger.sync());
  if (removals.pending.empty()) return letters;
  for (const auto& [id, batch] : sync.ledger.batches()) {
    const bool removes = batch.dead && batch.plan.operation == Operation::Remove;
    if (removes && !intersect(batch.plan.people, removals.pending).empty()) letters.insert(id);
  }
  return letters;
}

// --- The outbox ---------------------------------------------------------------------------------

std::optional<TaskKind> Exporter::Impl::owed_task(const SyncEntry& sync, TimeMs now) const {
  if (!sync.erased.empty()) {
    for (const auto& [id, batch] : sync.ledger.batches()) {
      if (!sync.flights.contains(id) && !to_cut(sync, batch).empty()) return TaskKind::Recut;
    }
  }
  const RemovalsOfSync& removals = outbox_.of(sync.ledger.sync());
  if (!removals.unwritten.empty()) return TaskKind::Owe;
  if (removals.pending.empty()) return std::nullopt;
  const bool is_over = removals.expires().value_or(now + 1) <= now ||
                       present_of(sync.ledger, removals.pending) != removals.pending;
  return is_over ? std::optional(TaskKind::Owe) : std::nullopt;
}

// Whose name is not kept yet, and cannot become another one: they are in no batch.
index::Bitmap Exporter::Impl::nameable(const SyncEntry& sync) const {
  const RemovalsOfSync& removals = outbox_.of(sync.ledger.sync());
  if (removals.unsealed.empty()) return {};
  const Ledger& ledger = sync.ledger;
  return without_batches(ledger, unite(intersect(removals.unsealed, ledger.held()),
                                       intersect(removals.unsealed, ledger.maybe_held())));
}

std::vector<RemovalSettled> Exporter::Impl::settled_by(const SyncEntry& sync, TimeMs now) const {
  std::vector<RemovalSettled> settled;
  const std::string& id = sync.ledger.sync();
  const RemovalsOfSync& removals = outbox_.of(id);
  const index::Bitmap present = present_of(sync.ledger, removals.pending);
  for (const index::Ordinal person : subtract(removals.pending, present).to_vector()) {
    settled.push_back({.sync = id, .person = person, .at = now, .reason = ""});
  }
  for (const auto& [erased_at, person] : removals.by_age) {
    if (erased_at + kRemovalKeptMs > now) break;
    if (!present.contains(person)) continue;
    settled.push_back({.sync = id, .person = person, .at = now, .given_up = true,
                       .reason = "It was not confirmed within 30 days."});
  }
  return settled;
}

Status Exporter::Impl::keep_outbox(const Task& task) {
  std::vector<OutcomeRecord> records;
  {
    const std::scoped_lock lock(mutex_);
    records = unwritten_of(task.sync_id);
    for (RemovalSettled& one : settled_by(*task.sync, now())) {
      records.emplace_back(std::move(one));
    }
  }
  return write_removals(records);
}

// What is owed stands before what became of it, also where whoever owes it has yet to write it.
std::vector<OutcomeRecord> Exporter::Impl::unwritten_of(std::string_view sync) const {
  std::vector<OutcomeRecord> records;
  const RemovalsOfSync& removals = outbox_.of(sync);
  for (const index::Ordinal person : removals.unwritten.to_vector()) {
    const auto found = removals.all.find(person);
    if (found == removals.all.end()) continue;  // Settled, and forgotten.
    const Removal& removal = found->second;
    records.emplace_back(RemovalOwed{
        .sync = std::string(sync), .destination = removal.destination, .person = person,
        .who = removal.who, .erased_at = removal.erased_at,
        .cannot = removal.state == RemovalState::Cannot});
  }
  return records;
}

// How the destination knows them, out of the journal.
Status Exporter::Impl::seal_names(const Task& task) {
  std::vector<OutcomeRecord> records;
  index::Bitmap people;
  {
    const std::scoped_lock lock(mutex_);
    task.sync->named_last = true;
    records = unwritten_of(task.sync_id);
    people = nameable(*task.sync);
  }
  const std::string stream = outcome_stream(task.sync_id);
  TRY_ASSIGN(const auto sent, last_sent({*parts_.journal, stream}, people));
  const auto composer = make_composer(*task.document, *task.destination,
                                      box_.identifier_key(task.sync_id));
  const Ledger& ledger = task.sync->ledger;
  TRY_ASSIGN(const auto others,
             sent_of_others({*parts_.journal, stream}, ledger, *composer, people, sent));
  const BatchScope scope{.sync = task.sync_id, .segment = task.document->segment,
                         .run = ledger.last_run() + 1, .at = now(),
                         .operation = Operation::Remove};
  const bool takes = composer->takes(Operation::Remove).has_value();
  for (const index::Ordinal ordinal : people.to_vector()) {
    const auto found = sent.find(ordinal);
    const auto other = others.find(ledger.identifiers().held_by(ordinal));
    Person person;
    std::string who;  // Whom the receipt is about is known also where nothing names them there.
    if (found != sent.end()) {
      person = found->second.as_person(composer->mapping());
      if (!person.id.empty()) who = box_.tag(person.id);
    }
    if (other != others.end()) person = other->second.as_person(composer->mapping());
    const bool is_known = found != sent.end() || other != others.end();
    if (!takes || !is_known || !composer->identifies(scope, person)) {
      if (!who.empty()) {
        records.emplace_back(RemovalSealed{.sync = task.sync_id, .person = ordinal,
                                           .who = who, .sealed = ""});
      }
      records.emplace_back(RemovalSettled{
          .sync = task.sync_id, .person = ordinal, .at = now(), .given_up = true,
          .reason = takes ? kNameless : "The destination has no request that removes anybody."});
      continue;
    }
    TRY_ASSIGN(std::string sealed,
               box_.seal(composer->name(person), owner_of(task.sync_id, ordinal)));
    records.emplace_back(RemovalSealed{.sync = task.sync_id, .person = ordinal,
                                       .who = who, .sealed = std::move(sealed)});
  }
  return write_removals(records);
}

// Of those whom the run under way is to remove next.
Result<std::unordered_map<index::Ordinal, KnownPerson>> Exporter::Impl::kept_names(
    const Task& task) const {
  std::vector<std::pair<index::Ordinal, std::string>> sealed;
  {
    const std::scoped_lock lock(mutex_);
    const RemovalsOfSync& removals = outbox_.of(task.sync_id);
    if (removals.pending.empty()) return std::unordered_map<index::Ordinal, KnownPerson>();
    for (const index::Ordinal person : task.sync->ledger.to_remove().slice(0, kBatchSizeMax)) {
      const auto found = removals.all.find(person);
      if (found == removals.all.end() || found->second.sealed.empty()) continue;
      sealed.emplace_back(person, found->second.sealed);
    }
  }
  std::unordered_map<index::Ordinal, KnownPerson> kept;
  for (const auto& [person, text] : sealed) {
    const auto opened = box_.open(text, owner_of(task.sync_id, person));
    if (!opened) continue;  // Another key: what the journal has is all there is.
    TRY_ASSIGN(kept[person], parse_known(*opened));
  }
  return kept;
}

Status Exporter::Impl::give_up_nameless(const Task& task, const index::Bitmap& people) {
  std::vector<OutcomeRecord> records;
  {
    const std::scoped_lock lock(mutex_);
    const index::Bitmap theirs = intersect(people, outbox_.of(task.sync_id).pending);
    if (!theirs.empty()) records = unwritten_of(task.sync_id);
    for (const index::Ordinal person : theirs.to_vector()) {
      records.emplace_back(RemovalSettled{.sync = task.sync_id, .person = person, .at = now(),
                                          .given_up = true, .reason = kNameless});
    }
  }
  return write_removals(records);
}

Status Exporter::Impl::write_removals(const std::vector<OutcomeRecord>& records) {
  if (records.empty()) return Ok{};
  std::vector<std::string> payloads;
  for (const OutcomeRecord& record : records) payloads.push_back(encode(record));
  TRY(parts_.journal->append(kErasureStream, std::move(payloads)));
  {
    const std::scoped_lock lock(mutex_);
    for (const OutcomeRecord& record : records) outbox_.apply(record);
  }
  for (const OutcomeRecord& record : records) {
    const auto* const settled = std::get_if<RemovalSettled>(&record);
    if (settled != nullptr && settled->given_up) {
      audit("give up a removal: " + settled->reason, settled->sync, 0);
    }
  }
  return Ok{};
}

// Where that cannot be written, the next start finds the sync gone.
void Exporter::Impl::give_up_removals(std::string_view sync, const std::string& reason) {
  std::vector<OutcomeRecord> records;
  {
    const std::scoped_lock lock(mutex_);
    records = unwritten_of(sync);
    for (const index::Ordinal person : outbox_.of(sync).pending.to_vector()) {
      records.emplace_back(RemovalSettled{.sync = std::string(sync), .person = person,
                                          .at = now(), .given_up = true, .reason = reason});
    }
  }
  if (write_removals(records)) return;
  const std::scoped_lock lock(mutex_);
  for (const OutcomeRecord& record : records) outbox_.apply(record);
}

}  // namespace muster::connect
