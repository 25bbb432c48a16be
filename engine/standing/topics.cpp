// Who has to be asked again, at which conditions, and why.
#include <algorithm>
#include <iterator>

#include "engine/standing/conditions.h"

namespace muster::engine {

using index::Bitmap;
using index::Ordinal;
using storage::ChangeReason;

void Conditions::follow(const index::Touched& touched, const TouchedPeople& why,
                        std::span<const Suspects> suspects, TimeMs before,
                        const StateAt& moment) {
  index_uses(*moment.generation);
  retry_failed(moment);
  topics_.clear();
  add_touched(touched, why, moment);
  add_clock(touched, before, moment);
  for (const Suspects& some : suspects) {
    Numbers beyond;
    for (const std::uint32_t number : some.conditions) {
      if (all_[number].is_open() && all_[number].clock.is_beyond()) beyond.push_back(number);
    }
    order(beyond);
    add_topic({std::move(beyond), some.people, {{ChangeReason::Expired, 0}}});
  }
  cohorts_ = cohorts_of(topics_);
  query::PeopleAsked people(*moment.generation);
  for (Cohort& cohort : cohorts_) ask(cohort, people, moment);
}

void Conditions::add_topic(Topic topic) {
  if (topic.people.empty() || (topic.conditions.empty() && !topic.is_anew)) return;
  topics_.push_back(std::move(topic));
}

void Conditions::add_touched(const index::Touched& touched, const TouchedPeople& why,
                             const StateAt& moment) {
  if (!why.anew().empty()) {
    Topic topic{open(), {why.anew().begin(), why.anew().end()}, {}, true};
    for (const Ordinal person : topic.people) topic.causes.push_back(why.cause_anew(person));
    add_topic(std::move(topic));
  }
  if (!touched.entities.empty()) add_references(moment);
  why.for_each_event([&](const std::string& name, std::span<const Ordinal> people,
                         std::span<const TimeMs> latest) {
    Topic topic{with_event(name), {people.begin(), people.end()}, {}};
    if (topic.conditions.empty()) return;
    for (const TimeMs time : latest) topic.causes.push_back({ChangeReason::Event, time});
    add_topic(std::move(topic));
  });
  add_attributes(why);
  why.for_each_forgotten([&](const std::string& name, std::span<const Ordinal> people) {
    add_topic({with_event(name), {people.begin(), people.end()}, {{ChangeReason::Expired, 0}}});
  });
}

// Rows mostly have the same attributes: those of the same people are one topic.
void Conditions::add_attributes(const TouchedPeople& why) {
  const std::size_t first = topics_.size();
  why.for_each_attribute([&](const std::string& name, std::span<const Ordinal> people) {
    const Numbers& numbers = with_attribute(name);
    if (numbers.empty()) return;
    // Who came is asked everything in any case.
    std::vector<Ordinal> known;
    std::set_difference(people.begin(), people.end(), why.anew().begin(), why.anew().end(),
                        std::back_inserter(known));
    for (std::size_t i = first; i < topics_.size(); ++i) {
      if (topics_[i].people != known) continue;
      Numbers& all = topics_[i].conditions;
      all.insert(all.end(), numbers.begin(), numbers.end());
      return order(all);
    }
    add_topic({numbers, std::move(known), {{ChangeReason::Attribute, 0}}});
  });
}

// Anybody's reference may lead to another value.
void Conditions::add_references(const StateAt& moment) {
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    Condition& condition = all_[i];
    if (!condition.is_open() || !condition.has_references) continue;
    prepare(i, moment);
    const Bitmap is = ask_everybody(condition, moment);
    if (!condition.failure.empty()) continue;
    const Bitmap was = condition.people.to_bitmap();
    if (is == was) continue;
    add_topic({{i}, unite(subtract(is, was), subtract(was, is)).to_vector(),
               {{ChangeReason::Attribute, 0}}});
  }
}

void Conditions::add_clock(const index::Touched& touched, TimeMs before, const StateAt& moment) {
  // A large step passes many: what is not needed any more goes at once.
  for (auto& passed : windows_.move(*moment.generation, touched, before, moment.now)) {
    Topic topic{by_window_[passed.number], {}, {}};
    for (const query::Moved& each : passed.people) {  // By person, then time: the last is told.
      if (topic.people.empty() || topic.people.back() != each.person) {
        topic.people.push_back(each.person);
        topic.causes.push_back({ChangeReason::Expired, each.at});
      }
      topic.causes.back().time = each.at;
    }
    passed.people = {};
    const bool is_one = std::all_of(topic.causes.begin(), topic.causes.end(),
                                    [&](const Cause& one) {
                                      return one.time == topic.causes.front().time;
                                    });
    if (is_one) topic.causes.resize(std::min<std::size_t>(topic.causes.size(), 1));
    topic.causes.shrink_to_fit();
    add_topic(std::move(topic));
  }
}

bool Conditions::covers(const Topic& topic, std::uint32_t condition) const {
  const auto found = std::lower_bound(
      topic.conditions.begin(), topic.conditions.end(), all_[condition].rank,
      [this](std::uint32_t number, std::uint32_t rank) { return all_[number].rank < rank; });
  return found != topic.conditions.end() && *found == condition;
}

bool Conditions::is_anew(const Cohort& cohort) const {
  return std::any_of(cohort.topics.begin(), cohort.topics.end(),
                     [this](std::uint32_t topic) { return topics_[topic].is_anew; });
}

std::optional<Cause> Conditions::cause_of(const Cohort& cohort, std::uint32_t condition,
                                          Ordinal person) const {
  std::optional<Cause> found;
  for (const std::uint32_t number : cohort.topics) {
    const Topic& topic = topics_[number];
    if (!covers(topic, condition)) continue;
    const Cause* const cause = topic.cause_of(person);
    if (cause != nullptr) found = found ? stronger(*found, *cause) : *cause;
  }
  return found;
}

void Conditions::causes_of(const Cohort& cohort, std::vector<Cause>& causes) const {
  const Topic& topic = topics_[cohort.topics[0]];
  causes.clear();
  const auto first =
      std::lower_bound(topic.people.begin(), topic.people.end(), cohort.people.front());
  auto place = static_cast<std::size_t>(first - topic.people.begin());
  for (const Ordinal person : cohort.people) {
    while (topic.people[place] != person) ++place;
    causes.push_back(topic.cause_at(place));
  }
}

}  // namespace muster::engine
