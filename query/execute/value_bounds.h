// What is known of the values of a run without reading them.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <limits>

#include "index/events.h"
#include "query/plan/bound.h"

namespace muster::query {

// Both belong; low > high: no value at all.
struct ValueBounds {
  Int128 low = std::numeric_limits<std::int64_t>::max();
  Int128 high = std::numeric_limits<std::int64_t>::min();

  void include(const ValueBounds& other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
  bool is_some() const { return low <= high; }
  // In 64 bits.
  bool fit() const {
    return low >= std::numeric_limits<std::int64_t>::min() &&
           high <= std::numeric_limits<std::int64_t>::max();
  }
};

// Whether the source's value is a stored one, or part of a stored moment.
bool has_stored_value(const EventSource& source);

// Between which keys, as read_stored() gives them, the values of a run are.  Requires
// has_stored_value().
ValueBounds bounds_of_values(const BoundAggregate& aggregate, const EventSource& source,
                             const index::EventRun& run);

// Whether every row of the run certainly has the value.  Requires has_stored_value().
bool is_in_every_row(const EventSource& source, const index::EventRun& run);

}  // namespace muster::query
