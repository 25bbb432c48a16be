// One value of an expression: what constants fold to and slots are compared by.
//
// Exact numbers are fractions; booleans, times, dates and text codes stand as whole numbers in
// `exact`; doubles in `real`. The kind is known from the BoundValue, not kept here.
// Thread safety: any thread.
#pragma once

#include <compare>
#include <optional>

#include "query/plan/bound.h"

namespace muster::query {

struct Scalar {
  bool present = false;
  Rational exact;
  double real = 0;
};

// How a stands to b.  Requires both present and their kinds comparable; texts by code.
std::weak_ordering compare(ValueKind a_kind, const Scalar& a, ValueKind b_kind, const Scalar& b,
                           const Zone& zone);
bool satisfies(std::weak_ordering order, Compare op);

// The result of one step; `failed` when it left 128 bits.
struct Computed {
  Scalar value;
  bool failed = false;
};
// a op b; missing when either is, or when b is 0 under '/'. `real`: in doubles.
Computed arithmetic(char op, ValueKind a_kind, const Scalar& a, ValueKind b_kind, const Scalar& b);
Computed negated(ValueKind kind, const Scalar& a);
// (later - earlier) / 86,400 s.
Computed days_between(ValueKind a_kind, const Scalar& earlier, ValueKind b_kind,
                      const Scalar& later, const Zone& zone);
// The date, or the local day of the time; the time, or the first moment of the date.
// Requires present, and a time or a date.
Date day_of(ValueKind kind, const Scalar& value, const Zone& zone);
TimeMs moment_of(ValueKind kind, const Scalar& value, const Zone& zone);
Scalar date_part(DatePart part, ValueKind kind, const Scalar& value, const Zone& zone);

// The value of a constant; for text, code 0.
Scalar scalar_of(const BoundValue& constant);
double real_of(ValueKind kind, const Scalar& value);

}  // namespace muster::query
