// Planted faults: the engine is asked something slightly different from what is compared, as if it
// misunderstood one construct. A test that claims to cover the language has to notice each.
//
// Thread safety: immutable.
#pragma once

#include <span>
#include <string_view>

#include "query/language/ast.h"

namespace muster::testing {

struct Fault {
  std::string_view name;
  // Changes one node; what it does not concern stays as it is.
  void (*plant)(query::Node& node);
};

std::span<const Fault> faults();
// The one that MUSTER_SABOTAGE names, for the run to plant; null without.
const Fault* fault_of_run();

// The one of that name, or null.
const Fault* fault_named(std::string_view name);

// The tree with the fault planted at every node.
query::NodePtr with_fault(const query::NodePtr& tree, const Fault& fault);

}  // namespace muster::testing
