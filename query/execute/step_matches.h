// The events that a step of a sequence can take, person by person.
//
// Thread safety: one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "query/execute/people_range.h"
#include "query/execute/slots.h"
#include "query/plan/bound.h"

namespace muster::query {

class StepMatches {
 public:
  StepMatches() = default;  // None.
  // Those of the people, without the conditions on earlier steps.  `with_events`: not only when
  // they were, but also which.
  // Cost: the rows in the window, and a counting sort of those taken.
  StepMatches(const BoundStepEvents& step, const index::Generation& generation,
              const PeopleRange& people, bool with_events);

  bool failed() const { return failed_; }
  bool has(std::uint32_t place) const { return first_[place] < first_[place + 1]; }
  // Of one person, by their place in the range: ascending.
  std::span<const TimeMs> times(std::uint32_t place) const {
    return std::span(times_).subspan(first_[place], first_[place + 1] - first_[place]);
  }
  // In the order of the times.  Requires with_events.
  std::span<const PinnedEvent> events(std::uint32_t place) const {
    return std::span(events_).subspan(first_[place], first_[place + 1] - first_[place]);
  }

 private:
  struct Found;
  void sort_by_person(const Found& found, std::uint32_t people);
  void sort_by_time(std::uint32_t from, std::uint32_t to);

  std::vector<std::uint32_t> first_;  // By place; one more at the end.
  std::vector<TimeMs> times_;
  std::vector<PinnedEvent> events_;   // Empty without events.
  bool failed_ = false;
};

}  // namespace muster::query
