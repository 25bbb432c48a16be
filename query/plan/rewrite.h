// The plan: the tree as written, made cheaper without changing an answer.
//
// Each rewrite makes new nodes; the tree as written stays for explanations. Trees of nested
// segments share nodes, so each node is rewritten once.
// Thread safety: any thread.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "query/plan/bound.h"

namespace muster::query {

struct Rewrite {
  std::string_view name;  // Tests switch a rewrite off by it (BindContext::rewrites_off).
  // One node whose children have been rewritten.
  BoundNodePtr (*apply)(const BoundNodePtr& node);
};

BoundNodePtr drop_double_not(const BoundNodePtr& node);   // not not x  ->  x
BoundNodePtr fold_constants(const BoundNodePtr& node);    // x and nobody  ->  nobody
BoundNodePtr flatten_chains(const BoundNodePtr& node);    // a and (b and c)  ->  a and b and c
BoundNodePtr cheapest_first(const BoundNodePtr& node);    // the order of and, or

// In the order they run. Tests run every question with all of them and with each left out: the
// answers must not move.
inline constexpr std::array kRewrites{
    Rewrite{"drop_double_not", drop_double_not},
    Rewrite{"fold_constants", fold_constants},
    Rewrite{"flatten_chains", flatten_chains},
    Rewrite{"cheapest_first", cheapest_first},
};

// Fills cost, estimate and the choice of value bitmaps, children first.
void estimate(const BoundNodePtr& root, const index::Generation& generation);

// The plan of a bound tree, with the results that several places ask for numbered.
void make_plan(BoundQuery& query, std::span<const std::string> rewrites_off);

}  // namespace muster::query
