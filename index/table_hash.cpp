#include "index/table_hash.h"

#include <cstring>

namespace muster::index {
namespace {

// Constants of wyhash: as many ones as zeros, and odd.
constexpr std::uint64_t kSecret0 = 0xa0761d6478bd642fULL;
constexpr std::uint64_t kSecret1 = 0xe7037ed1a0b428dbULL;

template <typename Word>
std::uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Both halves of the 128-bit product in one word.
std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint64_t table_hash(std::string_view bytes, std::uint64_t seed) {
  const char* from = bytes.data();
  const std::size_t size = bytes.size();
  std::uint64_t first = 0, last = 0;
  seed ^= kSecret0;
  if (size > 16) {
    std::size_t left = size;
    for (; left > 16; left -= 16, from += 16) {
      seed = folded_product(load<std::uint64_t>(from) ^ kSecret1,
                            load<std::uint64_t>(from + 8) ^ seed);
    }
    first = load<std::uint64_t>(from + left - 16);
    last = load<std::uint64_t>(from + left - 8);
  } else if (size >= 8) {
    first = load<std::uint64_t>(from);
    last = load<std::uint64_t>(from + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(from);
    last = load<std::uint32_t>(from + size - 4);
  } else if (size > 0) {
    const auto byte = [from](std::size_t at) { return load<std::uint8_t>(from + at); };
    first = byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
  }
  return folded_product(kSecret1 ^ size, folded_product(first ^ kSecret1, last ^ seed));
}

}  // namespace muster::index
