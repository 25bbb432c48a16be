// Whom a commit was about, in order.
#include <algorithm>
#include <tuple>

#include "base/sort_once.h"
#include "engine/standing/touched_people.h"

namespace muster::engine {

using index::Ordinal;
using storage::ChangeReason;

namespace {

// The greater, the rather it is told.
int rank_of(ChangeReason reason) {
  switch (reason) {
    case ChangeReason::Event: return 4;
    case ChangeReason::Merge: return 3;
    case ChangeReason::Attribute: return 2;
    case ChangeReason::Expired: return 1;
    default: return 0;
  }
}

}  // namespace

Cause stronger(const Cause& a, const Cause& b) {
  if (a.reason != b.reason) return rank_of(a.reason) > rank_of(b.reason) ? a : b;
  return a.time >= b.time ? a : b;
}

TouchedPeople::TouchedPeople(const index::Touched& touched)
    : events_(touched.events),
      values_(touched.values),
      forgotten_(touched.forgotten),
      joined_(touched.joined) {
  anew_ = touched.newcomers;
  anew_.insert(anew_.end(), joined_.begin(), joined_.end());
  sort_once(anew_);
  sort_once(joined_);
  for (auto& [name, people] : values_) sort_once(people);
  for (auto& [name, people] : forgotten_) sort_once(people);
  for (auto& [name, events] : events_) {
    std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
      return std::tie(a.person, a.time) < std::tie(b.person, b.time);
    });
  }
}

void TouchedPeople::for_each_event(const VisitEvents& visit) const {
  std::vector<Ordinal> people;
  std::vector<TimeMs> latest;
  for (const auto& [name, events] : events_) {
    people.clear();
    latest.clear();
    for (const auto& event : events) {
      if (people.empty() || people.back() != event.person) {
        people.push_back(event.person);
        latest.push_back(event.time);
      }
      latest.back() = event.time;
    }
    visit(name, people, latest);
  }
}

void TouchedPeople::for_each_attribute(const Visit& visit) const {
  for (const auto& [name, people] : values_) visit(name, people);
}

void TouchedPeople::for_each_forgotten(const Visit& visit) const {
  for (const auto& [name, people] : forgotten_) visit(name, people);
}

Cause TouchedPeople::cause_anew(Ordinal person) const {
  const bool is_joined = std::binary_search(joined_.begin(), joined_.end(), person);
  return {is_joined ? ChangeReason::Merge : ChangeReason::Attribute, 0};
}

Cause TouchedPeople::cause(const query::Uses& uses, Ordinal person) const {
  Cause found = cause_anew(person);
  for (const auto& [name, events] : events_) {
    if (!uses.names_event(name)) continue;
    const auto behind = std::upper_bound(
        events.begin(), events.end(), person,
        [](Ordinal who, const index::Touched::ByEvent& event) { return who < event.person; });
    if (behind == events.begin() || std::prev(behind)->person != person) continue;
    found = stronger(found, {ChangeReason::Event, std::prev(behind)->time});
  }
  return found;
}

}  // namespace muster::engine
