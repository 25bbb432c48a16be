// All values that an aggregate takes in, person by person, for those kinds that look at them
// together.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/rows_by_person.h"

namespace muster::query {

// Fills into.take_sorted(). Returns false, and nothing is taken, where values are computed or do
// not fit 64 bits: the caller has another way.  Requires into.keeps_all(), of people.count buckets.
// Cost: two passes over the rows; `rows` is memory that is used again.
bool take_sorted_values(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, RowsByPerson& rows, Accumulator& into);

}  // namespace muster::query
