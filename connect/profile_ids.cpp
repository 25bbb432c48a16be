#include "connect/profile_ids.h"

#include <algorithm>

#include "connect/outcome_record.h"

namespace muster::connect {
namespace {

using Sent = std::unordered_map<index::Ordinal, KnownPerson>;

// What batches told of the wanted people, and which of it was taken. A removal that was taken
// forgets both: who comes back is known there by what is told from then on.
class Telling {
 public:
  explicit Telling(const index::Bitmap& wanted) : wanted_(wanted) {}

  Status see(const OutcomeRecord& record) {
    if (const auto* planned = std::get_if<BatchPlanned>(&record)) return told(*planned);
    if (const auto* split = std::get_if<Split>(&record)) {
      drop(split->id);
      TRY(told(split->first));
      return told(split->second);
    }
    if (const auto* recut = std::get_if<Recut>(&record)) {
      drop(recut->id);
      return recut->has_next ? told(recut->next) : Status(Ok{});
    }
    if (const auto* delivered = std::get_if<Delivered>(&record)) taken(delivered->id, {});
    if (const auto* partly = std::get_if<DeliveredPartly>(&record)) {
      index::Bitmap refused;
      for (const auto& [message, people] : partly->rejected) refused = unite(refused, people);
      taken(partly->id, refused);
    }
    if (const auto* rejected = std::get_if<Rejected>(&record)) drop(rejected->id);
    if (std::holds_alternative<Forgotten>(record)) {
      open_.clear();
      removing_.clear();
      told_.clear();
      taken_.clear();
    }
    return Ok{};
  }

  // As it was taken; where nothing was, as it was told.
  Sent take() {
    for (auto& [ordinal, person] : told_) taken_.try_emplace(ordinal, std::move(person));
    return std::move(taken_);
  }

 private:
  Status told(const BatchPlanned& batch) {
    index::Bitmap theirs = intersect(batch.people, wanted_);
    if (theirs.empty()) return Ok{};
    if (batch.operation == Operation::Remove) {
      removing_[batch.id] = std::move(theirs);
      return Ok{};
    }
    TRY_ASSIGN(const auto known, known_people(batch));
    const std::vector<index::Ordinal> people = batch.people.to_vector();
    Sent& open = open_[batch.id];
    for (std::size_t i = 0; i < people.size(); ++i) {
      if (!wanted_.contains(people[i]) || !known[i]) continue;
      told_[people[i]] = *known[i];
      open[people[i]] = *known[i];
    }
    return Ok{};
  }

  void drop(const std::string& batch) {
    open_.erase(batch);
    removing_.erase(batch);
  }

  void taken(const std::string& batch, const index::Bitmap& refused) {
    if (const auto removal = removing_.find(batch); removal != removing_.end()) {
      for (const index::Ordinal ordinal : subtract(removal->second, refused).to_vector()) {
        taken_.erase(ordinal);
        told_.erase(ordinal);
      }
      removing_.erase(removal);
    }
    const auto found = open_.find(batch);
    if (found == open_.end()) return;
    for (auto& [ordinal, person] : found->second) {
      if (!refused.contains(ordinal)) taken_[ordinal] = std::move(person);
    }
    open_.erase(found);
  }

  const index::Bitmap& wanted_;
  std::unordered_map<std::string, Sent> open_;  // By batch that is not settled.
  std::unordered_map<std::string, index::Bitmap> removing_;  // The same, of removals.
  Sent told_, taken_;
};

}  // namespace

Result<Sent> last_sent(const SentBefore& before, const index::Bitmap& wanted) {
  Telling telling(wanted);
  TRY(before.journal.replay(before.stream, [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    return telling.see(record);
  }));
  return telling.take();
}

Result<std::unordered_map<std::uint64_t, KnownPerson>> sent_by(
    const SentBefore& before, const std::unordered_set<std::uint64_t>& identifiers) {
  std::unordered_map<std::uint64_t, KnownPerson> found;
  const auto look = [&](const BatchPlanned& batch) -> Status {
    const bool has_any = std::any_of(
        batch.identifiers.begin(), batch.identifiers.end(),
        [&](std::uint64_t identifier) { return identifiers.contains(identifier); });
    if (!has_any) return Ok{};
    TRY_ASSIGN(const auto known, known_people(batch));
    for (std::size_t i = 0; i < batch.identifiers.size(); ++i) {
      const bool is_wanted = known[i] && identifiers.contains(batch.identifiers[i]);
      if (is_wanted) found[batch.identifiers[i]] = *known[i];
    }
    return Ok{};
  };
  TRY(before.journal.replay(before.stream, [&](std::string_view payload) -> Status {
    TRY_ASSIGN(const OutcomeRecord record, decode_outcome(payload));
    const auto* const batch = std::get_if<BatchPlanned>(&record);
    return batch == nullptr ? Status(Ok{}) : look(*batch);
  }));
  return found;
}

Result<std::vector<std::string>> profile_ids(const Audience& audience,
                                             const AudienceMoment& moment,
                                             const SentBefore& before,
                                             std::span<const index::Ordinal> ordinals) {
  std::vector<std::string> ids;
  index::Bitmap gone;
  for (std::size_t from = 0; from < ordinals.size(); from += kPeopleAskedMax) {
    const auto part = ordinals.subspan(from, std::min(kPeopleAskedMax, ordinals.size() - from));
    TRY_ASSIGN(std::vector<engine::ProfileRow> rows, audience.people(moment, part, {}));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (rows[i].profile_id.empty()) gone.add(part[i]);
      ids.push_back(std::move(rows[i].profile_id));
    }
  }
  if (gone.empty()) return ids;
  TRY_ASSIGN(const auto sent, last_sent(before, gone));
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto found = sent.find(ordinals[i]);
    if (ids[i].empty() && found != sent.end()) ids[i] = found->second.id;
  }
  return ids;
}

}  // namespace muster::connect
