// The global holdout, how the arms of a split came out, and what a sync has brought about.
#include <algorithm>
#include <map>

#include "base/time.h"
#include "connect/exporter_impl.h"

namespace muster::connect {
namespace {

constexpr std::size_t kGoalBytesMax = 4'096;

bool is_sent(const AudienceSplit* split, std::string_view arm) {
  return arm == kEverybodyArm || (split != nullptr && split->sends(arm));
}

}  // namespace

GlobalHoldout Exporter::Impl::holdout() const {
  const std::scoped_lock lock(mutex_);
  return holdout_;
}

Result<GlobalHoldout> Exporter::Impl::put_holdout(std::string_view json) {
  TRY_ASSIGN(const GlobalHoldout parsed, parse_holdout(json));
  TRY(parts_.documents->put({.kind = "holdout", .id = "global", .json = to_json(parsed)}));
  {
    const std::scoped_lock lock(mutex_);
    holdout_ = parsed;
  }
  return parsed;
}

// What of a sync an experiment is about, copied under the mutex.
struct Exporter::Impl::Enrolled {
  std::shared_ptr<const SyncDocument> document;
  GlobalHoldout global;
  std::vector<Cohort> cohorts;

  const AudienceSplit* split() const { return document->split ? &*document->split : nullptr; }
  std::vector<Arm> arms() const { return expected_arms(split(), global); }
};

Result<Exporter::Impl::Enrolled> Exporter::Impl::enrolled(std::string_view id) const {
  const std::scoped_lock lock(mutex_);
  const SyncEntry* const entry = find_sync(id);
  if (entry == nullptr) return no_such("sync", id);
  Enrolled found{entry->document, holdout_, {}};
  const std::uint64_t key = key_of(found.split(), holdout_);
  if (key == 0) {
    return Error{ErrorCode::InvalidArgument,
                 "Sync '" + std::string(id) +
                     "' holds nobody out; give it a \"split\", or PUT /v1/holdout."};
  }
  if (entry->ledger.split_key() == key) found.cohorts = entry->ledger.cohorts();
  return found;
}

Result<BalanceView> Exporter::Impl::balance(std::string_view id) const {
  TRY_ASSIGN(const Enrolled found, enrolled(id));
  BalanceView view{.sync = std::string(id)};
  for (const Arm& arm : found.arms()) {
    ArmBalance row{.arm = arm.name, .sent = is_sent(found.split(), arm.name), .share = arm.share};
    for (const Cohort& cohort : found.cohorts) {
      for (const auto& [name, people] : cohort.arms) {
        if (name == arm.name) row.people += people.count();
      }
    }
    view.arms.push_back(std::move(row));
  }
  weigh(view);
  return view;
}

Result<LiftView> Exporter::Impl::lift(std::string_view id, std::string_view goal) const {
  if (goal.empty() || goal.size() > kGoalBytesMax) {
    return Error{ErrorCode::InvalidArgument,
                 "'goal' is an event predicate such as \"Order\" where (total > 10), of at most "
                 "4,096 bytes."};
  }
  TRY_ASSIGN(const Enrolled found, enrolled(id));
  if (found.cohorts.empty()) {
    return Error{ErrorCode::Conflict, "Nobody was put into the arms of sync '" + std::string(id) +
                                          "' so far; its next run does so."};
  }
  LiftView view{.sync = std::string(id), .goal = std::string(goal),
                .since = found.cohorts.front().at};
  TRY_ASSIGN(const AudienceMoment alive, parts_.audience->matching("everyone"));
  std::map<std::string, Rate, std::less<>> rates;
  for (const Cohort& cohort : found.cohorts) {
    TRY_ASSIGN(const AudienceMoment reached,
               parts_.audience->matching("did " + view.goal + " since " + to_rfc3339(cohort.at)));
    view.snapshot = reached.snapshot;
    for (const auto& [arm, people] : cohort.arms) {
      const index::Bitmap there = intersect(people, alive.members);
      rates[arm].people += there.count();
      rates[arm].converted += intersect(there, reached.members).count();
    }
  }
  const bool has_own = found.split() != nullptr && found.split()->holdout > 0;
  view.control = std::string(has_own ? kHoldoutArm : kGlobalHoldoutArm);
  for (const Arm& arm : found.arms()) {
    const Rate rate = rates[arm.name];
    const bool sent = is_sent(found.split(), arm.name);
    view.arms.push_back({arm.name, sent, rate, wilson(rate.converted, rate.people)});
    if (!sent) continue;
    view.treatment.people += rate.people;
    view.treatment.converted += rate.converted;
  }
  view.held = rates[view.control];
  view.difference = view.treatment.value() - view.held.value();
  view.difference_interval = newcombe(view.treatment, view.held);
  return view;
}

Result<GlobalHoldout> Exporter::put_holdout(const Pass&, std::string_view json) {
  return impl_->put_holdout(json);
}
GlobalHoldout Exporter::holdout(const Pass&) const { return impl_->holdout(); }
Result<BalanceView> Exporter::balance(const Pass&, std::string_view sync) const {
  return impl_->balance(sync);
}
Result<LiftView> Exporter::lift(const Pass&, std::string_view sync, std::string_view goal) const {
  return impl_->lift(sync, goal);
}

}  // namespace muster::connect
