// Sequences whose steps all have something in common with the first one:
//
//   sequence(a: "view" then "cart" where (sku = a.sku) then "purchase" where (sku = a.sku))
//
// is a plain sequence among the events of one sku, for some sku.
//
// Thread safety: immutable.
#pragma once

#include "query/plan/bound.h"

namespace muster::query {

// What the events have in common, in one coding; null when the steps are not of this kind, or name
// each other in another way.
std::shared_ptr<const StepKeys> step_keys_of(const BoundSequence& sequence);

}  // namespace muster::query
