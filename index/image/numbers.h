// Numbers and bits as bytes of a section.
//
//   numbers := for each 4,096: width: u8 (bytes a number, 0 to 8) | least: i64 | bytes: text
//   bits    := kind: u8 (0 none are set, 1 all are, 2 words follow) | words: text
//
// A number stands as its distance from the least, little-endian.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace muster::index {

inline constexpr std::size_t kNumbersPerChunk = 4'096;
inline constexpr std::size_t kChunkBytesMin = 10;  // Of a chunk, whose numbers are all the same.

void write_numbers(ByteWriter& out, std::span<const std::int64_t> numbers);
// Fills `numbers` as far as the bytes are sound; in.failed() says whether they were.
void read_numbers(ByteReader& in, std::span<std::int64_t> numbers);

// Requires no bit set at `size` or behind.
void write_bits(ByteWriter& out, std::span<const std::uint64_t> bits, std::size_t size);
// `size` bits; all others of the last word are 0.  Nothing when the bytes are not sound.
std::vector<std::uint64_t> read_bits(ByteReader& in, std::size_t size);

}  // namespace muster::index
