// Counts of events by their value, made from an aggregate over the same events.
//
// Thread safety: immutable.
#pragma once

#include <memory>

#include "query/plan/bound.h"

namespace muster::query {

// Whether the values of all sources are properties as they are stored, of a kind with an order:
// what follows can be asked of them.
bool has_plain_values(const BoundAggregate& aggregate);
// Without `per`, `at first`, `since` and fractions.
bool is_over_plain_events(const BoundAggregate& aggregate);

// How many events the aggregate takes in, whatever their value.
BoundAggregate count_of_events(const BoundAggregate& aggregate);
// How many of them have a value at all.  Requires has_plain_values().
BoundAggregate count_of_valued(const BoundAggregate& aggregate);
// How many have one whose key, exact ones at the aggregate's scale, is in the range.
// Requires has_plain_values().
BoundAggregate count_of_values(const BoundAggregate& aggregate, const Range& keys);

}  // namespace muster::query
