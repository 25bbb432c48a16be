// Some of the people of one block, as a view: nobody, everybody, an array, runs, or bits.
//
// What every set of the index yields for a block and what evaluation works on; it owns nothing and
// always knows its cardinality.
// Source of the kinds: Lemire et al., "Roaring Bitmaps: Implementation of an Optimized Software
// Library", 2018; the limits between them are ours (kArrayMembersMax, kMeanRunMin).
// Thread safety: immutable; valid as long as what keeps the bytes: a Generation, or scratch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "index/kernels/kernels.h"

namespace muster::index {

inline constexpr std::uint32_t kBlockSize = 65'536;  // Ordinals of a block.
// More members than this are better kept as bits: probing a longer array costs more than the bytes
// it saves (up to 2.8x; design page "engine"). Value bitmaps do so as far as memory allows.
inline constexpr std::uint32_t kArrayMembersMax = 2'048;
// No array anywhere is longer: bits take less.
inline constexpr std::uint32_t kLongArrayMax = 4'095;
// Runs only where they are long: shorter ones cost more to read than bits.
inline constexpr std::uint32_t kMeanRunMin = 8;

enum class SetKind : std::uint8_t { Empty, Full, Array, Runs, Bits };

// Members first to last, both belong.
struct MemberRun {
  std::uint16_t first = 0, last = 0;
  std::uint32_t size() const { return std::uint32_t{last} - first + 1; }
};

struct BlockSet {
  SetKind kind = SetKind::Empty;
  std::uint32_t count = 0;  // Members.
  std::uint32_t runs_count = 0;
  const void* data = nullptr;

  static BlockSet everybody() { return {.kind = SetKind::Full, .count = kBlockSize}; }
  // Requires members strictly increasing.
  static BlockSet of_array(std::span<const std::uint16_t> members) {
    if (members.empty()) return {};
    return {.kind = SetKind::Array, .count = static_cast<std::uint32_t>(members.size()),
            .data = members.data()};
  }
  // Requires runs ascending, not touching; `count` members in all.
  static BlockSet of_runs(std::span<const MemberRun> runs, std::uint32_t count) {
    return {.kind = SetKind::Runs, .count = count,
            .runs_count = static_cast<std::uint32_t>(runs.size()), .data = runs.data()};
  }
  // Requires `count` bits set.
  static BlockSet of_words(const std::uint64_t* words, std::uint32_t count) {
    if (count == 0) return {};
    if (count == kBlockSize) return everybody();
    return {.kind = SetKind::Bits, .count = count, .data = words};
  }

  bool empty() const { return kind == SetKind::Empty; }
  bool full() const { return kind == SetKind::Full; }
  // Each requires its kind.
  std::span<const std::uint16_t> members() const {
    return {static_cast<const std::uint16_t*>(data), count};
  }
  std::span<const MemberRun> runs() const {
    return {static_cast<const MemberRun*>(data), runs_count};
  }
  const std::uint64_t* words() const { return static_cast<const std::uint64_t*>(data); }
  Block block() const { return Block(words(), kBlockWords); }

  bool contains(std::uint16_t member) const;
  // Bytes that hold the members.
  std::size_t bytes() const;
};

// Sets the bits of the set in `words`, leaving the others as they are.
void or_into(const BlockSet& set, MutableBlock words);

// Sets or clears bits [first, last] of the words.
void set_range(MutableBlock words, std::uint32_t first, std::uint32_t last);
void clear_range(MutableBlock words, std::uint32_t first, std::uint32_t last);
// Bits set in [first, last].
std::uint32_t count_range(Block words, std::uint32_t first, std::uint32_t last);

}  // namespace muster::index
