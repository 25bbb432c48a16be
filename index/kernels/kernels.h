// The few loops where the time goes, once per instruction set.
//
// Callers write kernels().and_count(a, b). Nothing outside this folder names an instruction set.
// A new kernel: its contract here, a loop per set (block_loops.h and column_loops.h are shared),
// a line in the agreement test.
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

// Sets reduced in one pass: everybody in all of `take` and in none of `drop`.
inline constexpr std::size_t kFusedMax = 16;  // Of each: more streams than a core can prefetch.
struct FusedSets {
  const std::uint64_t* take[kFusedMax];  // At least one.
  const std::uint64_t* drop[kFusedMax];
  std::size_t takes = 0, drops = 0;
};

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

// Unsigned integers of 1, 2, 4 or 8 bytes each. The memory behind them is readable up to the next
// multiple of 64 values, whatever it holds.
struct PackedView {
  const std::byte* values = nullptr;
  std::uint32_t size = 0;
  std::uint8_t width = 1;
};

struct Kernels {
  std::string_view name;  // "scalar", "avx2", ...: shown by /version and in bench results.

  // --- Blocks of bits -----------------------------------------------------------------------
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
  // Many sets in one pass, each byte touched once; out null: only counted.  out may be one of them.
  std::uint32_t (*all_of)(const FusedSets& sets, std::uint64_t* out);
  // The union of sets.take; drop is not looked at.
  std::uint32_t (*any_of)(const FusedSets& sets, std::uint64_t* out);

  // --- Columns ------------------------------------------------------------------------------
  // Bit i of out says whether low <= values[i] <= high; bits past the last value are 0.
  // Shape: out holds size / 64 words, rounded up.  Requires low <= high < 2^(8 * width).
  void (*select_range)(PackedView values, std::uint64_t low, std::uint64_t high,
                       std::uint64_t* out);
  // Bit i of out says whether bit values[i] of the table is set; values past the table's end are
  // not in it.  Shape: as select_range; the table has `bits` bits.
  void (*select_codes)(PackedView values, const std::uint64_t* table, std::uint64_t bits,
                       std::uint64_t* out);
  // out[i] = base + values[i].
  void (*unpack)(PackedView values, std::int64_t base, std::int64_t* out);

  // The bits of bits[w], lowest first, go to the set positions of where[w]; the others are 0.
  void (*deposit)(const std::uint64_t* bits, const std::uint64_t* where, std::size_t words,
                  std::uint64_t* out);

  // --- Arrays: strictly increasing members of a block -----------------------------------------
  // The members that are in both; returns how many.  out may be null (only counted) or a.data();
  // it has room for a.size() and 16 more.
  std::uint32_t (*intersect_arrays)(std::span<const std::uint16_t> a,
                                    std::span<const std::uint16_t> b, std::uint16_t* out);
  // The members whose bit is set (filter_in) or not (filter_out); out as above.
  std::uint32_t (*filter_in)(std::span<const std::uint16_t> a, Block b, std::uint16_t* out);
  std::uint32_t (*filter_out)(std::span<const std::uint16_t> a, Block b, std::uint16_t* out);
  // How many of the members are in all of `take`, which may be none here, and in none of `drop`.
  // Cost: a line of memory per member and set, read side by side; nothing is written.
  std::uint32_t (*count_in)(std::span<const std::uint16_t> a, const FusedSets& sets);
  // The positions of the set bits, ascending; returns how many.  out has room for all and 16 more.
  std::uint32_t (*members_of)(Block a, std::uint16_t* out);

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
