#include "tests/support/naive_value.h"

#include <date/tz.h>

#include <chrono>

#include "base/check.h"
#include "base/text.h"
#include "base/time.h"

namespace muster::testing {
namespace {

int sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

template <typename T>
int plain_order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int day_against_time(Date day, TimeMs time, const NaiveZone& zone) {
  if (time < zone.start_of(day)) return 1;
  return time < zone.start_of(Date{day.days + 1}) ? 0 : -1;
}

// Numbers of two kinds meet as doubles: a literal 0.1 means the double 0.1 beside a double.
double double_of(const NaiveValue& value) {
  if (const Rational* number = std::get_if<Rational>(&value)) return number->convert_to<double>();
  return std::get<double>(value);
}

bool is_number(const NaiveValue& value) {
  return std::holds_alternative<Rational>(value) || std::holds_alternative<double>(value);
}

const date::time_zone& zone_of(const void* zone) {
  return *static_cast<const date::time_zone*>(zone);
}

using Ms = std::chrono::milliseconds;

}  // namespace

NaiveZone::NaiveZone(const std::string& name) : zone_(date::locate_zone(name)) {}

TimeMs NaiveZone::utc_of(TimeMs local) const {
  const date::local_time<Ms> when{Ms(local)};
  return zone_of(zone_).to_sys(when, date::choose::earliest).time_since_epoch().count();
}

TimeMs NaiveZone::local_of(TimeMs time) const {
  const date::sys_time<Ms> when{Ms(time)};
  return zone_of(zone_).to_local(when).time_since_epoch().count();
}

TimeMs NaiveZone::start_of(Date day) const { return utc_of(day.days * TimeMs{86'400'000}); }

Date NaiveZone::day_of(TimeMs time) const {
  const date::local_time<Ms> local{Ms(local_of(time))};
  const auto days = date::floor<date::days>(local).time_since_epoch().count();
  return Date{static_cast<std::int32_t>(days)};
}

Rational rational_of(Decimal number) {
  boost::multiprecision::cpp_int denominator = 1;
  for (int i = 0; i < number.scale; ++i) denominator *= 10;
  return Rational(number.mantissa, denominator);
}

NaiveValue naive_value(const Value& value) {
  struct Visitor {
    NaiveValue operator()(Decimal d) const { return rational_of(d); }
    NaiveValue operator()(Missing m) const { return m; }
    NaiveValue operator()(bool b) const { return b; }
    NaiveValue operator()(double d) const { return d; }
    NaiveValue operator()(const std::string& text) const { return to_nfc(text); }
    NaiveValue operator()(Instant time) const { return time; }
    NaiveValue operator()(Date day) const { return day; }
    NaiveValue operator()(GeoPoint point) const { return point; }
  };
  return std::visit(Visitor(), value);
}

std::optional<int> naive_order(const NaiveValue& a, const NaiveValue& b, const NaiveZone& zone) {
  if (std::holds_alternative<Missing>(a) || std::holds_alternative<Missing>(b)) return {};
  const Date* day_a = std::get_if<Date>(&a);
  const Date* day_b = std::get_if<Date>(&b);
  const Instant* time_a = std::get_if<Instant>(&a);
  const Instant* time_b = std::get_if<Instant>(&b);
  if (day_a != nullptr && time_b != nullptr) return day_against_time(*day_a, time_b->ms, zone);
  if (time_a != nullptr && day_b != nullptr) return -day_against_time(*day_b, time_a->ms, zone);
  if (is_number(a) && is_number(b) && a.index() != b.index()) {
    return plain_order(double_of(a), double_of(b));
  }
  CHECK(a.index() == b.index());
  return naive_less(a, b) ? -1 : naive_less(b, a) ? 1 : 0;
}

bool naive_less(const NaiveValue& a, const NaiveValue& b) {
  if (a.index() != b.index()) return a.index() < b.index();
  struct Visitor {
    const NaiveValue& other;
    int operator()(Missing) const { return 0; }
    int operator()(bool x) const { return plain_order(x, std::get<bool>(other)); }
    int operator()(const Rational& x) const { return plain_order(x, std::get<Rational>(other)); }
    int operator()(double x) const { return plain_order(x, std::get<double>(other)); }
    int operator()(const std::string& x) const {
      return plain_order(x, std::get<std::string>(other));
    }
    int operator()(Instant x) const { return sign(x <=> std::get<Instant>(other)); }
    int operator()(Date x) const { return sign(x <=> std::get<Date>(other)); }
    int operator()(GeoPoint x) const {
      const GeoPoint y = std::get<GeoPoint>(other);
      const int latitude = plain_order(x.latitude, y.latitude);
      return latitude != 0 ? latitude : plain_order(x.longitude, y.longitude);
    }
  };
  return std::visit(Visitor{b}, a) < 0;
}

std::string to_display(const NaiveValue& value) {
  struct Visitor {
    std::string operator()(Missing) const { return "missing"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(const Rational& number) const { return number.str(); }
    std::string operator()(double number) const { return std::to_string(number); }
    std::string operator()(const std::string& text) const { return "\"" + text + "\""; }
    std::string operator()(Instant time) const { return to_rfc3339(time.ms); }
    std::string operator()(Date day) const { return to_string(day); }
    std::string operator()(GeoPoint point) const {
      return std::to_string(point.latitude) + "," + std::to_string(point.longitude);
    }
  };
  return std::visit(Visitor(), value);
}

}  // namespace muster::testing
