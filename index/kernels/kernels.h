// The few loops where the time goes, once per instruction set.
//
// Callers write kernels().and_count(a, b). Nothing outside this folder names an instruction set.
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace muster::index {

inline constexpr std::size_t kBlockWords = 1024;  // 65,536 bits: one bit per ordinal of a block.
using Block = std::span<const std::uint64_t, kBlockWords>;
using MutableBlock = std::span<std::uint64_t, kBlockWords>;

// Counters of a block, one bit of each in a plane of kBlockWords words: plane j, the bits of weight
// 2^j, begins at words + j * kBlockWords.
struct BitPlanes {
  const std::uint64_t* words = nullptr;
  std::size_t planes = 0;
};
inline constexpr std::size_t kPlanesMax = 16;  // Of a sum: counts up to 65,535.

// Which counters pass: low <= counter <= high.
struct CounterRange {
  std::uint8_t low = 0, high = 255;
};

struct Kernels {
  std::string_view name;  // "scalar", "avx2", "avx512": shown by /version and in bench results.

  // How many bits are set.
  std::uint32_t (*count)(Block a);
  // How many bits are set in both.  Cost: one pass over 8 KiB + 8 KiB, no writes.
  std::uint32_t (*and_count)(Block a, Block b);
  // Bits set in a and not in b.
  std::uint32_t (*andnot_count)(Block a, Block b);

  // out = a AND b; returns how many bits are set in out.  out may be a or b.
  std::uint32_t (*and_write)(Block a, Block b, MutableBlock out);
  std::uint32_t (*or_write)(Block a, Block b, MutableBlock out);
  std::uint32_t (*andnot_write)(Block a, Block b, MutableBlock out);  // a AND NOT b

  // --- Counters -----------------------------------------------------------------------------
  // The sums of the addends, person by person, as `planes` planes written to `sum`.
  // Requires planes <= kPlanesMax, enough for every sum.
  // Cost: a pass over the addends; a carry rarely goes far.
  void (*add_planes)(std::span<const BitPlanes> addends, std::uint64_t* sum, std::size_t planes);
  // Bit i of out says whether counters[i] plus what the planes hold of i lies in the range; a sum
  // above 255 counts as 255.  Shape: 65,536 counters.
  void (*counts_within)(const std::uint8_t* counters, BitPlanes planes, CounterRange range,
                        MutableBlock out);
};

// The fastest set this processor runs, chosen at first use. MUSTER_KERNELS=scalar forces one by
// name; an unknown name is as good as none.
const Kernels& kernels();

// Every set this processor runs, scalar first: for the agreement test and the benchmarks.
std::span<const Kernels* const> supported_kernels();

}  // namespace muster::index
