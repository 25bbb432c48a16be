// The leaves of random trees: segments of one condition, each with the people for whom it holds.
//
// Who they are is found by asking the plain columns person by person: the index has no part in it.
// Thread safety: immutable once made.
#pragma once

#include <vector>

#include "query/language/ast.h"
#include "tests/tree/population_support.h"

namespace muster::testing {

// Slow: the engine looks at value after value, so trees have few of these.
enum class Pace { Fast, Slow };

struct Leaf {
  query::NodePtr tree;
  Bits holds;  // Nobody who is deleted.
  Pace pace = Pace::Fast;
};

// Conditions of every kind on every field of the population, some 200.
// Cost: one look at every person for each: 0.2 s.
std::vector<Leaf> random_leaves(Random& random, const Population& population);

}  // namespace muster::testing
