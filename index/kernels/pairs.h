// The kernels of sequences with a key: a table of hashed bits of pairs of a person and a key, and
// which rows have a pair that it knows.
//
// Of their own and not some of Kernels, because nothing else knows what an event's row is.
// Thread safety: any thread.
#pragma once

#include "index/kernels/kernels.h"

namespace muster::index {

// Where a pair stands in a table: two bits (rarely one) of one word, so that asking is one access.
struct PairMark {
  std::uint32_t word = 0, bits = 0;
};

// In a table of 2^(32 - shift) words. Both halves of a key count: of floating numbers often only
// the upper one differs.  Requires 10 <= shift < 32.
// Sources: multiplicative hashing, Knuth, TAOCP 3, 6.4; bits in one block, Putze, Sanders, Singler,
// "Cache-, Hash- and Space-Efficient Bloom Filters", 2007.
inline PairMark pair_mark(std::uint16_t person, std::int64_t key, unsigned shift) {
  constexpr std::uint32_t kOfKey = 0xc2b2'ae3d, kOfPair = 0x9e37'79b1;
  const auto bits = static_cast<std::uint64_t>(key);
  const auto folded = static_cast<std::uint32_t>(bits ^ (bits >> 32));
  const std::uint32_t hash = (folded * kOfKey + person) * kOfPair;
  return {.word = hash >> shift,
          .bits = 1U << (hash >> (shift - 5) & 31) | 1U << (hash >> (shift - 10) & 31)};
}

struct PairsKernels {
  // Of 64 rows, those whose pair the table knows, or seems to.
  // Cost: about 2 cycles a row where the table is in the second cache.
  std::uint64_t (*known)(const std::uint16_t* people, const std::int64_t* keys,
                         const std::uint32_t* table, unsigned shift);
  // Of 64 rows, where their pairs stand.
  void (*marks)(const std::uint16_t* people, const std::int64_t* keys, unsigned shift,
                PairMark* out);
};

// Those of the set, which this processor runs.
const PairsKernels& pairs_kernels(const Kernels& set);

}  // namespace muster::index
