// Asks conditions of people who do not exist: copies of a person that were changed.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/flip.h"

namespace muster::query {

class WhatIf {
 public:
  // Conditions are read as the context says, but for its generation, which gives the schema, the
  // entities and the saved documents.
  WhatIf(const BindContext& context, const Budget& budget) : context_(context), budget_(budget) {}

  // Whether the predicate, in days of the zone, holds for such a person; nothing when it cannot be
  // asked (a value does not fit its type) or the budget is spent.
  std::optional<bool> holds(const NodePtr& predicate, const Zone& zone,
                            const index::PersonRecord& person);

  const BindContext& context() const { return context_; }
  const index::Generation& generation() const { return *context_.generation; }
  const Budget& budget() const { return budget_; }
  bool is_spent() const;

 private:
  const BindContext& context_;
  Budget budget_;
  std::size_t asked_ = 0;
};

}  // namespace muster::query
