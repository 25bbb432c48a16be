// Sets of keys: what passes a comparison, and the form in which columns are searched for it.
//
// RangeSet is exact and wide (sums may leave 64 bits); KeyTest is its 64-bit shadow over the order
// keys or codes of one column.
// Thread safety: immutable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "query/plan/number.h"

namespace muster::query {

// Both ends belong.
struct Range {
  Int128 low = 0, high = 0;
};

// Ascending ranges that do not touch.
class RangeSet {
 public:
  RangeSet() = default;  // Nothing.
  static RangeSet none() { return {}; }
  static RangeSet all() { return RangeSet({{-kWideMax, kWideMax}}); }
  static RangeSet at_most(Int128 high) { return between(-kWideMax, high); }
  static RangeSet at_least(Int128 low) { return between(low, kWideMax); }
  static RangeSet exactly(Int128 key) { return between(key, key); }
  // Nothing when low > high.
  static RangeSet between(Int128 low, Int128 high);
  // Of any ranges, in any order.
  static RangeSet of(std::vector<Range> ranges);

  RangeSet complement() const;
  RangeSet intersect(const RangeSet& other) const;

  bool contains(Int128 key) const;
  bool empty() const { return ranges_.empty(); }
  bool is_all() const {
    return ranges_.size() == 1 && ranges_[0].low <= -kWideMax && ranges_[0].high >= kWideMax;
  }
  std::span<const Range> ranges() const { return ranges_; }

 private:
  explicit RangeSet(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}
  std::vector<Range> ranges_;
};

// Both ends belong.
struct KeyRange {
  std::int64_t low = 0, high = 0;
};

// Which keys of a column pass: a few ranges, or a bit per code.
class KeyTest {
 public:
  KeyTest() = default;  // Nothing passes.
  explicit KeyTest(const RangeSet& ranges);
  // Bit i says whether code i passes.
  explicit KeyTest(std::vector<std::uint64_t> bits) : bits_(std::move(bits)), by_bits_(true) {}

  bool matches(std::int64_t key) const {
    if (by_bits_) {
      const auto word = static_cast<std::uint64_t>(key) / 64;
      return word < bits_.size() && ((bits_[word] >> (static_cast<std::uint64_t>(key) % 64)) & 1);
    }
    if (ranges_.size() == 1) return ranges_[0].low <= key && key <= ranges_[0].high;
    const auto after = std::upper_bound(
        ranges_.begin(), ranges_.end(), key,
        [](std::int64_t k, const KeyRange& range) { return k < range.low; });
    return after != ranges_.begin() && key <= std::prev(after)->high;
  }
  bool by_bits() const { return by_bits_; }
  std::span<const std::uint64_t> bits() const { return bits_; }  // When by_bits().
  std::span<const KeyRange> ranges() const { return ranges_; }  // Ascending; when !by_bits().
  bool never() const;
  // How many codes below `codes` pass, and which; stops after `limit` of them.
  std::vector<std::uint32_t> codes_passing(std::uint32_t codes, std::size_t limit) const;

 private:
  std::vector<KeyRange> ranges_;
  std::vector<std::uint64_t> bits_;
  bool by_bits_ = false;
};

}  // namespace muster::query
