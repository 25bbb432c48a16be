// Every scalar as an int64 that orders like it: what columns store and ranges compare.
//
//   bool 0/1 · int64 itself · decimal mantissa at the field's scale · double by its bits, negative
//   ones mirrored · timestamp milliseconds · date days · string, geo, json: a dictionary code
//   (equal only, no order)
// Thread safety: any thread.
#pragma once

#include <bit>
#include <cstdint>

namespace muster::index {

// Requires a number that is not NaN. -0.0 and 0.0 have one key.
constexpr std::int64_t key_of_double(double value) {
  const std::int64_t bits = std::bit_cast<std::int64_t>(value + 0.0);
  return bits < 0 ? static_cast<std::int64_t>(~static_cast<std::uint64_t>(bits) |
                                              0x8000000000000000ULL)
                  : bits;
}

constexpr double double_of_key(std::int64_t key) {
  const std::uint64_t bits = static_cast<std::uint64_t>(key);
  return std::bit_cast<double>(key < 0 ? ~bits | 0x8000000000000000ULL : bits);
}

}  // namespace muster::index
