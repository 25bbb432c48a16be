// Identifiers that profiles share, in the fold of a ledger: who leads one, who follows, and who
// takes over. What a record says is decided by the planner; what follows from it, here.
#include <algorithm>

#include "connect/ledger.h"
#include "index/sets/in_place.h"

namespace muster::connect {

// A batch names its people by these: they lead them from here on.
void Ledger::lead(const BatchPlanned& plan) {
  if (plan.identifiers.empty()) return;
  const std::vector<index::Ordinal> people = plan.people.to_vector();
  for (std::size_t i = 0; i < people.size(); ++i) identifiers_.lead(people[i], plan.identifiers[i]);
}

void Ledger::stop_following(const index::Bitmap& people) {
  for (const index::Ordinal person : intersect(people, identifiers_.followers()).to_vector()) {
    identifiers_.stop_following(person);
  }
}

// An heir, or else the first of those who follow, goes on in place of whoever led. `is_there`: the
// destination has it, or may, and has it under them from here on, so that somebody removes it in
// the end.
void Ledger::promote(std::uint64_t identifier, bool is_there, const index::Bitmap& heirs) {
  identifiers_.free(identifier);
  const auto next = identifiers_.followers_of(identifier, heirs.empty() ? 1 : kHeirsMax);
  if (next.empty()) return;
  const auto heir = std::find_if(next.begin(), next.end(), [&](index::Ordinal one) {
    return heirs.contains(one);
  });
  const index::Ordinal person = heir == next.end() ? next.front() : *heir;
  identifiers_.stop_following(person);
  if (is_there && !held_.contains(person)) {
    maybe_held_.add(person);
    identifiers_.hold(person, identifier);
  }
  if (!active_ || runs_.back().erasure || to_add_.contains(person)) return;
  RunCounts& counts = runs_.back().counts;  // They were settled as following in this very run.
  --counts.already_there;
  --counts.following;
  pending_.add(person);
  to_add_.add(person);
}

// Who was taken under an identifier, where it is not the one they had.
void Ledger::take_identifier(index::Ordinal person, std::uint64_t identifier) {
  const std::uint64_t before = identifiers_.held_by(person);
  identifiers_.let_go(person);
  identifiers_.hold(person, identifier);
  const bool led = before != 0 && before != identifier && identifiers_.leads(person, before);
  if (led) promote(before, true);
}

// They are not there any more, or under somebody else. `is_there`: their identifier stays.
void Ledger::drop_identifiers(const index::Bitmap& people, bool is_there,
                              const index::Bitmap& heirs) {
  for (const index::Ordinal person : people.to_vector()) {
    const std::uint64_t identifier = identifiers_.held_by(person);
    if (identifier == 0) continue;
    identifiers_.let_go(person);
    if (identifiers_.leads(person, identifier)) promote(identifier, is_there, heirs);
  }
}

// People of a batch that was not taken, in the end. `may_be_there`: it may have been.
void Ledger::give_back(const BatchPlanned& plan, const index::Bitmap& people, bool may_be_there) {
  if (plan.identifiers.empty()) return;
  const std::vector<index::Ordinal> all = plan.people.to_vector();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t identifier = plan.identifiers[i];
    if (identifier == 0 || !people.contains(all[i])) continue;
    const bool knows_it = identifiers_.held_by(all[i]) == identifier;
    const bool has_it = knows_it && held_.contains(all[i]);
    const bool may_have_it = knows_it && maybe_held_.contains(all[i]);
    if (may_be_there && !held_.contains(all[i])) identifiers_.hold(all[i], identifier);
    if (has_it || !identifiers_.leads(all[i], identifier)) continue;
    // Theirs only since another one handed it on, say: somebody else may be taken under it.
    if (may_have_it && identifiers_.followers_of(identifier, 1).empty()) continue;
    promote(identifier, may_be_there || may_have_it);
  }
}

Status Ledger::settle_shared(const Sorted& record) {
  if (record.following.count() != record.identifiers.size()) {
    return corrupt("not all who follow another one have an identifier");
  }
  RunCounts& counts = runs_.back().counts;
  const std::vector<index::Ordinal> following = record.following.to_vector();
  for (std::size_t i = 0; i < following.size(); ++i) {
    identifiers_.follow(following[i], record.identifiers[i]);
  }
  stop_following(record.waiting);
  const std::uint64_t settled = settle(record.following);
  counts.already_there += settled;
  counts.following += settled;
  for (const index::Bitmap* people : {&record.following, &record.waiting}) {
    remove_all(to_add_, *people);
    remove_all(to_check_, *people);
  }
  // Nothing is sent of them: what they were known by there is another's.
  const index::Bitmap handed = intersect(record.handed, removals_pending_);
  if (handed.empty()) return Ok{};
  counts.removals_sent += settle_removals(handed);
  remove_all(to_remove_, handed);
  remove_all(held_, handed);
  remove_all(maybe_held_, handed);
  for (const index::Ordinal person : handed.to_vector()) {
    const std::uint64_t identifier = identifiers_.held_by(person);
    const auto leader = identifiers_.leader(identifier);
    if (!leader || handed.contains(*leader) || held_.contains(*leader)) continue;
    // On their way only: if they do not come there, it is there under them all the same.
    maybe_held_.add(*leader);
    identifiers_.hold(*leader, identifier);
  }
  drop_identifiers(handed, true, record.heirs);
  come_back(handed);
  return Ok{};
}

}  // namespace muster::connect
