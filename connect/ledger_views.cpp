// What a ledger says about people: their state one by one, and the set of each state.
#include "connect/ledger.h"

namespace muster::connect {
namespace {

std::string rejection_text(const Rejection& rejection) {
  if (rejection.status == 0) return rejection.answer;  // It was never answered.
  return "HTTP " + std::to_string(rejection.status) +
         (rejection.answer.empty() ? "" : ": " + rejection.answer);
}

}  // namespace

std::string Ledger::arm_of(index::Ordinal ordinal) const {
  for (const Cohort& cohort : cohorts_) {
    for (const auto& [arm, people] : cohort.arms) {
      if (people.contains(ordinal)) return arm;
    }
  }
  return "";
}

PersonView Ledger::person(index::Ordinal ordinal) const {
  PersonView view{.ordinal = ordinal, .held = held_.contains(ordinal)};
  view.state = view.held ? PersonState::Sent : PersonState::None;
  if (unidentifiable_.contains(ordinal)) view.state = PersonState::Unidentifiable;
  for (const auto& [segment, people] : excluded_) {
    if (!people.contains(ordinal)) continue;
    view.state = PersonState::Excluded;
    view.reason = "in segment '" + segment + "'";
  }
  if (identifiers_.followers().contains(ordinal)) {
    view.state = PersonState::Following;
    view.reason = "the same identifier as another profile, which is sent";
    view.leader = identifiers_.leader_of(ordinal);
  }
  view.arm = arm_of(ordinal);
  for (const auto& [arm, people] : held_out_) {
    if (!people.contains(ordinal)) continue;
    view.state = PersonState::HeldOut;
    view.reason = "in arm '" + arm + "'";
  }
  if (rejected_.contains(ordinal)) {
    const Rejection& rejection = *rejections_.at(ordinal);
    view.state = PersonState::Rejected;
    view.reason = rejection_text(rejection);
    view.message_id = rejection.message_id;
    view.run = rejection.run;
  }
  if (pending_.contains(ordinal) || waiting_.contains(ordinal) ||
      removals_pending_.contains(ordinal)) {
    view.state = PersonState::Pending;
    view.run = last_run_;
  }
  for (const auto& [id, batch] : batches_) {
    if (!batch.plan.people.contains(ordinal)) continue;
    view.state = batch.ambiguous ? PersonState::Unknown : PersonState::Pending;
    view.reason = batch.last_error;
    view.message_id = id;
    view.run = batch.plan.run;
  }
  return view;
}

index::Bitmap Ledger::people(PersonState state) const {
  index::Bitmap found;
  switch (state) {
    case PersonState::None: return found;
    case PersonState::HeldOut:
      for (const auto& [arm, people] : held_out_) found = unite(found, people);
      return found;
    case PersonState::Sent: return held_;
    case PersonState::Following: return identifiers_.followers();
    case PersonState::Rejected: return rejected_;
    case PersonState::Unidentifiable: return unidentifiable_;
    case PersonState::Excluded:
      for (const auto& [segment, people] : excluded_) found = unite(found, people);
      return found;
    case PersonState::Unknown:
      for (const auto& [id, batch] : batches_) {
        if (batch.ambiguous) found = unite(found, batch.plan.people);
      }
      return found;
    case PersonState::Pending:
      found = unite(unite(pending_, waiting_), removals_pending_);
      for (const auto& [id, batch] : batches_) {
        if (!batch.ambiguous) found = unite(found, batch.plan.people);
      }
      return subtract(found, people(PersonState::Unknown));
  }
  CHECK(!"every PersonState has its people");
  return found;
}

LedgerView Ledger::view() const {
  LedgerView view{.sync = sync_, .sent = held_.count()};
  view.pending = people(PersonState::Pending).count();
  view.rejected = rejected_.count();
  view.excluded = people(PersonState::Excluded).count();
  view.unidentifiable = unidentifiable_.count();
  view.held_out = people(PersonState::HeldOut).count();
  view.following = identifiers_.followers().count();
  view.unknown = people(PersonState::Unknown).count();
  view.dead_letters = dead_batches();
  if (!runs_.empty()) view.newest_run = runs_.back();
  return view;
}

}  // namespace muster::connect
