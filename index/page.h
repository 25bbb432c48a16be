// One value per slot of 1,024 ordinals, or none: integers in the narrowest of 0, 8, 16, 32 or 64
// bits above their minimum, in units of their greatest common divisor (frame of reference).
//
// One piece of memory: the header, the values of the slots that have one, and, unless all have, a
// bit per slot. The least and greatest value settle most questions without a look at the rest.
// Values of 17 to 48 bits are split: their upper 16 bits stand together, then the lower ones in 16
// or 32 bits. A range reads the upper parts and looks at the lower only of values that begin as an
// end of the range does: for wide columns a third or a half of the bytes.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/ref.h"
#include "index/kernels/kernels.h"

namespace muster::index {

inline constexpr std::uint32_t kPageSize = 1'024;  // Ordinals of a page.
inline constexpr std::uint32_t kPageWords = kPageSize / 64;
using PageBits = std::span<std::uint64_t, kPageWords>;

// The values behind it begin on a cache line.
class alignas(64) Page : public RefCounted {
 public:
  // values[i] counts where bit i of `present` is set.  Requires one at least.
  static Ref<const Page> make(std::span<const std::int64_t, kPageSize> values,
                              std::span<const std::uint64_t, kPageWords> present);
  static void destroy(const Page* page);

  std::uint32_t count() const { return count_; }  // Values present, at least 1.
  std::int64_t min() const { return min_; }
  std::int64_t max() const { return max_; }
  std::span<const std::uint64_t, kPageWords> present() const;
  bool has(std::uint32_t i) const { return (present()[i / 64] >> (i % 64)) & 1; }
  // Requires has(i).
  std::int64_t at(std::uint32_t i) const;
  // The value of every slot; those not present are 0.
  void read(std::span<std::int64_t, kPageSize> out) const;

  // values[i] = the value of slot slots[i] % kPageSize where it has one, as present[i] then says;
  // one that has none yields anything.
  // Requires no more than kPageSize slots.  Cost: a line of memory per slot, read side by side.
  void gather(std::span<const std::uint16_t> slots, std::int64_t* values, bool* present) const;

  // Writes to out which slots have a value in [low, high]; none when low > high.
  // Cost: a pass over the narrow values, unless min() and max() settle it.
  void select_range(std::int64_t low, std::int64_t high, PageBits out) const;
  // Writes to out which slots have a value whose bit is set in the table; values below 0 or past
  // its end are not in it.
  void select_codes(std::span<const std::uint64_t> table, PageBits out) const;

  std::size_t bytes() const;       // Of the pool.
  std::size_t scan_bytes() const;  // That a pass reads.
  // Asks the processor for the page ahead of its use.
  void prefetch() const;

 private:
  Page() = default;
  struct Sparse {
    std::array<std::uint64_t, kPageWords> present;
    std::array<std::uint16_t, kPageWords> rank;  // Values before each word.
  };
  bool is_full() const { return count_ == kPageSize; }
  const std::byte* values() const { return reinterpret_cast<const std::byte*>(this + 1); }
  const Sparse& sparse() const;
  bool is_split() const { return shift_ != 0; }
  std::uint64_t packed_at(std::uint32_t place) const;
  // The whole values, or the upper parts of split ones; the lower parts.
  PackedView upper() const {
    return {.values = values(), .size = count_, .width = is_split() ? std::uint8_t{2} : width_};
  }
  PackedView lower() const;
  void select_packed(std::uint64_t from, std::uint64_t to, PageBits dense) const;
  void drop_at_end(std::uint64_t end, std::uint64_t low, std::uint64_t high, PageBits dense) const;
  // Spreads a mask over the values to the slots that have one.
  void spread(std::span<const std::uint64_t, kPageWords> dense, PageBits out) const;
  std::int64_t value_of(std::uint64_t packed) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(min_) + packed * unit_);
  }

  std::uint8_t width_ = 0;  // Bytes per value: 0, 1, 2, 8; split ones 4 or 6.
  std::uint8_t shift_ = 0;  // Bits of the lower parts of split values; 0: not split.
  std::uint16_t count_ = 0;
  std::int64_t min_ = 0, max_ = 0;
  std::uint64_t unit_ = 1;
};
static_assert(sizeof(Page) == 64);
using PagePtr = Ref<const Page>;

}  // namespace muster::index
