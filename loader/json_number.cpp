#include "loader/json_number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/value.h"

namespace muster::loader {
namespace {

using index::Cell;
using index::CellKind;

// Digits that an int64 mantissa always holds.
constexpr std::size_t kDecimalDigitsMax = 18;

constexpr std::string_view kNoNumber = "is not a number as JSON writes it";
constexpr std::string_view kTooBig = "does not fit a 64-bit integer; send it as a text";
constexpr std::string_view kTooFine =
    "has more digits than can be kept exactly (18 digits, 6 decimals); round it, write it with an "
    "exponent (1.5e0) to have the nearest double, or send it as a text";
constexpr std::string_view kOverflow = "is larger than any double";

// A number taken apart: [-]whole[.fraction][e exponent].
struct Parts {
  bool negative = false;
  bool has_exponent = false;
  std::string_view whole, fraction, exponent;  // The exponent with its sign.
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits_at(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end]))
    ++end;
  return end - from;
}

// number := [-] (0 | 1-9 digit*) [. digit+] [(e|E) [+|-] digit+]
std::optional<Parts> take_apart(std::string_view text) {
  Parts parts;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') {
    parts.negative = true;
    ++at;
  }
  const std::size_t whole = digits_at(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return std::nullopt;
  parts.whole = text.substr(at, whole);
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_at(text, at + 1);
    if (fraction == 0) return std::nullopt;
    parts.fraction = text.substr(at + 1, fraction);
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const std::size_t start = ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t digits = digits_at(text, at);
    if (digits == 0) return std::nullopt;
    at += digits;
    parts.exponent = text.substr(start, at - start);
    parts.has_exponent = true;
  }
  if (at != text.size()) return std::nullopt;
  return parts;
}

// The digits without zeros in front and at the end, and the power of ten of the first one:
// 0.00120 is "12" and -3. Zero has no digits.
struct Normal {
  std::string digits;
  std::int64_t power = 0;
};

Normal normal_of(const Parts& parts) {
  Normal normal;
  normal.digits.append(parts.whole).append(parts.fraction);
  normal.power = static_cast<std::int64_t>(parts.whole.size()) - 1;
  const std::size_t zeros = normal.digits.find_first_not_of('0');
  if (zeros == std::string::npos) return {};
  normal.digits.erase(0, zeros);
  normal.power -= static_cast<std::int64_t>(zeros);
  normal.digits.erase(normal.digits.find_last_not_of('0') + 1);
  if (parts.has_exponent) {
    // Beyond a million digits of exponent the sign is all that counts.
    std::int64_t exponent = 0;
    std::string_view text = parts.exponent;
    const bool negative = text.front() == '-';
    if (negative || text.front() == '+') text.remove_prefix(1);
    for (const char c : text) {
      if (exponent < 1'000'000'000) exponent = exponent * 10 + (c - '0');
    }
    normal.power += negative ? -exponent : exponent;
  }
  return normal;
}

ReadNumber refused(std::string_view problem) {
  return {.cell = {}, .problem = problem};
}

ReadNumber double_of(double real) {
  ReadNumber read;
  read.cell.kind = CellKind::Double;
  read.cell.real = real;
  return read;
}

// The nearest double; infinity for texts beyond the range, zero for texts under it.
double nearest_double(std::string_view text, const Parts& parts) {
  double real = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), real);
  if (code == std::errc()) return real;
  const bool large = normal_of(parts).power > 0;
  const double magnitude = large ? std::numeric_limits<double>::infinity() : 0.0;
  return parts.negative ? -magnitude : magnitude;
}

ReadNumber exponential(std::string_view text, const Parts& parts) {
  const double real = nearest_double(text, parts);
  return std::isinf(real) ? refused(kOverflow) : double_of(real);
}

// A decimal that no exact cell holds: taken when the double printed shortest is the same number.
ReadNumber long_decimal(std::string_view text, const Parts& parts) {
  const double real = nearest_double(text, parts);
  if (std::isinf(real)) return refused(kTooFine);
  std::array<char, 64> buffer{};
  const auto printed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), real,
                                     std::chars_format::scientific);
  const std::string_view shortest(buffer.data(),
                                  static_cast<std::size_t>(printed.ptr - buffer.data()));
  const std::optional<Parts> back = take_apart(shortest);
  if (!back) return refused(kTooFine);
  const Normal a = normal_of(parts);
  const Normal b = normal_of(*back);
  return a.digits == b.digits && a.power == b.power ? double_of(real) : refused(kTooFine);
}

std::int64_t mantissa_of(const Parts& parts, std::string_view fraction) {
  std::int64_t mantissa = 0;
  for (const char c : parts.whole)
    mantissa = mantissa * 10 + (c - '0');
  for (const char c : fraction)
    mantissa = mantissa * 10 + (c - '0');
  return parts.negative ? -mantissa : mantissa;
}

ReadNumber integer(std::string_view text, const Parts& parts) {
  ReadNumber read;
  read.cell.kind = CellKind::Integer;
  if (parts.whole.size() <= kDecimalDigitsMax) {
    read.cell.number = mantissa_of(parts, {});
    return read;
  }
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc()) return refused(kTooBig);
  read.cell.number = number;
  return read;
}

ReadNumber decimal(std::string_view text, const Parts& parts) {
  const std::size_t whole = parts.whole == "0" ? 0 : parts.whole.size();
  std::string_view fraction = parts.fraction;
  while (!fraction.empty() && fraction.back() == '0' &&
         (fraction.size() > kScaleMax || whole + fraction.size() > kDecimalDigitsMax)) {
    fraction.remove_suffix(1);
  }
  if (fraction.size() > kScaleMax || whole + fraction.size() > kDecimalDigitsMax) {
    return long_decimal(text, parts);
  }
  ReadNumber read;
  read.cell.kind = CellKind::Decimal;
  read.cell.scale = static_cast<std::uint8_t>(fraction.size());
  read.cell.number = mantissa_of(parts, fraction);
  return read;
}

}  // namespace

ReadNumber read_number(std::string_view text) {
  const std::optional<Parts> parts = take_apart(text);
  if (!parts) return refused(kNoNumber);
  if (parts->has_exponent) return exponential(text, *parts);
  return parts->fraction.empty() ? integer(text, *parts) : decimal(text, *parts);
}

bool is_number(std::string_view text) {
  return take_apart(text).has_value();
}

}  // namespace muster::loader
