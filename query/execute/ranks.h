// Ranks: where a person stands among others, for tiles and tops.
//
// All people who are ranked are looked at once per bound query, when it is first answered.
// Thread safety: any thread.
#pragma once

#include <functional>

#include "query/execute/budget.h"
#include "query/plan/scalar.h"

namespace muster::query {

using VisitRanked = std::function<void(index::Ordinal, const Scalar&)>;

// Calls visit(person, value) for everybody of the question who has the value, in order of ordinal.
// Errors: LimitExceeded when the budget ran out, or an exact number left 128 bits.
Status for_each_ranked(const BoundQuery& among, const BoundValue& value, const Budget& budget,
                       const VisitRanked& visit);

// Finds the cuts of all tiles and tops of the query, unless they are known.
// Errors: as for_each_ranked().
Status prepare_ranks(const BoundQuery& query, const Budget& budget);

}  // namespace muster::query
