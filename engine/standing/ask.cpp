// Some people and many segments: whose answer is another one than it was.
#include <algorithm>
#include <set>

#include "engine/standing/group_maker.h"
#include "engine/standing/standing_segments.h"

namespace muster::engine {

using index::Ordinal;
using query::PeopleMask;
using storage::ChangeReason;

namespace {

void sort_once(std::vector<Ordinal>& people) {
  std::sort(people.begin(), people.end());
  people.erase(std::unique(people.begin(), people.end()), people.end());
}

// The conditions that some segments share, bound to one state and asked about a few people.
class LeafAnswers {
 public:
  using Bind = std::function<Result<query::BoundQueryPtr>(const Leaves::Leaf& leaf)>;

  LeafAnswers(const Leaves& leaves, std::vector<std::uint32_t> needed, const Bind& bind)
      : needed_(std::move(needed)), masks_(leaves.size()), failures_(leaves.size()) {
    for (const std::uint32_t leaf : needed_) {
      auto bound = bind(leaves.at(leaf));
      if (!bound) failures_[leaf] = bound.error().message;
      bound_.push_back(bound ? *bound : nullptr);
    }
  }

  void ask(query::PeopleAsked& people) {
    for (std::size_t i = 0; i < needed_.size(); ++i) {
      if (!bound_[i]) continue;
      const auto mask = people.ask(*bound_[i]);
      if (mask) masks_[needed_[i]] = *mask;
      if (!mask) failures_[needed_[i]] = mask.error().message;
    }
  }

  const std::vector<PeopleMask>& masks() const { return masks_; }
  // Why one of them has no answers; "" when all have.
  std::string failure_of(const std::vector<std::uint32_t>& leaves) const {
    for (const std::uint32_t leaf : leaves) {
      if (!failures_[leaf].empty()) return failures_[leaf];
    }
    return "";
  }

 private:
  const std::vector<std::uint32_t> needed_;
  std::vector<query::BoundQueryPtr> bound_;  // By place in needed_; null: it cannot be bound.
  std::vector<PeopleMask> masks_;            // By leaf.
  std::vector<std::string> failures_;
};

// Why people were touched, by person.
class TouchedPeople {
 public:
  explicit TouchedPeople(const index::Touched& touched)
      : events_(touched.events), joined_(touched.joined) {
    sort_once(joined_);
    for (auto& [name, events] : events_) {
      std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
        return std::tie(a.person, a.time) < std::tie(b.person, b.time);
      });
    }
  }

  // The latest event that the segment depends on, else that they were joined, else what they have.
  template <typename Cause>
  Cause cause(const query::Uses& uses, Ordinal person) const {
    const bool is_joined = std::binary_search(joined_.begin(), joined_.end(), person);
    Cause found{is_joined ? ChangeReason::Merge : ChangeReason::Attribute, 0};
    for (const auto& [name, events] : events_) {
      if (!uses.names_event(name)) continue;
      const auto behind = std::upper_bound(
          events.begin(), events.end(), person,
          [](Ordinal who, const index::Touched::ByEvent& event) { return who < event.person; });
      if (behind == events.begin() || std::prev(behind)->person != person) continue;
      const bool is_first = found.reason != ChangeReason::Event;
      const TimeMs time = std::prev(behind)->time;
      found = {ChangeReason::Event, is_first ? time : std::max(found.time, time)};
    }
    return found;
  }

 private:
  std::map<std::string, std::vector<index::Touched::ByEvent>> events_;
  std::vector<Ordinal> joined_;  // Ascending.
};

bool depends_on(const query::Uses& uses, const index::Touched& touched) {
  if (!touched.newcomers.empty() || !touched.joined.empty() ||
      (!touched.by_values.empty() && !uses.fields.empty())) {
    return true;
  }
  return std::any_of(touched.events.begin(), touched.events.end(),
                     [&](const auto& events) { return uses.names_event(events.first); });
}

}  // namespace

template <typename Visit>
void StandingSegments::for_each_open(const Visit& visit) {
  for (auto& [id, segment] : segments_) {
    if (!segment.is_asked && !segment.is_ranked && segment.failure.empty()) visit(id, segment);
  }
}

