#include "query/plan/scalar.h"

#include <cmath>

#include "base/check.h"
#include "query/plan/windows.h"

namespace muster::query {
namespace {

std::int64_t key_of(const Scalar& value) {
  return static_cast<std::int64_t>(value.exact.numerator);
}

Scalar whole(std::int64_t number) { return {.present = true, .exact = rational_of(number)}; }

Computed real_arithmetic(char op, double a, double b) {
  double result = 0;
  switch (op) {
    case '+': result = a + b; break;
    case '-': result = a - b; break;
    case '*': result = a * b; break;
    default:
      if (b == 0) return {};
      result = a / b;
  }
  if (!std::isfinite(result)) return {.failed = true};
  return {.value = {.present = true, .real = result}};
}

// ISO 8601: the week of a day is the number of its Thursday's week within the Thursday's year.
std::int64_t iso_week(Date day) {
  const Date thursday{day.days - static_cast<std::int32_t>(weekday_of(day)) + 4};
  const Date new_year = date_of({.year = civil_of(thursday).year, .month = 1, .day = 1});
  return (thursday.days - new_year.days) / 7 + 1;
}

std::int64_t hour_of(TimeMs time, const Zone& zone) {
  const TimeMs midnight = TimeMs{zone.day_of(time).days} * kDayMs;
  std::int64_t hour = 23;
  while (hour > 0 && zone.to_utc(midnight + hour * kHourMs) > time) --hour;
  return hour;
}

}  // namespace

Date day_of(ValueKind kind, const Scalar& value, const Zone& zone) {
  return kind == ValueKind::Date ? Date{static_cast<std::int32_t>(key_of(value))}
                                 : zone.day_of(key_of(value));
}

TimeMs moment_of(ValueKind kind, const Scalar& value, const Zone& zone) {
  return kind == ValueKind::Time ? key_of(value)
                                 : zone.start_of(Date{static_cast<std::int32_t>(key_of(value))});
}

double real_of(ValueKind kind, const Scalar& value) {
  return kind == ValueKind::Real ? value.real : to_double(value.exact);
}

std::weak_ordering compare(ValueKind a_kind, const Scalar& a, ValueKind b_kind, const Scalar& b,
                           const Zone& zone) {
  if (a_kind == ValueKind::Real || b_kind == ValueKind::Real) {
    const double x = real_of(a_kind, a), y = real_of(b_kind, b);
    return x < y ? std::weak_ordering::less
                 : (x > y ? std::weak_ordering::greater : std::weak_ordering::equivalent);
  }
  if (a_kind != b_kind && (a_kind == ValueKind::Date || b_kind == ValueKind::Date)) {
    return day_of(a_kind, a, zone).days <=> day_of(b_kind, b, zone).days;
  }
  return compare(a.exact, b.exact);
}

bool satisfies(std::weak_ordering order, Compare op) {
  switch (op) {
    case Compare::Equal: return order == 0;
    case Compare::NotEqual: return order != 0;
    case Compare::Less: return order < 0;
    case Compare::LessEqual: return order <= 0;
    case Compare::Greater: return order > 0;
    case Compare::GreaterEqual: return order >= 0;
  }
  return false;
}

Computed arithmetic(char op, ValueKind a_kind, const Scalar& a, ValueKind b_kind,
                    const Scalar& b) {
  if (!a.present || !b.present) return {};
  if (a_kind == ValueKind::Real || b_kind == ValueKind::Real) {
    return real_arithmetic(op, real_of(a_kind, a), real_of(b_kind, b));
  }
  std::optional<Rational> result;
  switch (op) {
    case '+': result = add(a.exact, b.exact); break;
    case '-': result = subtract(a.exact, b.exact); break;
    case '*': result = multiply(a.exact, b.exact); break;
    case '/':
      if (b.exact.numerator == 0) return {};
      result = divide(a.exact, b.exact);
      break;
    default: CHECK(!"the parser knows four operators");
  }
  if (!result) return {.failed = true};
  return {.value = {.present = true, .exact = *result}};
}

Computed negated(ValueKind kind, const Scalar& a) {
  if (!a.present) return {};
  if (kind == ValueKind::Real) return {.value = {.present = true, .real = -a.real}};
  const auto result = negate(a.exact);
  if (!result) return {.failed = true};
  return {.value = {.present = true, .exact = *result}};
}

Computed days_between(ValueKind a_kind, const Scalar& earlier, ValueKind b_kind,
                      const Scalar& later, const Zone& zone) {
  if (!earlier.present || !later.present) return {};
  if (a_kind == ValueKind::Date && b_kind == ValueKind::Date) {
    return {.value = whole(key_of(later) - key_of(earlier))};
  }
  const TimeMs ms = moment_of(b_kind, later, zone) - moment_of(a_kind, earlier, zone);
  return {.value = {.present = true, .exact = {ms, kDayMs}}};
}

Scalar date_part(DatePart part, ValueKind kind, const Scalar& value, const Zone& zone) {
  if (!value.present) return {};
  const Date day = day_of(kind, value, zone);
  const CivilDay civil = civil_of(day);
  switch (part) {
    case DatePart::Date: return whole(day.days);
    case DatePart::Year: return whole(civil.year);
    case DatePart::Quarter: return whole((civil.month - 1) / 3 + 1);
    case DatePart::Month: return whole(civil.month);
    case DatePart::Week: return whole(iso_week(day));
    case DatePart::Day: return whole(civil.day);
    case DatePart::Weekday: return whole(weekday_of(day));
    case DatePart::Hour: return whole(hour_of(key_of(value), zone));
  }
  return {};
}

Scalar scalar_of(const BoundValue& constant) {
  return {.present = constant.type != ValueKind::Unknown, .exact = constant.exact,
          .real = constant.real};
}

}  // namespace muster::query
