// Groups of a person's events of which only numbers and sums are asked: baskets of at least 150,
// the amounts of baskets with two things.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/rows_by_person.h"

namespace muster::query {

// Counts the groups that qualify, or adds up the values of their events, into a bucket a person.
// Returns false, and nothing is counted, where more is asked of groups or keys and values are not
// stored in 32 bits: the caller has another way.  Requires aggregate.grouping, and people.count
// buckets.
// Cost: two passes over the rows, and each person's compared with each other while they are few;
// `rows` is memory that is used again.
bool sum_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                const PeopleRange& people, RowsByPerson& rows, Accumulator& into);

}  // namespace muster::query
