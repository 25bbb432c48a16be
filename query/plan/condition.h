// Conditions: which values of a kind pass a test whose operands are constants.
//
// A condition knows nothing of storage; keys_passing() turns it into a test of the keys or codes
// of one column. So the same condition serves attributes, list elements, event properties, fields
// of entities and aggregates.
// Thread safety: immutable.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "query/plan/bound.h"
#include "query/plan/windows.h"

namespace muster::query {

struct Condition {
  ValueKind kind = ValueKind::Unknown;  // Of the values tested. Unknown: nothing passes.
  // Every kind but Text and Geo: the passing keys; exact numbers at a decimal scale.
  std::function<RangeSet(std::uint8_t scale)> ranges;
  // Text: one of these (or none of these), or what `text` says.
  bool by_equality = false;
  bool negated = false;
  std::vector<std::string> equal;
  std::function<bool(std::string_view)> text;
  std::function<bool(GeoPoint)> point;  // Geo.
};

// Which keys pass in a column of single values of this type; `scale` is that of its numbers.
KeyTest keys_passing(const Condition& condition, index::FieldType type,
                     const index::Dictionary& dictionary, std::uint8_t scale);
// Which element codes pass, of lists of this type.
KeyTest elements_passing(const Condition& condition, const index::FieldType& type,
                         const index::Dictionary& dictionary);
// Which codes of a text dictionary pass.
RangeSet codes_passing(const Condition& condition, const index::Dictionary& dictionary);

// Keys k (of `kind`, numbers at `scale`) for which `k op constant` holds.
// Requires comparable(kind, constant.type) and constant.kind == Constant; no Text, no Geo.
RangeSet keys_comparing(ValueKind kind, std::uint8_t scale, Compare op,
                        const BoundValue& constant, const Zone& zone);

// Whether values of the two kinds can be compared: the same kind, two numbers, a date and a time.
bool comparable(ValueKind a, ValueKind b);
// "a number", "a text", ...
std::string_view describe(ValueKind kind);
ValueKind kind_of(Type type);

// v op constant
Condition compare_condition(ValueKind kind, Compare op, const BoundValuePtr& constant,
                            const Zone& zone);
// v [not] between low and high
Condition between_condition(ValueKind kind, bool negated, const BoundValuePtr& low,
                            const BoundValuePtr& high, const Zone& zone);
// v [not] in (...)
Condition in_condition(ValueKind kind, bool negated, const std::vector<BoundValuePtr>& constants,
                       const Zone& zone);
// v inside a window.  Requires kind Time or Date.
Condition window_condition(ValueKind kind, const TimeRange& range, const Zone& zone);
// v [not] contains, starts with, ends with or matches a text.
// Errors: InvalidArgument when a pattern cannot be read.
Result<Condition> text_condition(const Node& test);
// v is within `metres` of a point, both ends belong, on a sphere of radius 6,371,008.8 m.
Condition near_condition(GeoPoint centre, double metres);

// Great-circle distance in metres. Source: the haversine formula on the mean Earth radius of
// WGS 84 (6,371,008.8 m).
double distance_m(GeoPoint a, GeoPoint b);

}  // namespace muster::query
