// One scalar value as the schema, the language and the answers know it.
//
// int64 and decimal are one kind, an exact number with a scale: 12 is {12, 0}, 12.50 is {1250, 2}.
// Thread safety: immutable.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"

namespace muster {

// A number that is exactly mantissa / 10^scale.
struct Decimal {
  std::int64_t mantissa = 0;
  std::uint8_t scale = 0;  // 0 to kScaleMax.
};

// Six decimals: what money and quantities need, and 10^6 leaves int64 twelve whole digits.
inline constexpr std::uint8_t kScaleMax = 6;

// Compare by number: 1.5 and 1.50 are equal.  Cost: one 128-bit multiplication.
std::strong_ordering compare(Decimal a, Decimal b);
inline bool operator==(Decimal a, Decimal b) { return compare(a, b) == 0; }

// Returns 10^exponent.  Requires exponent <= 18.
std::int64_t power_of_ten(unsigned exponent);

// The number with the given scale, when that is exact and fits.
std::optional<std::int64_t> mantissa_at(Decimal number, std::uint8_t scale);

// Reads [-]digits[.digits]: any int64 without a point, else up to 18 significant digits and
// kScaleMax decimals.
// Errors: InvalidArgument when it is not of that form or does not fit.
Result<Decimal> parse_decimal(std::string_view text);
std::string to_string(Decimal number);

// Days since 1970-01-01.
struct Date {
  std::int32_t days = 0;
  auto operator<=>(const Date&) const = default;
};

struct Instant {
  TimeMs ms = 0;
  auto operator<=>(const Instant&) const = default;
};

// Degrees; latitude in [-90, 90], longitude in [-180, 180].
struct GeoPoint {
  double latitude = 0, longitude = 0;
  bool operator==(const GeoPoint&) const = default;
};

struct Missing {
  bool operator==(const Missing&) const = default;
};

using Value =
    std::variant<Missing, bool, Decimal, double, std::string, Instant, Date, GeoPoint>;

inline bool is_missing(const Value& value) { return std::holds_alternative<Missing>(value); }

enum class Type : std::uint8_t {
  Bool = 0,
  Int = 1,
  Decimal = 2,
  Double = 3,
  String = 4,
  Timestamp = 5,
  Date = 6,
  Geo = 7,
  Json = 8,  // Kept as text, not yet askable: lists of objects, lists of lists, mixed lists.
};

// The word for a type in schemas, catalogues and messages: "bool", "int64", "decimal", ...
std::string_view name_of(Type type);
std::optional<Type> type_named(std::string_view name);

// As a person reads it in a message: "12.50", "\"gold\"", "2011-06-01".
std::string to_display(const Value& value);

}  // namespace muster
