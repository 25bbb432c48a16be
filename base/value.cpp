#include "base/value.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster {
namespace {

__extension__ using Wide = __int128;

// Decimals keep to 18 digits so that widening by a few digits is checked, not hoped for; whole
// numbers use all of int64, because ids of 19 digits are common.
constexpr std::size_t kDecimalDigitsMax = 18;

struct TypeName {
  Type type;
  std::string_view name;
};

constexpr std::array<TypeName, 9> kTypeNames{{{Type::Bool, "bool"},
                                              {Type::Int, "int64"},
                                              {Type::Decimal, "decimal"},
                                              {Type::Double, "double"},
                                              {Type::String, "string"},
                                              {Type::Timestamp, "timestamp"},
                                              {Type::Date, "date"},
                                              {Type::Geo, "geo"},
                                              {Type::Json, "json"}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error not_a_number(std::string_view text) {
  return {ErrorCode::InvalidArgument,
          fmt::format("'{}' is not a number of the form [-]digits[.digits]", text.substr(0, 64))};
}

Error does_not_fit(std::string_view text) {
  return {ErrorCode::InvalidArgument,
          fmt::format("number '{}' does not fit: whole numbers are 64 bit, decimals have at most "
                      "{} digits, {} of them after the point",
                      text.substr(0, 64), kDecimalDigitsMax, kScaleMax)};
}

// The digits of a number without its point, and how many of them stand after it.
struct Digits {
  std::string_view whole, fraction;
};

std::optional<Digits> split_digits(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at]))
    ++at;
  Digits digits{text.substr(0, at), {}};
  if (digits.whole.empty()) return std::nullopt;
  if (at == text.size()) return digits;
  if (text[at] != '.') return std::nullopt;
  digits.fraction = text.substr(at + 1);
  if (digits.fraction.empty()) return std::nullopt;
  for (const char c : digits.fraction) {
    if (!is_digit(c)) return std::nullopt;
  }
  return digits;
}

}  // namespace

std::strong_ordering compare(Decimal a, Decimal b) {
  Wide left = a.mantissa;
  Wide right = b.mantissa;
  if (a.scale < b.scale) left *= power_of_ten(static_cast<unsigned>(b.scale - a.scale));
  if (b.scale < a.scale) right *= power_of_ten(static_cast<unsigned>(a.scale - b.scale));
  if (left < right) return std::strong_ordering::less;
  return left == right ? std::strong_ordering::equal : std::strong_ordering::greater;
}

std::int64_t power_of_ten(unsigned exponent) {
  CHECK(exponent <= 18);
  std::int64_t power = 1;
  for (unsigned i = 0; i < exponent; ++i)
    power *= 10;
  return power;
}

std::optional<std::int64_t> mantissa_at(Decimal number, std::uint8_t scale) {
  if (scale == number.scale) return number.mantissa;
  if (scale < number.scale) {
    const std::int64_t divisor = power_of_ten(static_cast<unsigned>(number.scale - scale));
    if (number.mantissa % divisor != 0) return std::nullopt;
    return number.mantissa / divisor;
  }
  std::int64_t mantissa = 0;
  const std::int64_t factor = power_of_ten(static_cast<unsigned>(scale - number.scale));
  if (__builtin_mul_overflow(number.mantissa, factor, &mantissa)) return std::nullopt;
  return mantissa;
}

Result<Decimal> parse_decimal(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  const auto digits = split_digits(negative ? text.substr(1) : text);
  if (!digits) return not_a_number(text);
  if (digits->fraction.size() > kScaleMax) return does_not_fit(text);

  std::int64_t mantissa = 0;
  std::size_t significant = 0;
  for (const std::string_view part : {digits->whole, digits->fraction}) {
    for (const char c : part) {
      const std::int64_t digit = negative ? '0' - c : c - '0';
      if (significant > 0 || digit != 0) ++significant;
      if (__builtin_mul_overflow(mantissa, std::int64_t{10}, &mantissa) ||
          __builtin_add_overflow(mantissa, digit, &mantissa)) {
        return does_not_fit(text);
      }
    }
  }
  if (!digits->fraction.empty() && significant > kDecimalDigitsMax) return does_not_fit(text);
  return Decimal{mantissa, static_cast<std::uint8_t>(digits->fraction.size())};
}

std::string to_string(Decimal number) {
  const bool negative = number.mantissa < 0;
  const auto bits = static_cast<std::uint64_t>(number.mantissa);
  std::string digits = fmt::format("{}", negative ? 0 - bits : bits);
  if (number.scale > 0) {
    if (digits.size() <= number.scale) digits.insert(0, number.scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - number.scale, 1, '.');
  }
  return negative ? "-" + digits : digits;
}

std::string_view name_of(Type type) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  CHECK(!"every type has a name");
}

std::optional<Type> type_named(std::string_view name) {
  for (const TypeName& entry : kTypeNames) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

std::string to_display(const Value& value) {
  struct Visitor {
    std::string operator()(Missing) const { return "missing"; }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(Decimal number) const { return to_string(number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const {
      JsonWriter json;
      json.text(text);
      return json.take();
    }
    std::string operator()(Instant time) const { return to_rfc3339(time.ms); }
    std::string operator()(Date day) const { return to_string(day); }
    std::string operator()(GeoPoint point) const {
      return fmt::format("({}, {})", point.latitude, point.longitude);
    }
  };
  return std::visit(Visitor{}, value);
}

}  // namespace muster
