#include "base/hash.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace muster {
namespace {

constexpr std::uint64_t kMultiplier1 = 0x87c37b91114253d5ULL;
constexpr std::uint64_t kMultiplier2 = 0x4cf5ad432745937fULL;

std::uint64_t load64(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

std::uint64_t scramble1(std::uint64_t k) {
  return std::rotl(k * kMultiplier1, 31) * kMultiplier2;
}
std::uint64_t scramble2(std::uint64_t k) {
  return std::rotl(k * kMultiplier2, 33) * kMultiplier1;
}

// The bytes from `at` on, fewer than sixteen, as two words with zeros behind them.
std::pair<std::uint64_t, std::uint64_t> padded_tail(std::string_view bytes, std::size_t at) {
  constexpr std::size_t kBoth = 16, kWord = 8;
  const std::size_t size = bytes.size() - at;
  if (size == 0) return {0, 0};
  if (bytes.size() < kBoth) {
    std::array<char, kBoth> tail{};
    bytes.copy(tail.data(), tail.size(), at);
    return {load64(tail.data()), load64(tail.data() + kWord)};
  }
  // The last sixteen bytes of all, and those that were taken before shifted out of them.
  const char* const end = bytes.data() + bytes.size();
  const std::uint64_t first = load64(end - kBoth), last = load64(end - kWord);
  const std::size_t shift = 8 * (kBoth - size);
  if (shift >= 64) return {last >> (shift - 64), 0};
  return {first >> shift | last << (64 - shift), last >> shift};
}

// The reflected Castagnoli polynomial, RFC 3720 section 12.1.
constexpr std::uint32_t kCastagnoli = 0x82f63b78;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t crc32c_table(std::string_view bytes, std::uint32_t state) {
  for (const char c : bytes) {
    state = (state >> 8) ^ kCrcTable[(state ^ static_cast<std::uint8_t>(c)) & 0xff];
  }
  return state;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc32c_sse42(std::string_view bytes, std::uint32_t state) {
  std::uint64_t wide = state;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8)
    wide = _mm_crc32_u64(wide, load64(bytes.data() + at));
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; at < bytes.size(); ++at) {
    narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(bytes[at]));
  }
  return narrow;
}
#endif

}  // namespace

Hash128 hash128(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t h1 = seed;
  std::uint64_t h2 = seed;
  std::size_t at = 0;
  for (; at + 16 <= bytes.size(); at += 16) {
    h1 ^= scramble1(load64(bytes.data() + at));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= scramble2(load64(bytes.data() + at + 8));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  // The tail padded with zeros gives what the original's fall-through switch gives: a word of
  // zeros scrambles to zero.
  const auto [low, high] = padded_tail(bytes, at);
  h2 ^= scramble2(high);
  h1 ^= scramble1(low);

  h1 ^= bytes.size();
  h2 ^= bytes.size();
  h1 += h2;
  h2 += h1;
  h1 = mix64(h1);
  h2 = mix64(h2);
  h1 += h2;
  h2 += h1;
  return {.high = h2, .low = h1};
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc32c_sse42(bytes, ~crc);
#endif
  return ~crc32c_table(bytes, ~crc);
}

}  // namespace muster
