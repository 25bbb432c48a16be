#include "engine/standing/cohorts.h"

#include <algorithm>
#include <utility>

#include "base/sort_once.h"

namespace muster::engine {
namespace {

using index::Ordinal;

// People of several topics who stand together though theirs are not the same: a word of bits.
constexpr std::size_t kFewPeople = 64;

// A person and a topic of theirs; in order: by person.
std::uint64_t pair_of(Ordinal person, std::size_t topic) {
  return (std::uint64_t{person} << 32) | topic;
}
Ordinal person_of(std::uint64_t pair) { return static_cast<Ordinal>(pair >> 32); }
std::uint32_t topic_of(std::uint64_t pair) { return static_cast<std::uint32_t>(pair); }

void add_uniform(std::uint32_t topic, std::span<const Ordinal> people,
                 std::vector<Cohort>& cohorts) {
  for (std::size_t i = 0; i < people.size(); i += query::kPeopleAtOnce) {
    const auto some = people.subspan(i, std::min(query::kPeopleAtOnce, people.size() - i));
    Cohort& cohort = cohorts.emplace_back();
    cohort.topics = {topic};
    cohort.people.assign(some.begin(), some.end());
  }
}

// The pairs of one person of several topics.
using Several = std::span<const std::uint64_t>;

bool has_same_topics(Several a, Several b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](std::uint64_t x, std::uint64_t y) {
    return topic_of(x) == topic_of(y);
  });
}

bool is_before(Several a, Several b) {
  const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end(),
                                [](std::uint64_t x, std::uint64_t y) {
                                  return topic_of(x) == topic_of(y);
                                });
  if (at.first == a.end() || at.second == b.end()) {
    return a.size() != b.size() ? a.size() < b.size() : a[0] < b[0];  // Then by person.
  }
  return topic_of(*at.first) < topic_of(*at.second);
}

Cohort together(std::span<const Several> some) {
  Cohort cohort;
  for (const Several each : some) {
    cohort.people.push_back(person_of(each[0]));
    cohort.is_uniform &= has_same_topics(each, some.front());
    for (const std::uint64_t pair : each) cohort.topics.push_back(topic_of(pair));
  }
  std::sort(cohort.people.begin(), cohort.people.end());
  sort_once(cohort.topics);
  return cohort;
}

void add_several(std::vector<Several> all, std::vector<Cohort>& cohorts) {
  std::sort(all.begin(), all.end(), is_before);
  for (std::size_t first = 0; first < all.size();) {
    std::size_t last = first + 1;
    for (; last < all.size() && last - first < query::kPeopleAtOnce; ++last) {
      const bool is_full = last - first >= kFewPeople;
      if (is_full && !has_same_topics(all[last - 1], all[last])) break;
    }
    cohorts.push_back(together(std::span(all).subspan(first, last - first)));
    first = last;
  }
}

}  // namespace

const Cause* Topic::cause_of(Ordinal person) const {
  const auto found = std::lower_bound(people.begin(), people.end(), person);
  if (found == people.end() || *found != person) return nullptr;
  return &cause_at(static_cast<std::size_t>(found - people.begin()));
}

std::vector<Cohort> cohorts_of(std::span<const Topic> topics) {
  std::vector<Cohort> cohorts;
  if (topics.size() == 1) {
    add_uniform(0, topics[0].people, cohorts);
    return cohorts;
  }
  std::vector<std::uint64_t> pairs;
  for (std::size_t topic = 0; topic < topics.size(); ++topic) {
    for (const Ordinal person : topics[topic].people) pairs.push_back(pair_of(person, topic));
  }
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::vector<Ordinal>> alone(topics.size());  // By topic: who has no other.
  std::vector<Several> several;
  for (std::size_t first = 0; first < pairs.size();) {
    std::size_t last = first + 1;
    while (last < pairs.size() && person_of(pairs[last]) == person_of(pairs[first])) ++last;
    if (last == first + 1) {
      alone[topic_of(pairs[first])].push_back(person_of(pairs[first]));
    } else {
      several.push_back(std::span(pairs).subspan(first, last - first));
    }
    first = last;
  }
  for (std::size_t topic = 0; topic < topics.size(); ++topic) {
    add_uniform(static_cast<std::uint32_t>(topic), alone[topic], cohorts);
  }
  add_several(std::move(several), cohorts);
  return cohorts;
}

}  // namespace muster::engine
