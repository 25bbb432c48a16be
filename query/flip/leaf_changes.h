// Changes of a person that make one condition hold, or not.
//
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <vector>

#include "query/flip/fill.h"

namespace muster::query {

struct LeafChanges {
  std::vector<Change> changes;
  bool are_fewest = false;  // No fewer changes do it.
};

// Requires a condition that is neither `and`, `or`, `not` nor a saved segment, and that now is not
// as wanted.  Nothing: no way was found.
std::optional<LeafChanges> leaf_changes(const NodePtr& leaf, bool wanted, const Hints& hints,
                                        const Filling& filling);

}  // namespace muster::query
