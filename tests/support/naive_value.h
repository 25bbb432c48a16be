// Values of the naive evaluator: exact numbers as fractions, and their plain order.
//
// Shares nothing with the product's own arithmetic. Thread safety: immutable.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include <compare>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/value.h"

namespace muster::testing {

using Rational = boost::multiprecision::cpp_rational;
using NaiveValue =
    std::variant<Missing, bool, Rational, double, std::string, Instant, Date, GeoPoint>;

NaiveValue naive_value(const Value& value);
Rational rational_of(Decimal number);

// Days and local times of a zone, straight from the tz database.
class NaiveZone {
 public:
  explicit NaiveZone(const std::string& name);
  TimeMs start_of(Date day) const;
  Date day_of(TimeMs time) const;
  // Milliseconds since the local 1970-01-01T00:00.
  TimeMs local_of(TimeMs time) const;
  TimeMs utc_of(TimeMs local) const;

 private:
  const void* zone_;
};

// How a stands to b: nothing when either is missing. A date against a time is the local day, which
// is equal to every moment in it.
// Requires values of comparable types.
std::optional<int> naive_order(const NaiveValue& a, const NaiveValue& b, const NaiveZone& zone);

// Order of values of one type, for sorting, grouping and ties.
bool naive_less(const NaiveValue& a, const NaiveValue& b);

std::string to_display(const NaiveValue& value);

}  // namespace muster::testing
