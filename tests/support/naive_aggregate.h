// The naive evaluator's parts, which call each other.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/language/ast.h"
#include "tests/support/naive_scope.h"

namespace muster::testing {

bool naive_test(const Scope& scope, const query::Node& node);
NaiveValue naive_value_of(const Scope& scope, const query::Node& node);
NaiveValue naive_literal(const Scope& scope, const query::Literal& literal);
Span naive_window(const Scope& scope, const query::Window& window);

// naive_aggregate.cpp
bool naive_did(const Scope& scope, const query::Events& events);
NaiveValue naive_aggregate(const Scope& scope, const query::Node& node);
// The person's events: named, past, at the edge, in the window, passing `where`.
std::vector<const PlainEvent*> naive_events(const Scope& scope, const query::Events& asked);
// The same, and with `per` only those in groups that qualify.
std::vector<const PlainEvent*> naive_events_in_groups(const Scope& scope,
                                                      const query::Events& asked);

// naive_sequence.cpp
bool naive_sequence(const Scope& scope, const query::Node& node);

// naive_rank.cpp
NaiveValue naive_tile(const Scope& scope, const query::Node& node);
bool naive_top(const Scope& scope, const query::Node& node);
bool naive_sample(const Scope& scope, const query::Node& node);

}  // namespace muster::testing
