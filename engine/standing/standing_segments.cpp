#include "engine/standing/standing_segments.h"

#include <algorithm>

#include "engine/segment_document.h"

namespace muster::engine {

using index::Bitmap;
using index::Ordinal;
using storage::ChangeReason;
using storage::MembershipGroup;

namespace {

// The versions of all that a segment names.
std::string versions_of(const query::Uses& uses, const index::Generation& generation) {
  std::string text;
  for (const auto& key : uses.documents) {
    const auto found = generation.documents.find(key);
    const std::uint64_t version =
        found == generation.documents.end() ? 0 : found->second->back()->version;
    text += key.first + " " + key.second + "@" + std::to_string(version) + "\n";
  }
  return text;
}

// The part of a set that is there.
Bitmap live_of(const Bitmap& people, const index::Generation& generation) {
  std::vector<Ordinal> live = people.to_vector();
  std::erase_if(live, [&](Ordinal person) { return !generation.profiles.live.contains(person); });
  return Bitmap::from_sorted(live);
}

// Changes of one segment on their way into groups, by person.
class GroupMaker {
 public:
  GroupMaker(std::string segment, std::uint64_t version)
      : segment_(std::move(segment)), version_(version) {}

  void add(Ordinal person, bool entered, ChangeReason reason, TimeMs time) {
    MembershipGroup& group = groups_[{entered, reason}];
    group.people.push_back(person);
    if (reason == ChangeReason::Event || reason == ChangeReason::Expired) {
      group.times.push_back(time);
    }
  }
  // Those who left first: whoever did both by one commit is there in the end.
  void move_into(std::vector<MembershipGroup>& all) {
    for (auto& [key, group] : groups_) {
      group.segment = segment_;
      group.version = version_;
      group.entered = key.first;
      group.reason = key.second;
      all.push_back(std::move(group));
    }
  }

