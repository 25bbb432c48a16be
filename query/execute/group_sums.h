// Groups of a person's events of which only numbers and sums are asked: baskets of at least 150,
// the amounts of baskets with two things.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/rows_by_person.h"

namespace muster::query {

// By place of the person.
struct GroupTotals {
  std::vector<std::uint32_t> counts;  // Groups that qualify;
  std::vector<std::int64_t> sums;     // what the values of their events add up to, if asked.
  bool failed = false;                // An exact number in `where` left its bits: all is void.

  // The rows, by person, as the kernel has them, and its notes: kept for their memory.
  std::vector<std::uint64_t> events, known;
  std::vector<std::uint16_t> people;
};

// Whether groups of the aggregate are of this kind; their keys and values may yet be too wide.
bool are_groups_totalled(const BoundAggregate& aggregate);

// Counts the groups that qualify, and adds up the values of their events where those are asked.
// Returns false, and nothing is told, where more is asked of groups or keys and values are not
// stored in 32 bits: the caller has another way.  Requires aggregate.grouping.
// Cost: two passes over the rows, and each person's compared with each other while they are few
// (index/kernels); `rows` and `totals` are memory that is used again.
bool total_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                  const PeopleRange& people, RowsByPerson& rows, GroupTotals& totals);

// The same of how many different values people have, of a Distinct without grouping.
bool total_values(const BoundAggregate& distinct, const index::Generation& generation,
                  const PeopleRange& people, RowsByPerson& rows, GroupTotals& totals);

// As total_groups() into a bucket a person.  Requires people.count buckets.
bool sum_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                const PeopleRange& people, RowsByPerson& rows, Accumulator& into);

}  // namespace muster::query
