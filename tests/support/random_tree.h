// Random trees over the whole grammar of segments, for what must hold of every tree.
//
// They name nothing that exists and mean nothing: random_segment.h makes those that can be asked.
// Thread safety: one thread at a time.
#pragma once

#include "query/language/ast.h"
#include "tests/support/random.h"

namespace muster::testing {

// A tree that parse() could have made, of at most kNestingMax levels.
query::NodePtr random_tree(Random& random);

// The same tree with the operands of every and, or, at least, + and * in another order, and with
// event names and the literals of lists in another order.
query::NodePtr shuffled(const query::NodePtr& tree, Random& random);

}  // namespace muster::testing
