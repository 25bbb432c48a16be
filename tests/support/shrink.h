// The smallest segment that still shows a failure.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>

#include "query/language/ast.h"

namespace muster::testing {

// A smaller tree for which `fails` still says yes, or the tree itself.
// Cost: calls `fails` at most a few hundred times.
query::NodePtr shrink(const query::NodePtr& tree,
                      const std::function<bool(const query::NodePtr&)>& fails);

}  // namespace muster::testing
