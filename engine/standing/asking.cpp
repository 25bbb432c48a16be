// A cohort is asked at the conditions of its topics.
#include <algorithm>

#include "engine/standing/conditions.h"

namespace muster::engine {

using index::Ordinal;
using query::PeopleMask;

Conditions::Numbers Conditions::conditions_of(const Cohort& cohort) const {
  Numbers numbers;
  for (const std::uint32_t topic : cohort.topics) {
    const Numbers& some = topics_[topic].conditions;
    numbers.insert(numbers.end(), some.begin(), some.end());
  }
  if (cohort.topics.size() > 1) order(numbers);
  return numbers;
}

PeopleMask Conditions::mask_of(std::uint32_t number, const query::PeopleList& people) const {
  const Condition& condition = all_[number];
  if (!condition.column) return condition.people.mask_of(people);
  PeopleMask mask;
  std::copy_n(rows_.answers(*condition.column).begin(), people.words(), mask.begin());
  return mask;
}

void Conditions::ask(Cohort& cohort, query::PeopleAsked& people, const StateAt& moment) {
  list_.assign(cohort.people);
  people.move_to(list_);
  cohort.live = people.live();
  look_at(list_);
  Numbers numbers = conditions_of(cohort);
  std::erase_if(numbers, [this](std::uint32_t number) { return !all_[number].is_open(); });
  tests_.clear();
  for (const std::uint32_t number : numbers) {
    prepare(number, moment);
    if (all_[number].is_test_good) tests_.push_back(&*all_[number].test);
  }
  answers_.resize(tests_.size());
  people.ask(tests_, answers_);
  std::size_t answered = 0;
  for (const std::uint32_t number : numbers) {
    Condition& condition = all_[number];
    condition.asked += static_cast<double>(list_.size());
    const bool is_answered = condition.is_test_good && answers_[answered].has_value();
    if (condition.is_test_good) ++answered;
    if (is_answered) {
      take(condition, number, *answers_[answered - 1], cohort);
      continue;
    }
    const query::BoundQuery* const query = bound(condition, moment);
    if (query == nullptr) continue;
    const auto is = people.ask(*query);
    if (is) take(condition, number, *is, cohort);
    else fail(condition, is.error().message, moment.now);
  }
}

PeopleMask Conditions::concerned(const Cohort& cohort, std::uint32_t number) const {
  PeopleMask mask{};
  for (const std::uint32_t topic : cohort.topics) {
    if (!covers(topics_[topic], number)) continue;
    for (std::size_t i = 0; i < cohort.people.size(); ++i) {
      const bool is_theirs = topics_[topic].cause_of(cohort.people[i]) != nullptr;
      mask[i / 64] |= std::uint64_t{is_theirs} << (i % 64);
    }
  }
  return mask;
}

void Conditions::take(Condition& condition, std::uint32_t number, const PeopleMask& is,
                      Cohort& cohort) {
  const std::size_t words = list_.words();
  const PeopleMask was = mask_of(number, list_);
  PeopleMask flipped;
  std::uint64_t any = 0;
  for (std::size_t w = 0; w < words; ++w) {
    flipped[w] = was[w] ^ (is[w] & cohort.live[w]);
    if (w + 1 == words && list_.size() % 64 != 0) {
      flipped[w] &= (std::uint64_t{1} << (list_.size() % 64)) - 1;
    }
    any |= flipped[w];
  }
  if (any != 0 && !cohort.is_uniform) {
    const PeopleMask theirs = concerned(cohort, number);
    any = 0;
    for (std::size_t w = 0; w < words; ++w) any |= flipped[w] &= theirs[w];
  }
  if (any == 0) return;
  condition.people.prepare(list_, flipped);
  PeopleMask passes;
  for (std::size_t w = 0; w < words; ++w) passes[w] = was[w] ^ flipped[w];
  if (condition.column) rows_.flip(*condition.column, list_, flipped);
  cohort.flips.push_back({number, cohort.masks.size()});
  const auto count = static_cast<std::ptrdiff_t>(words);
  cohort.masks.insert(cohort.masks.end(), passes.begin(), passes.begin() + count);
  cohort.masks.insert(cohort.masks.end(), flipped.begin(), flipped.begin() + count);
  condition.people.change(list_, flipped, passes);
}

}  // namespace muster::engine
