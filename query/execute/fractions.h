// Aggregates of fractions: values that no decimal scale holds, such as amount / quantity.
//
// All of a bucket's values are kept and looked at together: slower than keys, and as exact.
// Thread safety: one thread at a time.
#pragma once

#include <span>

#include "query/plan/bound.h"
#include "query/plan/scalar.h"

namespace muster::query {

struct Fraction {
  std::uint32_t bucket = 0;
  TimeMs time = 0;
  Rational value;
};

// By bucket, then value.
void sort_fractions(std::span<Fraction> fractions);

// What one bucket's values come to.  Requires at least one, sorted by value.
// `failed` when the result leaves 128 bits.
Computed aggregate_of(AggregateKind kind, std::span<const Fraction> sorted);

}  // namespace muster::query
