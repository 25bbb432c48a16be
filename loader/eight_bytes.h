// Eight bytes of text looked at in one word. Source: Warren, "Hacker's Delight", section 6-1.
//
// Thread safety: any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace muster::loader {

static_assert(std::endian::native == std::endian::little);  // The first byte is the lowest.

inline constexpr std::uint64_t kLowBits = 0x0101010101010101ULL;
inline constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;

// Requires eight readable bytes.
inline std::uint64_t eight_bytes(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The high bit of each byte below `limit`. Exact for the first such byte; later ones may be wrong.
// Requires limit <= 0x80.
constexpr std::uint64_t first_below(std::uint64_t word, std::uint8_t limit) {
  return (word - kLowBits * limit) & ~word & kHighBits;
}
constexpr std::uint64_t first_equal(std::uint64_t word, char c) {
  return first_below(word ^ (kLowBits * static_cast<std::uint8_t>(c)), 1);
}

// The high bit of every byte that is `c`; exact for all.
constexpr std::uint64_t all_equal(std::uint64_t word, char c) {
  const std::uint64_t other = word ^ (kLowBits * static_cast<std::uint8_t>(c));
  return ~(((other & ~kHighBits) + ~kHighBits) | other | ~kHighBits);
}

// Which byte the lowest bit set stands for.  Requires bits != 0.
constexpr int first_byte(std::uint64_t bits) {
  return std::countr_zero(bits) / 8;
}

}  // namespace muster::loader
