#include "connect/shared_plan.h"

#include "connect/plan_parts.h"

namespace muster::connect {

using index::Ordinal;

SharedPlan::SharedPlan(const BatchInput& input, const Ledger& ledger)
    : input_(input),
      ledger_(ledger),
      asks_(input.composer.shares_identifiers() && input.events == nullptr) {
  if (!asks_) return;
  for (const auto& [id, batch] : ledger.batches()) {
    if (batch.plan.operation != Operation::Remove) {
      note_owed(batch);
      continue;
    }
    for (const Ordinal person : batch.plan.people.to_vector()) {
      removing_.insert(ledger.identifiers().held_by(person));
    }
  }
  removing_.erase(0);
}

// Nobody has to wait for the leader in this run, where their batch is given up or of another run.
void SharedPlan::note_owed(const Batch& batch) {
  if (!batch.dead && batch.plan.run == ledger_.last_run()) return;
  if (batch.plan.identifiers.empty()) return;
  const std::vector<Ordinal> people = batch.plan.people.to_vector();
  for (std::size_t i = 0; i < people.size(); ++i) {
    const std::uint64_t identifier = batch.plan.identifiers[i];
    const bool is_there = ledger_.held().contains(people[i]) &&
                          ledger_.identifiers().held_by(people[i]) == identifier;
    if (!is_there && ledger_.identifiers().leads(people[i], identifier)) owed_.insert(identifier);
  }
}

std::uint64_t SharedPlan::identifier(const Person& person) const {
  return asks_ ? input_.composer.identifier(person) : 0;
}

SharedPlan::Place SharedPlan::place_of(Ordinal ordinal, std::uint64_t identifier) const {
  if (identifier == 0) return Place::Sends;
  if (removing_.contains(identifier)) return Place::Waits;
  if (taken_.contains(identifier)) return Place::Follows;
  const auto leader = ledger_.identifiers().leader(identifier);
  const bool is_free = !leader || *leader == ordinal || ledger_.to_remove().contains(*leader);
  if (is_free) return Place::Sends;
  return owed_.contains(identifier) ? Place::Waits : Place::Follows;
}

void SharedPlan::take(Ordinal ordinal, std::uint64_t identifier) {
  if (identifier != 0) taken_.emplace(identifier, ordinal);
}

Result<std::optional<Ordinal>> SharedPlan::heir_of(Ordinal ordinal) const {
  const SharedIdentifiers& identifiers = ledger_.identifiers();
  const std::uint64_t identifier = asks_ ? identifiers.held_by(ordinal) : 0;
  if (identifier == 0) return std::optional<Ordinal>();
  const auto leader = identifiers.leader(identifier);
  if (leader && *leader != ordinal) return std::optional(ordinal);
  // Whom an erasure concerns, its run says; who follows is in it as somebody to be added.
  if (ledger_.runs().back().erasure) return std::optional<Ordinal>();
  const std::vector<Ordinal> followers = identifiers.followers_of(identifier, kHeirsMax);
  if (followers.empty()) return std::optional<Ordinal>();
  TRY_ASSIGN(const std::vector<Person> people, people_of(input_, followers));
  for (std::size_t i = 0; i < followers.size(); ++i) {
    const bool has_it = followers[i] != ordinal && !people[i].id.empty() &&
                        input_.composer.identifier(people[i]) == identifier;
    if (has_it) return std::optional(followers[i]);
  }
  return std::optional<Ordinal>();
}

}  // namespace muster::connect
