#include "index/image/numbers.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace muster::index {
namespace {

constexpr std::uint8_t kNone = 0, kAll = 1, kWords = 2;

std::uint64_t distance(std::int64_t number, std::int64_t least) {
  return static_cast<std::uint64_t>(number) - static_cast<std::uint64_t>(least);
}

// `width` is known where this is compiled: a loop of plain moves.
template <std::size_t width>
void unpack(const char* from, std::int64_t least, std::span<std::int64_t> numbers) {
  constexpr std::uint64_t kMask = ~std::uint64_t{0} >> (64 - 8 * width);
  // All but the last few as whole words, of which the lower bytes count.
  const std::size_t words = numbers.size() < 8 ? 0 : numbers.size() - 8;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t packed = 0;
    std::memcpy(&packed, from + i * width, sizeof packed);
    numbers[i] =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + (packed & kMask));
  }
  for (std::size_t i = words; i < numbers.size(); ++i) {
    std::uint64_t packed = 0;
    std::memcpy(&packed, from + i * width, width);
    numbers[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + packed);
  }
}

void unpack(const char* from, std::size_t width, std::int64_t least,
            std::span<std::int64_t> numbers) {
  switch (width) {
    case 0: std::fill(numbers.begin(), numbers.end(), least); break;
    case 1: unpack<1>(from, least, numbers); break;
    case 2: unpack<2>(from, least, numbers); break;
    case 3: unpack<3>(from, least, numbers); break;
    case 4: unpack<4>(from, least, numbers); break;
    case 5: unpack<5>(from, least, numbers); break;
    case 6: unpack<6>(from, least, numbers); break;
    case 7: unpack<7>(from, least, numbers); break;
    default: unpack<8>(from, least, numbers); break;
  }
}

// The last word has bits past `size` as 0.
bool fits(std::span<const std::uint64_t> words, std::size_t size) {
  return size % 64 == 0 || words.back() >> (size % 64) == 0;
}

}  // namespace

void write_numbers(ByteWriter& out, std::span<const std::int64_t> numbers) {
  std::string packed;
  for (std::size_t first = 0; first < numbers.size(); first += kNumbersPerChunk) {
    const auto chunk = numbers.subspan(first, std::min(kNumbersPerChunk, numbers.size() - first));
    const auto [least, greatest] = std::minmax_element(chunk.begin(), chunk.end());
    const std::size_t width = (std::bit_width(distance(*greatest, *least)) + 7U) / 8U;
    packed.resize(chunk.size() * width);
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      const std::uint64_t value = distance(chunk[i], *least);
      std::memcpy(packed.data() + i * width, &value, width);
    }
    out.u8(static_cast<std::uint8_t>(width));
    out.i64(*least);
    out.text(packed);
  }
}

void read_numbers(ByteReader& in, std::span<std::int64_t> numbers) {
  for (std::size_t first = 0; first < numbers.size(); first += kNumbersPerChunk) {
    const auto chunk = numbers.subspan(first, std::min(kNumbersPerChunk, numbers.size() - first));
    const std::size_t width = in.u8();
    const std::int64_t least = in.i64();
    const std::string_view packed = in.text();
    if (in.failed() || width > 8 || packed.size() != chunk.size() * width) {
      in.fail();
      return;
    }
    unpack(packed.data(), width, least, chunk);
  }
}

void write_bits(ByteWriter& out, std::span<const std::uint64_t> bits, std::size_t size) {
  std::size_t set = 0;
  for (const std::uint64_t word : bits) set += static_cast<std::size_t>(std::popcount(word));
  const std::uint8_t kind = set == 0 ? kNone : set == size ? kAll : kWords;
  out.u8(kind);
  if (kind != kWords) return;
  out.text({reinterpret_cast<const char*>(bits.data()), bits.size_bytes()});
}

std::vector<std::uint64_t> read_bits(ByteReader& in, std::size_t size) {
  const std::uint8_t kind = in.u8();
  std::vector<std::uint64_t> words((size + 63) / 64, kind == kAll ? ~std::uint64_t{0} : 0);
  if (kind == kAll && size % 64 != 0) words.back() = (std::uint64_t{1} << (size % 64)) - 1;
  if (kind == kWords) {
    const std::string_view bytes = in.text();
    if (bytes.size() == words.size() * sizeof words[0] && !words.empty()) {
      std::memcpy(words.data(), bytes.data(), bytes.size());
      if (fits(words, size)) return words;
    }
    in.fail();
  }
  if (kind > kWords) in.fail();
  return in.failed() ? std::vector<std::uint64_t>() : words;
}

}  // namespace muster::index
