// Aggregates over plain events, and the mutual calls of the naive evaluator's two halves.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/language/ast.h"
#include "tests/support/naive_scope.h"

namespace muster::testing {

bool naive_test(const Scope& scope, const query::Node& node);
NaiveValue naive_value_of(const Scope& scope, const query::Node& node);
Span naive_window(const Scope& scope, const query::Window& window);

bool naive_did(const Scope& scope, const query::Events& events);
NaiveValue naive_aggregate(const Scope& scope, const query::Node& node);

}  // namespace muster::testing
