// Whose extreme event or value lies in a range, without looking for the extreme: they have some
// within the range, and none beyond it.
//
//   first("visit") in last 30d     a visit since then, and none before
//   max(amount of "buy") > 200     a purchase of more than 200
//   min(amount of "buy") >= 60     one of 60 or more, and none below
//
// Thread safety: immutable.
#pragma once

#include <optional>

#include "query/plan/bound.h"

namespace muster::query {

// Two counts of events.
struct Extremes {
  BoundAggregate within;
  std::optional<BoundAggregate> beyond;  // Nothing: there is no beyond.
};

// Null for tests that are not asked so: other aggregates, texts, values that are computed, with
// `per`, `at first` or `since`, or of several ranges.
std::shared_ptr<const Extremes> extremes_of(const BoundNode& test);

}  // namespace muster::query
