// The kernel of sequences with a key: which rows have a pair of a person and a key that a table of
// hashed bits knows.
//
// Of its own and not one of Kernels, because nothing else knows what an event's row is.
// Thread safety: any thread.
#pragma once

#include "index/kernels/kernels.h"

namespace muster::index {

// Where a pair stands in a table of 2^(32 - shift) bits. Both halves of a key count: of floating
// numbers often only the upper one differs.  Requires shift < 32.
// Source: multiplicative hashing, Knuth, TAOCP 3, 6.4.
inline std::uint32_t pair_bit(std::uint16_t person, std::int64_t key, unsigned shift) {
  constexpr std::uint32_t kOfKey = 0xc2b2'ae3d, kOfPair = 0x9e37'79b1;
  const auto bits = static_cast<std::uint64_t>(key);
  const auto folded = static_cast<std::uint32_t>(bits ^ (bits >> 32));
  return ((folded * kOfKey + person) * kOfPair) >> shift;
}

// Of 64 rows, those whose pair's bit is set.
// Cost: about 2 cycles a row where the table is in the second cache.
using PairsKernel = std::uint64_t (*)(const std::uint16_t* people, const std::int64_t* keys,
                                      const std::uint64_t* table, unsigned shift);

// That of the set, which this processor runs.
PairsKernel pairs_kernel(const Kernels& set);

}  // namespace muster::index
