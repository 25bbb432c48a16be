#include "query/plan/number.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace muster::query {
namespace {

UInt128 magnitude(Int128 x) {
  return x < 0 ? UInt128{0} - static_cast<UInt128>(x) : static_cast<UInt128>(x);
}

UInt128 greatest_common_divisor(UInt128 a, UInt128 b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

Rational lowest_terms(const Rational& a) {
  const UInt128 divisor =
      greatest_common_divisor(magnitude(a.numerator), magnitude(a.denominator));
  if (divisor <= 1) return a;
  const Int128 by = static_cast<Int128>(divisor);
  return {a.numerator / by, a.denominator / by};
}

// A product of 128-bit numbers: high and low halves of 256 bits.
struct WideProduct {
  UInt128 high = 0, low = 0;
  auto operator<=>(const WideProduct& other) const {
    return high != other.high ? high <=> other.high : low <=> other.low;
  }
};

WideProduct wide_product(UInt128 a, UInt128 b) {
  constexpr UInt128 kLow = ~std::uint64_t{0};
  const UInt128 a0 = a & kLow, a1 = a >> 64, b0 = b & kLow, b1 = b >> 64;
  const UInt128 low = a0 * b0;
  const UInt128 cross = a1 * b0 + (low >> 64);
  const UInt128 middle = a0 * b1 + (cross & kLow);
  return {.high = a1 * b1 + (cross >> 64) + (middle >> 64), .low = (middle << 64) | (low & kLow)};
}

std::optional<Rational> add_as_is(const Rational& a, const Rational& b) {
  if (a.denominator == b.denominator) {
    Int128 sum = 0;
    if (__builtin_add_overflow(a.numerator, b.numerator, &sum)) return std::nullopt;
    return Rational{sum, a.denominator};
  }
  Int128 left = 0, right = 0, sum = 0, denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
      __builtin_mul_overflow(b.numerator, a.denominator, &right) ||
      __builtin_add_overflow(left, right, &sum) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator)) {
    return std::nullopt;
  }
  return Rational{sum, denominator};
}

std::optional<Rational> multiply_as_is(const Rational& a, const Rational& b) {
  Int128 numerator = 0, denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.numerator, &numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator)) {
    return std::nullopt;
  }
  return Rational{numerator, denominator};
}

std::string digits_of(UInt128 x) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(x % 10)));
    x /= 10;
  } while (x != 0);
  return text;
}

// A double is mantissa * 2^exponent; nothing when either side leaves 127 bits.
std::optional<Rational> exact_rational(double number) {
  int exponent = 0;
  const double fraction = std::frexp(number, &exponent);
  Int128 mantissa = static_cast<std::int64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  while (mantissa != 0 && mantissa % 2 == 0 && exponent < 0) {
    mantissa /= 2;
    ++exponent;
  }
  if (exponent > 70 || exponent < -120) return std::nullopt;
  if (exponent >= 0) return Rational{mantissa << exponent, 1};
  return Rational{mantissa, Int128{1} << -exponent};
}

}  // namespace

Rational rational_of(Decimal number) { return {number.mantissa, power_of_ten(number.scale)}; }

std::strong_ordering compare(const Rational& a, const Rational& b) {
  if (a.denominator == b.denominator) return a.numerator <=> b.numerator;
  if ((a.numerator < 0) != (b.numerator < 0)) return a.numerator <=> b.numerator;
  const WideProduct left = wide_product(magnitude(a.numerator), magnitude(b.denominator));
  const WideProduct right = wide_product(magnitude(b.numerator), magnitude(a.denominator));
  return a.numerator < 0 ? right <=> left : left <=> right;
}

std::optional<Rational> add(const Rational& a, const Rational& b) {
  const auto sum = add_as_is(a, b);
  return sum ? sum : add_as_is(lowest_terms(a), lowest_terms(b));
}

std::optional<Rational> subtract(const Rational& a, const Rational& b) {
  const auto minus = negate(b);
  return minus ? add(a, *minus) : std::nullopt;
}

std::optional<Rational> multiply(const Rational& a, const Rational& b) {
  if (const auto product = multiply_as_is(a, b)) return product;
  // What cancels crosswise cancels in the product.
  const Rational crossed = lowest_terms({a.numerator, b.denominator});
  const Rational other = lowest_terms({b.numerator, a.denominator});
  return multiply_as_is(crossed, other);
}

std::optional<Rational> divide(const Rational& a, const Rational& b) {
  CHECK(b.numerator != 0);
  if (b.numerator < 0) {
    const auto above = negate(a);
    const auto below = negate(b);
    if (!above || !below) return std::nullopt;
    return multiply(*above, {below->denominator, below->numerator});
  }
  return multiply(a, {b.denominator, b.numerator});
}

std::optional<Rational> negate(const Rational& a) {
  Int128 numerator = 0;
  if (__builtin_sub_overflow(Int128{0}, a.numerator, &numerator)) return std::nullopt;
  return Rational{numerator, a.denominator};
}

double to_double(const Rational& a) {
  // Whole numbers and decimals of up to 18 digits: one correctly rounded division.
  return static_cast<double>(a.numerator) / static_cast<double>(a.denominator);
}

std::string to_text(const Rational& a) {
  const Rational lowest = lowest_terms(a);
  const UInt128 denominator = magnitude(lowest.denominator);
  UInt128 rest = magnitude(lowest.numerator) % denominator;
  std::string text = lowest.numerator < 0 ? "-" : "";
  text += digits_of(magnitude(lowest.numerator) / denominator);
  if (rest == 0) return text;
  text += '.';
  for (int digit = 0; digit < 6 && rest != 0; ++digit) {
    rest *= 10;
    text += static_cast<char>('0' + static_cast<int>(rest / denominator));
    rest %= denominator;
  }
  return rest == 0 ? text : text + "...";
}

Int128 wide_power_of_ten(unsigned exponent) {
  CHECK(exponent <= 38);
  Int128 power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

ScaledFloor floor_at_scale(const Rational& number, unsigned scale) {
  const auto scaled = multiply(number, {wide_power_of_ten(scale), 1});
  if (!scaled) return {.floor = number.numerator < 0 ? -kWideMax : kWideMax, .exact = false};
  Int128 quotient = scaled->numerator / scaled->denominator;
  const Int128 rest = scaled->numerator % scaled->denominator;
  if (rest < 0) --quotient;
  if (quotient > kWideMax) return {.floor = kWideMax, .exact = false};
  if (quotient < -kWideMax) return {.floor = -kWideMax, .exact = false};
  return {.floor = quotient, .exact = rest == 0};
}

std::optional<Rational> rational_of_literal(double literal) {
  const std::string text = fmt::format("{:.6f}", literal);
  // Six decimals that read back as the same double are what the person wrote.
  if (std::fabs(literal) < 1e12 && std::strtod(text.c_str(), nullptr) == literal) {
    if (const auto decimal = parse_decimal(text)) return rational_of(*decimal);
  }
  return exact_rational(literal);
}

}  // namespace muster::query
