#include "query/execute/step_matches.h"

#include <algorithm>
#include <numeric>

#include "query/execute/event_rows.h"

namespace muster::query {

// In the order in which they were found: by source, run and time.
struct StepMatches::Found {
  std::vector<std::uint32_t> places;
  std::vector<TimeMs> times;
  std::vector<PinnedEvent> events;
};

StepMatches::StepMatches(const BoundStepEvents& step, const index::Generation& generation,
                         const PeopleRange& people, bool with_events) {
  Found found;
  const auto times = std::make_unique_for_overwrite<KeyChunk>();
  const auto take = [&](std::size_t s, const index::EventRun& run, RowSlots& slots,
                        const SlotMask& mask) {
    failed_ = failed_ || slots.failed();
    slots.times(*times);
    for_each_bit(mask, [&](std::uint32_t i) {
      found.places.push_back(people.place_of(slots.person_of(i)));
      found.times.push_back(times->keys[i]);
      if (!with_events) return;
      found.events.push_back({.source = s, .run = &run, .row = slots.row_of(i)});
    });
  };
  if (step.taken->grouping) {
    if (!for_each_in_groups(*step.taken, generation, people, take)) failed_ = true;
  } else {
    for_each_taken(*step.taken, generation, people, take);
  }
  sort_by_person(found, people.count);
}

void StepMatches::sort_by_person(const Found& found, std::uint32_t people) {
  first_.assign(people + 1, 0);
  for (const std::uint32_t place : found.places) ++first_[place + 1];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  times_.resize(found.times.size());
  events_.resize(found.events.size());
  for (std::size_t i = 0; i < found.places.size(); ++i) {
    const std::uint32_t at = next[found.places[i]]++;
    times_[at] = found.times[i];
    if (!events_.empty()) events_[at] = found.events[i];
  }
  // One run is in order of time already; several may not be.
  for (std::uint32_t place = 0; place < people; ++place) {
    const auto own = times(place);
    if (!std::is_sorted(own.begin(), own.end())) sort_by_time(first_[place], first_[place + 1]);
  }
}

void StepMatches::sort_by_time(std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> order(to - from);
  std::iota(order.begin(), order.end(), from);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return times_[a] < times_[b]; });
  std::vector<TimeMs> times;
  std::vector<PinnedEvent> events;
  for (const std::uint32_t i : order) {
    times.push_back(times_[i]);
    if (!events_.empty()) events.push_back(events_[i]);
  }
  std::copy(times.begin(), times.end(), times_.begin() + from);
  std::copy(events.begin(), events.end(), events_.begin() + from);
}

}  // namespace muster::query