void StandingSegments::ask(std::vector<Asked> segments, std::vector<Ordinal> people,
                           const Moment& moment, Groups& groups) {
  if (segments.empty() || people.empty()) return;
  sort_once(people);
  std::vector<std::uint32_t> needed;
  std::vector<GroupMaker> made;
  for (const Asked& asked : segments) {
    const auto& leaves = asked.segment->leaves;
    needed.insert(needed.end(), leaves.begin(), leaves.end());
    made.emplace_back(*asked.id, asked.segment->version);
  }
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  LeafAnswers answers(leaves_, std::move(needed), [&](const Leaves::Leaf& leaf) {
    return query::bind(leaf.tree, context_(moment.generation, moment.now, leaf.timezone));
  });
  query::PeopleAsked few(*moment.generation);
  std::vector<std::uint16_t> listed;
  for (std::size_t i = 0; i < people.size();) {
    const std::uint32_t block = people[i] / index::kBlockSize;
    const Ordinal base = block * index::kBlockSize;
    listed.clear();
    for (; i < people.size() && people[i] / index::kBlockSize == block; ++i) {
      if (listed.size() == query::kPeopleAtOnce) break;
      listed.push_back(static_cast<std::uint16_t>(people[i] - base));
    }
    few.move_to(block, listed);
    answers.ask(few);
    const PeopleMask live = few.live();
    for (std::size_t s = 0; s < segments.size(); ++s) {
      Standing& segment = *segments[s].segment;
      if (!segment.failure.empty()) continue;
      segment.failure = answers.failure_of(segment.leaves);
      if (!segment.failure.empty()) continue;
      const PeopleMask is = mask_of(segment.shape, answers.masks());
      const PeopleMask was = segment.members.mask_of(block, listed);
      for (std::size_t w = 0; w * 64 < listed.size(); ++w) {
        std::uint64_t changed = (is[w] & live[w]) ^ was[w];
        if (listed.size() - w * 64 < 64) {
          changed &= (std::uint64_t{1} << (listed.size() - w * 64)) - 1;
        }
        for (; changed != 0; changed &= changed - 1) {
          const auto n = static_cast<std::size_t>(__builtin_ctzll(changed));
          const Ordinal person = base + listed[w * 64 + n];
          const bool entered = ((is[w] & live[w]) >> n) & 1;
          entered ? segment.members.add(person) : segment.members.remove(person);
          ++(entered ? segment.entered : segment.left);
          const Cause cause = segments[s].cause(person);
          made[s].add(person, entered, cause.reason,
                      cause.time != 0 ? std::min(cause.time, moment.now) : moment.now);
        }
      }
    }
  }
  for (std::size_t s = 0; s < segments.size(); ++s) {
    made[s].move_into(groups);
    if (segments[s].segment->failure.empty()) continue;
    // A condition that nobody need be asked may have failed: the whole says whether it matters.
    ask_everybody(*segments[s].id, *segments[s].segment, ChangeReason::Attribute, moment, groups);
  }
}

void StandingSegments::ask_touched(const index::Touched& touched, const Moment& moment,
                                   Groups& groups) {
  std::vector<Ordinal> people = touched.by_values;
  people.insert(people.end(), touched.newcomers.begin(), touched.newcomers.end());
  people.insert(people.end(), touched.joined.begin(), touched.joined.end());
  for (const auto& [name, events] : touched.events) {
    for (const auto& event : events) people.push_back(event.person);
  }
  if (people.empty()) return;
  const TouchedPeople why(touched);
  std::vector<Asked> segments;
  for_each_open([&](const std::string& id, Standing& segment) {
    if (!depends_on(segment.uses, touched)) return;
    segments.push_back({&id, &segment, [&why, &segment](Ordinal person) {
                          return why.cause<Cause>(segment.uses, person);
                        }});
  });
  ask(std::move(segments), std::move(people), moment, groups);
}

void StandingSegments::ask_moved(const Moment& moment, Groups& groups) {
  query::ClockPass clock(*moment.generation, at_, moment.now);
  using Lists = std::vector<std::span<const query::Moved>>;
  std::vector<Asked> segments;
  std::set<const query::Moved*> taken;  // Each list is found once for all segments.
  std::vector<Ordinal> people;
  for_each_open([&](const std::string& id, Standing& segment) {
    if (segment.clock.is_beyond()) return;
    Lists lists;
    clock.for_each_moved(segment.clock, segment.uses, [&](std::span<const query::Moved> moved) {
      if (moved.empty()) return;
      lists.push_back(moved);
      if (!taken.insert(moved.data()).second) return;
      for (const query::Moved& each : moved) people.push_back(each.person);
    });
    if (lists.empty()) return;
    segments.push_back({&id, &segment, [lists = std::move(lists)](Ordinal person) {
                          Cause cause{ChangeReason::Expired, 0};
                          for (const auto& list : lists) {
                            const auto behind = std::upper_bound(
                                list.begin(), list.end(), person,
                                [](Ordinal who, const query::Moved& m) { return who < m.person; });
                            if (behind == list.begin()) continue;
                            if (std::prev(behind)->person != person) continue;
                            cause.time = std::max(cause.time, std::prev(behind)->at);
                          }
                          return cause;
                        }});
  });
  ask(std::move(segments), std::move(people), moment, groups);
}

void StandingSegments::ask_suspects(const Moment& moment, Groups& groups) {
  for_each_open([&](const std::string& id, Standing& segment) {
    const auto expired = [](Ordinal) { return Cause{ChangeReason::Expired, 0}; };
    ask({{&id, &segment, expired}}, std::exchange(segment.suspects, {}), moment, groups);
  });
}

}  // namespace muster::engine
