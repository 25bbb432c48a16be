#include "base/siphash.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace muster {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t end() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

std::uint64_t word_at(const char* bytes, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);  // Little-endian hosts only: CMake checks.
  return word;
}

}  // namespace

Hash128 siphash128(std::string_view key, std::string_view bytes) {
  CHECK(key.size() == kSipKeyBytes);
  const std::uint64_t k0 = word_at(key.data(), 8), k1 = word_at(key.data() + 8, 8);
  State state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
              k1 ^ 0x7465646279746573};
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8) state.take(word_at(bytes.data() + at, 8));
  const std::uint64_t rest = word_at(bytes.data() + whole, bytes.size() - whole);
  state.take(rest | std::uint64_t{bytes.size() & 0xff} << 56);
  Hash128 hash;
  state.v2 ^= 0xee;
  hash.low = state.end();
  state.v1 ^= 0xdd;
  hash.high = state.end();
  return hash;
}

}  // namespace muster