 private:
  const std::string segment_;
  const std::uint64_t version_;
  std::map<std::pair<bool, ChangeReason>, MembershipGroup> groups_;
};

}  // namespace

std::optional<StandingSegments::Standing> StandingSegments::defined(
    const index::StoredDocument& document, const Moment& moment) const {
  const auto parsed = parse_segment(document.json);
  if (!parsed) return std::nullopt;
  const auto tree = parse_where(parsed->where);
  if (!tree) return std::nullopt;
  Standing segment;
  segment.version = document.version;
  segment.tree = *tree;
  segment.timezone = parsed->timezone;
  segment.uses =
      query::uses_of(*tree, context_(moment.generation, moment.now, parsed->timezone));
  segment.names = versions_of(segment.uses, *moment.generation);
  return segment;
}

query::BoundQueryPtr StandingSegments::bind(Standing& segment, const Moment& moment) const {
  const auto bound =
      query::bind(segment.tree, context_(moment.generation, moment.now, segment.timezone));
  segment.failure = bound ? "" : bound.error().message;
  if (!bound) return nullptr;
  segment.clock = query::Clockwork(**bound, segment.uses);
  segment.is_ranked = query::is_ranked(**bound);
  return *bound;
}

Bitmap StandingSegments::members_of(Standing& segment, const Moment& moment) const {
  const query::BoundQueryPtr bound = bind(segment, moment);
  if (!bound) return {};
  auto members = query::members(*bound, {}, {threads_});
  if (members) return std::move(*members);
  segment.failure = members.error().message;
  return {};
}

void StandingSegments::fill(
    const Generation& generation, TimeMs at,
    const std::function<std::uint64_t(const std::string& segment)>& told_size, const Told& told) {
  const Moment moment{generation, at};
  segments_.clear();
  for (const auto& [key, versions] : generation->documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    auto segment = defined(*versions->back(), moment);
    if (!segment) continue;
    segment->members = members_of(*segment, moment);
    segment->is_stale = told_size(key.second) != segment->members.count();
    if (segment->is_stale) segment->members = told(key.second);
    segments_[key.second] = std::move(*segment);
  }
  at_ = at;
  tell_sizes();
}

void StandingSegments::load(const Moment& moment, Groups& groups) {
  const auto& documents = moment.generation->documents;
  for (auto at = segments_.begin(); at != segments_.end();) {
    const auto found = documents.find({"segment", at->first});
    if (found != documents.end() && !found->second->back()->deleted) {
      ++at;
      continue;
    }
    replace(at->first, at->second, {}, ChangeReason::Definition, groups);
    at = segments_.erase(at);
  }
  for (const auto& [key, versions] : documents) {
    if (key.first != "segment" || versions->back()->deleted) continue;
    Standing& segment = segments_[key.second];
    const bool is_same = segment.version == versions->back()->version &&
                         segment.names == versions_of(segment.uses, *moment.generation);
    if (is_same) continue;
    auto next = defined(*versions->back(), moment);
    if (!next) {  // It was read when it was saved.
      replace(key.second, segment, {}, ChangeReason::Definition, groups);
      segments_.erase(key.second);
      continue;
    }
    next->members = std::move(segment.members);
    next->entered = segment.entered;
    next->left = segment.left;
    segment = std::move(*next);
    ask_everybody(key.second, segment, ChangeReason::Definition, moment, groups);
  }
}

void StandingSegments::replace(const std::string& id, Standing& segment, Bitmap members,
                               ChangeReason reason, Groups& groups) {
  for (const bool entered : {false, true}) {
    const Bitmap people = entered ? subtract(members, segment.members)
                                  : subtract(segment.members, members);
    if (people.empty()) continue;
    (entered ? segment.entered : segment.left) += people.count();
    groups.push_back({id, segment.version, entered, reason, people.to_vector(), {}});
  }
  segment.members = std::move(members);
}

void StandingSegments::ask_everybody(const std::string& id, Standing& segment,
                                     ChangeReason reason, const Moment& moment, Groups& groups) {
  segment.is_asked = true;
  segment.is_stale = false;
  segment.found.reset();
  segment.suspects.clear();
  replace(id, segment, members_of(segment, moment), reason, groups);
}

// Once each, with the first reason there is; of events the latest.
void StandingSegments::ask(const std::string& id, Standing& segment, std::vector<Asked> asked,
                           const Moment& moment, Groups& groups) {
  if (asked.empty()) return;
  std::sort(asked.begin(), asked.end(), [](const Asked& a, const Asked& b) {
    return std::tie(a.person, a.reason, b.time) < std::tie(b.person, b.reason, a.time);
  });
  asked.erase(std::unique(asked.begin(), asked.end(),
                          [](const Asked& a, const Asked& b) { return a.person == b.person; }),
              asked.end());
  std::vector<Ordinal> people;
  people.reserve(asked.size());
  for (const Asked& each : asked) people.push_back(each.person);
  const query::BoundQueryPtr bound = bind(segment, moment);
  std::vector<bool> answers;
  if (bound) {
    auto found = query::contains_each(*bound, people);
    if (found) answers = std::move(*found);
    if (!found) segment.failure = found.error().message;
  }
  if (!segment.failure.empty()) {
    replace(id, segment, {}, ChangeReason::Attribute, groups);
    return;
  }
  GroupMaker made(id, segment.version);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const bool is_in = answers[i];
    const bool changed =
        is_in ? segment.members.add(asked[i].person) : segment.members.remove(asked[i].person);
    if (!changed) continue;
    ++(is_in ? segment.entered : segment.left);
    made.add(asked[i].person, is_in, asked[i].reason,
             asked[i].time != 0 ? std::min(asked[i].time, moment.now) : moment.now);
  }
  made.move_into(groups);
}

std::vector<StandingSegments::Asked> StandingSegments::to_ask(const Standing& segment,
                                                              const index::Touched& touched,
                                                              query::ClockPass& clock) {
  std::vector<Asked> asked;
  for (const auto& [name, events] : touched.events) {
    if (!segment.uses.names_event(name)) continue;
    for (const auto& event : events) {
      asked.push_back({event.person, ChangeReason::Event, event.time});
    }
  }
  for (const Ordinal person : touched.newcomers) {
    asked.push_back({person, ChangeReason::Attribute, 0});
  }
  for (const Ordinal person : touched.joined) {
    asked.push_back({person, ChangeReason::Merge, 0});
  }
  if (!segment.uses.fields.empty()) {
    for (const Ordinal person : touched.by_values) {
      asked.push_back({person, ChangeReason::Attribute, 0});
    }
  }
  for (const Ordinal person : segment.suspects) {
    asked.push_back({person, ChangeReason::Expired, 0});
  }
  if (segment.clock.is_beyond()) return asked;
  clock.for_each_moved(segment.clock, segment.uses, [&](std::span<const query::Moved> moved) {
    for (const query::Moved& each : moved) {
      asked.push_back({each.person, ChangeReason::Expired, each.at});
    }
  });
  return asked;
}

