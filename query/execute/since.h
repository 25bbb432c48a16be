// From when on the events of each person count, where that differs from person to person:
// `since first("signup")`, `since joined`.
//
// Thread safety: one thread at a time.
#pragma once

#include <vector>

#include "query/execute/aggregate.h"

namespace muster::query {

struct SinceTimes {
  std::vector<TimeMs> by_person;  // Later than all events for those without a value.
  bool failed = false;            // An exact number left 128 bits.
};

// Requires aggregate.since.
// Cost: that of the value for all of these people.
SinceTimes since_times(const BoundAggregate& aggregate, const index::Generation& generation,
                       const PeopleRange& people);

}  // namespace muster::query
