// Exact numbers: fractions of 128-bit integers, as sums, averages and ratios need them.
//
// Nothing is rounded: an operation whose result does not fit says so. Comparing never overflows.
// Thread safety: immutable.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/value.h"

namespace muster::query {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

// numerator / denominator.  Requires denominator > 0; not always in lowest terms.
struct Rational {
  Int128 numerator = 0;
  Int128 denominator = 1;
};

inline Rational rational_of(std::int64_t whole) { return {whole, 1}; }
Rational rational_of(Decimal number);

// By value, exactly.  Cost: one 256-bit cross-multiplication, or less.
std::strong_ordering compare(const Rational& a, const Rational& b);

// Nothing when the result leaves 128 bits in lowest terms.
std::optional<Rational> add(const Rational& a, const Rational& b);
std::optional<Rational> subtract(const Rational& a, const Rational& b);
std::optional<Rational> multiply(const Rational& a, const Rational& b);
// Requires b != 0.
std::optional<Rational> divide(const Rational& a, const Rational& b);
std::optional<Rational> negate(const Rational& a);

double to_double(const Rational& a);
// Decimal digits; a fraction that does not end is cut after six and ends in "...".
std::string to_text(const Rational& a);

// 10^exponent.  Requires exponent <= 38.
Int128 wide_power_of_ten(unsigned exponent);

// Floor of number * 10^scale, and whether nothing was cut; far out numbers become +-kWideMax.
struct ScaledFloor {
  Int128 floor = 0;
  bool exact = false;
};
inline constexpr Int128 kWideMax = (Int128{1} << 126);
ScaledFloor floor_at_scale(const Rational& number, unsigned scale);

// The number a double literal was written as (1e-1 is 0.1) when that has few digits, else the
// double's exact value; nothing when it leaves 128 bits.
std::optional<Rational> rational_of_literal(double literal);

}  // namespace muster::query