void StandingSegments::drop_erased(const index::Touched& touched, Groups& groups) {
  if (touched.erased.empty()) return;
  std::vector<Ordinal> erased = touched.erased;
  std::sort(erased.begin(), erased.end());
  erased.erase(std::unique(erased.begin(), erased.end()), erased.end());
  for (auto& [id, segment] : segments_) {
    GroupMaker made(id, segment.version);
    for (const Ordinal person : erased) {
      if (!segment.members.remove(person)) continue;
      ++segment.left;
      made.add(person, false, ChangeReason::Erased, 0);
    }
    made.move_into(groups);
  }
}

StandingSegments::Groups StandingSegments::update(const Generation& generation,
                                                  const index::Touched& touched, TimeMs now) {
  Groups groups;
  const Moment moment{generation, std::max(now, at_.load())};
  drop_erased(touched, groups);
  if (touched.is_document) load(moment, groups);
  query::ClockPass clock(*generation, at_, moment.now);
  for (auto& [id, segment] : segments_) {
    if (std::exchange(segment.is_asked, false)) continue;
    if (segment.is_stale) {
      ask_everybody(id, segment, ChangeReason::Definition, moment, groups);
    } else if (touched.is_everybody || (!segment.failure.empty() && !touched.empty()) ||
               (segment.uses.has_references && !touched.entities.empty())) {
      ask_everybody(id, segment, ChangeReason::Attribute, moment, groups);
    } else if (segment.found) {
      replace(id, segment, live_of(*segment.found, *generation), ChangeReason::Rank, groups);
      segment.found.reset();
    } else if (!segment.is_ranked && segment.failure.empty()) {
      ask(id, segment, to_ask(segment, touched, clock), moment, groups);
      segment.suspects.clear();
    }
    segment.is_asked = false;
  }
  at_ = moment.now;
  if (!groups.empty() || touched.is_document) tell_sizes();
  return groups;
}

std::vector<StandingSegments::Whole> StandingSegments::wholes() const {
  std::vector<Whole> found;
  for (const auto& [id, segment] : segments_) {
    if (!segment.is_ranked && !segment.clock.is_beyond()) continue;
    if (!segment.failure.empty()) continue;
    found.push_back({id, segment.version, segment.tree, segment.timezone, segment.is_ranked,
                     segment.members});
  }
  return found;
}

void StandingSegments::found(const Whole& whole, Bitmap members) {
  const auto at = segments_.find(whole.id);
  if (at == segments_.end() || at->second.version != whole.version) return;
  if (at->second.is_ranked) {
    at->second.found = std::move(members);
    return;
  }
  at->second.suspects = unite(subtract(members, whole.members), subtract(whole.members, members))
                            .to_vector();
}

void StandingSegments::tell_sizes() {
  std::map<std::string, SegmentSize> sizes;
  for (const auto& [id, segment] : segments_) {
    sizes[id] = {segment.version, segment.members.count(), segment.entered, segment.left, 0,
                 segment.failure};
  }
  is_empty_ = segments_.empty();
  {
    const std::lock_guard held(mutex_);
    sizes_ = std::move(sizes);
  }
  ++changes_;
}

std::map<std::string, SegmentSize> StandingSegments::sizes() const {
  const std::lock_guard held(mutex_);
  std::map<std::string, SegmentSize> copy = sizes_;
  for (auto& [id, size] : copy) size.as_of = at_;
  return copy;
}

std::optional<SegmentSize> StandingSegments::size_of(const std::string& segment) const {
  const std::lock_guard held(mutex_);
  const auto found = sizes_.find(segment);
  if (found == sizes_.end()) return std::nullopt;
  SegmentSize size = found->second;
  size.as_of = at_;
  return size;
}

}  // namespace muster::engine
