// Whose first or last event lies in a range of time, without looking for it: they did it within the
// range, and not before it, or after it.
//
// Thread safety: immutable.
#pragma once

#include <optional>

#include "query/plan/bound.h"

namespace muster::query {

// Two counts: of events in the range, and of those that would be first or last in their place.
struct EdgeWindows {
  BoundAggregate within;
  BoundAggregate beyond;  // from > to: nothing can be.
};

// Nothing for tests of other kinds: of values, with `per`, `at first` or `since`, or of several
// ranges.
std::optional<EdgeWindows> edge_windows(const BoundNode& test);

}  // namespace muster::query
