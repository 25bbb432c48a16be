#include "query/flip/what_if.h"

#include "query/execute/budget.h"

namespace muster::query {
namespace {

constexpr std::size_t kAskedMax = 20'000;

}  // namespace

bool WhatIf::is_spent() const { return asked_ >= kAskedMax || exhausted(budget_); }

std::optional<bool> WhatIf::holds(const NodePtr& predicate, const Zone& zone,
                                  const index::PersonRecord& person) {
  if (is_spent()) return std::nullopt;
  ++asked_;
  auto generation = index::alone(person, *context_.generation);
  if (!generation) return std::nullopt;
  BindContext own = context_;
  own.generation = std::move(*generation);
  own.zone = zone;
  own.allow_unknown = true;  // Of what this person lacks nothing may be known here.
  own.objects = nullptr;     // Lists of objects belong to the generation's dictionaries.
  own.kept = {};
  const auto bound = query::bind(predicate, own);
  if (!bound) return std::nullopt;
  const auto answer = contains(**bound, 0, budget_);
  return answer ? std::optional(*answer) : std::nullopt;
}

}  // namespace muster::query
