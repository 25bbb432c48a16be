// Comparisons that come down to one weighted sum over events: they are answered by one pass that
// adds up, per person, without dividing.
//
//   sum(amount of "buy") > 100                     sum > 100
//   avg(amount of "buy") > 70                      sum - 70 * count > 0, for those who have any
//   p95(amount of "buy") > 200                     100 * those up to 200 - 95 * all < 0
//   sum(amount of A) > 0.5 * sum(amount of B)      2 * sum A - sum B > 0
//   sum / distinct(basket of "buy") <= 200         sum - 200 * distinct <= 0, for who has a basket
//
// Thread safety: immutable.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

// What each event of an aggregate adds.
struct SumTerm {
  std::shared_ptr<const BoundAggregate> aggregate;  // Its sources, filters and window.
  bool has_value = false;    // Events without the value add nothing at all.
  std::int64_t factor = 0;   // Of the value, at the aggregate's scale.
  std::int64_t each = 0;     // Of the event itself; if is_distinct, of each different value.
  bool is_distinct = false;
};

struct LinearSums {
  std::vector<SumTerm> terms;
  Range range;               // Where the total must be; of people without events it is 0.
  // A count of which people need one at least; null: they need none.
  std::shared_ptr<const BoundAggregate> some;
  std::shared_ptr<const LinearSums> other;  // Must hold, too: the upper end of `between`. Or null.
};

// Null for other tests, and where the factors have no room in 62 bits.
std::shared_ptr<const LinearSums> linear_sums_of(const BoundNode& test);

}  // namespace muster::query
