#include "connect/removal_outbox.h"

namespace muster::connect {
RemovalView removal_view(const std::string& sync, const Removal& removal) {
  RemovalView view{.sync = sync, .destination = removal.destination, .state = removal.state,
                   .at = removal.settled_at, .until = 0, .reason = removal.reason};
  if (removal.state == RemovalState::Pending) view.until = removal.erased_at + kRemovalKeptMs;
  return view;
}

std::optional<TimeMs> RemovalsOfSync::expires() const {
  if (by_age.empty()) return std::nullopt;
  return by_age.begin()->first + kRemovalKeptMs;
}

void RemovalOutbox::apply(const OutcomeRecord& record) {
  if (const auto* owed = std::get_if<RemovalOwed>(&record)) add(*owed, true);
  if (const auto* sealed = std::get_if<RemovalSealed>(&record)) seal(*sealed);
  if (const auto* settled = std::get_if<RemovalSettled>(&record)) settle(*settled);
}

const RemovalsOfSync& RemovalOutbox::of(std::string_view sync) const {
  static const RemovalsOfSync kNone;
  const auto found = by_sync_.find(sync);
  return found == by_sync_.end() ? kNone : found->second;
}

std::vector<RemovalView> RemovalOutbox::about(std::string_view who) const {
  std::vector<RemovalView> found;
  const auto named = by_who_.find(who);
  if (named == by_who_.end()) return found;
  for (const auto& [sync, person] : named->second) {
    found.push_back(removal_view(sync, of(sync).all.at(person)));
  }
  return found;
}

void RemovalOutbox::add(const RemovalOwed& record, bool is_written) {
  RemovalsOfSync& sync = by_sync_[record.sync];
  const auto person = static_cast<index::Ordinal>(record.person);
  if (sync.settled.contains(person)) {
    if (is_written) sync.unwritten.remove(person);
    return;
  }
  const auto [place, is_new] = sync.all.try_emplace(person);
  Removal& removal = place->second;
  if (is_written) sync.unwritten.remove(person);
  if (!is_new) return;
  if (!is_written) sync.unwritten.add(person);
  removal.destination = record.destination;
  removal.who = record.who;
  find_by(record.sync, person, removal.who);
  removal.erased_at = record.erased_at;
  if (record.cannot) {
    removal.state = RemovalState::Cannot;
    removal.settled_at = record.erased_at;
    remember_settled(record.sync, person);
    return;
  }
  sync.pending.add(person);
  sync.unsealed.add(person);
  sync.by_age.emplace(record.erased_at, person);
}

void RemovalOutbox::seal(const RemovalSealed& record) {
  RemovalsOfSync& sync = by_sync_[record.sync];
  const auto person = static_cast<index::Ordinal>(record.person);
  const auto found = sync.all.find(person);
  if (found == sync.all.end() || found->second.state != RemovalState::Pending) return;
  if (found->second.who.empty()) {
    found->second.who = record.who;
    find_by(record.sync, person, record.who);
  }
  found->second.sealed = record.sealed;
  sync.unsealed.remove(person);
}

void RemovalOutbox::settle(const RemovalSettled& record) {
  RemovalsOfSync& sync = by_sync_[record.sync];
  const auto person = static_cast<index::Ordinal>(record.person);
  const auto found = sync.all.find(person);
  if (found == sync.all.end() || found->second.state != RemovalState::Pending) return;
  Removal& removal = found->second;
  const auto [first, last] = sync.by_age.equal_range(removal.erased_at);
  for (auto one = first; one != last; ++one) {
    if (one->second != person) continue;
    sync.by_age.erase(one);
    break;
  }
  removal.state = record.given_up ? RemovalState::GivenUp : RemovalState::Confirmed;
  removal.settled_at = record.at;
  removal.reason = record.reason;
  removal.sealed.clear();
  sync.pending.remove(person);
  sync.unsealed.remove(person);
  if (record.given_up) sync.given_up.add(person);
  remember_settled(record.sync, person);
}

// `who` is one hash behind the other.
void RemovalOutbox::find_by(const std::string& sync, index::Ordinal person,
                            std::string_view who) {
  for (std::size_t at = 0; at + kWhoBytes <= who.size(); at += kWhoBytes) {
    by_who_[std::string(who.substr(at, kWhoBytes))].emplace(sync, person);
  }
}

void RemovalOutbox::forget(const std::string& sync, index::Ordinal person) {
  auto& all = by_sync_[sync].all;
  const auto found = all.find(person);
  if (found == all.end()) return;
  const std::string_view who = found->second.who;
  for (std::size_t at = 0; at + kWhoBytes <= who.size(); at += kWhoBytes) {
    const auto named = by_who_.find(who.substr(at, kWhoBytes));
    if (named == by_who_.end()) continue;
    named->second.erase({sync, person});
    if (named->second.empty()) by_who_.erase(named);
  }
  all.erase(found);
}

void RemovalOutbox::remember_settled(const std::string& sync, index::Ordinal person) {
  by_sync_[sync].settled.add(person);
  settled_.emplace_back(sync, person);
  if (settled_.size() <= kSettledKeptMax) return;
  forget(settled_.front().first, settled_.front().second);
  settled_.pop_front();
}

}  // namespace muster::connect
