#include "query/plan/condition.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include "base/check.h"
#include "index/coded.h"
#include "index/order_key.h"

namespace muster::query {
namespace {

using BitWords = std::vector<std::uint64_t>;

// A bit for each code whose key passes.
template <typename Passes>
BitWords bits_of_codes(const index::Dictionary& dictionary, const Passes& passes) {
  BitWords bits((dictionary.size() + 63) / 64);
  for (std::uint32_t code = 0; code < dictionary.size(); ++code) {
    if (passes(dictionary.key(code))) bits[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  return bits;
}

RangeSet ranges_of_bits(const BitWords& bits) {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < bits.size() * 64; ++i) {
    const auto code = static_cast<Int128>(i);
    if ((bits[i / 64] >> (i % 64)) & 1) ranges.push_back({code, code});
  }
  return RangeSet::of(std::move(ranges));
}

RangeSet codes_equal(const Condition& condition, const index::Dictionary& dictionary) {
  std::vector<Range> codes;
  for (const std::string& text : condition.equal) {
    if (const auto code = dictionary.find(text)) codes.push_back({*code, *code});
  }
  const RangeSet found = RangeSet::of(std::move(codes));
  const RangeSet known = RangeSet::between(0, Int128{dictionary.size()} - 1);
  return condition.negated ? found.complement().intersect(known) : found;
}

GeoPoint point_of(std::string_view bytes) {
  return std::get<GeoPoint>(
      index::value_of_bytes({.type = Type::Geo}, bytes));
}

// Values v with `v op c`, where values of c's kind fill the keys [first, last].
RangeSet against_span(Compare op, Int128 first, Int128 last) {
  const RangeSet inside = RangeSet::between(first, last);
  switch (op) {
    case Compare::Equal: return inside;
    case Compare::NotEqual: return inside.complement();
    case Compare::Less: return RangeSet::at_most(first - 1);
    case Compare::LessEqual: return RangeSet::at_most(last);
    case Compare::Greater: return RangeSet::at_least(last + 1);
    case Compare::GreaterEqual: return RangeSet::at_least(first);
  }
  CHECK(!"every comparison has its keys");
  return {};
}

// Keys are mantissas at `scale`; a constant with more decimals lies between two of them.
RangeSet against_exact(Compare op, const Rational& constant, std::uint8_t scale) {
  const ScaledFloor bound = floor_at_scale(constant, scale);
  if (bound.exact) return against_span(op, bound.floor, bound.floor);
  switch (op) {
    case Compare::Equal: return RangeSet::none();
    case Compare::NotEqual: return RangeSet::all();
    case Compare::Less:
    case Compare::LessEqual: return RangeSet::at_most(bound.floor);
    case Compare::Greater:
    case Compare::GreaterEqual: return RangeSet::at_least(bound.floor + 1);
  }
  CHECK(!"every comparison has its keys");
  return {};
}

Rational exact_of(const BoundValue& constant) {
  if (constant.type != ValueKind::Real) return constant.exact;
  if (const auto rational = rational_of_literal(constant.real)) return *rational;
  // Too large for any stored number, or so small that only its sign counts.
  const bool tiny = std::fabs(constant.real) < 1;
  const Int128 far = tiny ? 1 : kWideMax;
  return {constant.real < 0 ? -far : far, tiny ? kWideMax : 1};
}

RangeSet against_moment(ValueKind kind, Compare op, const BoundValue& constant, const Zone& zone) {
  const auto key = static_cast<std::int64_t>(constant.exact.numerator);
  if (kind == constant.type) return against_span(op, key, key);
  if (kind == ValueKind::Date) {
    const Date day = zone.day_of(key);
    return against_span(op, day.days, day.days);
  }
  const auto day = static_cast<std::int32_t>(key);
  return against_span(op, zone.start_of(Date{day}), zone.start_of(Date{day + 1}) - 1);
}

Condition condition_of(ValueKind kind, std::function<RangeSet(std::uint8_t)> ranges) {
  Condition condition;
  condition.kind = kind;
  condition.ranges = std::move(ranges);
  return condition;
}

}  // namespace

ValueKind kind_of(Type type) {
  switch (type) {
    case Type::Bool: return ValueKind::Bool;
    case Type::Int:
    case Type::Decimal: return ValueKind::Exact;
    case Type::Double: return ValueKind::Real;
    case Type::String: return ValueKind::Text;
    case Type::Timestamp: return ValueKind::Time;
    case Type::Date: return ValueKind::Date;
    case Type::Geo: return ValueKind::Geo;
    case Type::Json: break;  // Not askable: the binder refuses it before.
  }
  return ValueKind::Unknown;
}

bool comparable(ValueKind a, ValueKind b) {
  const auto number = [](ValueKind k) { return k == ValueKind::Exact || k == ValueKind::Real; };
  const auto moment = [](ValueKind k) { return k == ValueKind::Time || k == ValueKind::Date; };
  if (a == ValueKind::Unknown || b == ValueKind::Unknown) return true;
  return (a == b && a != ValueKind::Geo) || (number(a) && number(b)) || (moment(a) && moment(b));
}

std::string_view describe(ValueKind kind) {
  switch (kind) {
    case ValueKind::Unknown: return "an unknown value";
    case ValueKind::Bool: return "true or false";
    case ValueKind::Exact:
    case ValueKind::Real: return "a number";
    case ValueKind::Text: return "a text";
    case ValueKind::Time: return "a time";
    case ValueKind::Date: return "a date";
    case ValueKind::Geo: return "a geo point";
  }
  return "";
}

RangeSet keys_comparing(ValueKind kind, std::uint8_t scale, Compare op,
                        const BoundValue& constant, const Zone& zone) {
  if (constant.type == ValueKind::Unknown) return {};
  switch (kind) {
    case ValueKind::Bool: {
      const Int128 key = constant.exact.numerator;
      return against_span(op, key, key).intersect(RangeSet::between(0, 1));
    }
    case ValueKind::Exact: return against_exact(op, exact_of(constant), scale);
    case ValueKind::Real: {
      const std::int64_t key = index::key_of_double(constant.real);
      return against_span(op, key, key);
    }
    case ValueKind::Time:
    case ValueKind::Date: return against_moment(kind, op, constant, zone);
    case ValueKind::Unknown:
    case ValueKind::Text:
    case ValueKind::Geo: break;
  }
  return {};
}

Condition compare_condition(ValueKind kind, Compare op, const BoundValuePtr& constant,
                            const Zone& zone) {
  if (constant->type == ValueKind::Unknown) return {};
  if (kind == ValueKind::Text) {
    Condition condition;
    condition.kind = kind;
    condition.by_equality = true;
    condition.negated = op == Compare::NotEqual;
    condition.equal = {constant->text};
    return condition;
  }
  return condition_of(kind, [=](std::uint8_t scale) {
    return keys_comparing(kind, scale, op, *constant, zone);
  });
}

Condition between_condition(ValueKind kind, bool negated, const BoundValuePtr& low,
                            const BoundValuePtr& high, const Zone& zone) {
  if (low->type == ValueKind::Unknown || high->type == ValueKind::Unknown) return {};
  return condition_of(kind, [=](std::uint8_t scale) {
    const RangeSet inside =
        keys_comparing(kind, scale, Compare::GreaterEqual, *low, zone)
            .intersect(keys_comparing(kind, scale, Compare::LessEqual, *high, zone));
    return negated ? inside.complement() : inside;
  });
}

Condition in_condition(ValueKind kind, bool negated, const std::vector<BoundValuePtr>& constants,
                       const Zone& zone) {
  if (kind == ValueKind::Text) {
    Condition condition;
    condition.kind = kind;
    condition.by_equality = true;
    condition.negated = negated;
    for (const BoundValuePtr& constant : constants) condition.equal.push_back(constant->text);
    return condition;
  }
  return condition_of(kind, [=](std::uint8_t scale) {
    std::vector<Range> inside;
    for (const BoundValuePtr& constant : constants) {
      const RangeSet equal = keys_comparing(kind, scale, Compare::Equal, *constant, zone);
      inside.insert(inside.end(), equal.ranges().begin(), equal.ranges().end());
    }
    const RangeSet found = RangeSet::of(std::move(inside));
    return negated ? found.complement() : found;
  });
}

Condition window_condition(ValueKind kind, const TimeRange& range, const Zone& zone) {
  CHECK(kind == ValueKind::Time || kind == ValueKind::Date);
  if (kind == ValueKind::Time) {
    return condition_of(
        kind, [=](std::uint8_t) { return RangeSet::between(range.from, range.to); });
  }
  const DayRange days = days_starting_in(range, zone);
  return condition_of(
      kind, [=](std::uint8_t) { return RangeSet::between(days.from.days, days.to.days); });
}

Condition near_condition(GeoPoint centre, double metres) {
  Condition condition;
  condition.kind = ValueKind::Geo;
  condition.point = [=](GeoPoint point) { return distance_m(centre, point) <= metres; };
  return condition;
}

double distance_m(GeoPoint a, GeoPoint b) {
  constexpr double kEarthRadiusM = 6'371'008.8;
  constexpr double kRadians = std::numbers::pi / 180;
  const double sin_latitude = std::sin((b.latitude - a.latitude) * kRadians / 2);
  const double sin_longitude = std::sin((b.longitude - a.longitude) * kRadians / 2);
  const double h = sin_latitude * sin_latitude + std::cos(a.latitude * kRadians) *
                                                     std::cos(b.latitude * kRadians) *
                                                     sin_longitude * sin_longitude;
  return 2 * kEarthRadiusM * std::asin(std::sqrt(std::min(1.0, h)));
}

RangeSet codes_passing(const Condition& condition, const index::Dictionary& dictionary) {
  if (condition.kind == ValueKind::Unknown) return {};
  if (condition.by_equality) return codes_equal(condition, dictionary);
  return ranges_of_bits(bits_of_codes(dictionary, condition.text));
}

KeyTest keys_passing(const Condition& condition, index::FieldType type,
                     const index::Dictionary& dictionary, std::uint8_t scale) {
  CHECK(!type.list);
  if (condition.kind == ValueKind::Unknown) return {};
  if (type.type == Type::String) {
    if (!condition.by_equality) return KeyTest(bits_of_codes(dictionary, condition.text));
    return KeyTest(codes_equal(condition, dictionary));
  }
  if (type.type == Type::Geo) {
    return KeyTest(bits_of_codes(
        dictionary, [&](std::string_view bytes) { return condition.point(point_of(bytes)); }));
  }
  return KeyTest(condition.ranges(scale));
}

KeyTest elements_passing(const Condition& condition, const index::FieldType& type,
                         const index::Dictionary& dictionary) {
  if (condition.kind == ValueKind::Unknown) return {};
  if (index::is_coded(type.type)) return keys_passing(condition, {type.type}, dictionary, 0);
  const RangeSet ranges = condition.ranges(type.scale);
  return KeyTest(bits_of_codes(dictionary, [&](std::string_view bytes) {
    std::int64_t key = 0;
    CHECK(bytes.size() == sizeof key);
    std::memcpy(&key, bytes.data(), sizeof key);
    return ranges.contains(key);
  }));
}

}  // namespace muster::query
