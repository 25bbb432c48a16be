// One value per ordinal, or none: numbers, times, dates, booleans and dictionary codes.
//
// Values are order keys (index/order_key.h): int64 that compare like what they stand for. A block
// of 65,536 ordinals is 64 pages of 1,024; each page knows its least and greatest value, so most
// are answered without a look at their bytes. with() copies only the pages it changes.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "index/packed.h"
#include "index/sets/container.h"

namespace muster::index {

inline constexpr std::uint32_t kPageSize = 1'024;     // Ordinals of a page.
inline constexpr std::uint32_t kPagesPerBlock = kBlockSize / kPageSize;
inline constexpr std::uint32_t kPageWords = kPageSize / 64;

class Page {
 public:
  // values[i] counts where bit i of `present` is set.
  Page(std::span<const std::int64_t, kPageSize> values,
       std::span<const std::uint64_t, kPageWords> present);

  std::uint32_t count() const { return count_; }  // Values present; never 0 in a column.
  std::int64_t min() const { return values_.min(); }
  std::int64_t max() const { return values_.max(); }
  std::span<const std::uint64_t, kPageWords> present() const { return present_; }
  bool has(std::uint32_t i) const { return (present_[i / 64] >> (i % 64)) & 1; }
  // Requires has(i).
  std::int64_t at(std::uint32_t i) const;
  // The value of every slot; those not present are 0.
  void read(std::span<std::int64_t, kPageSize> out) const;
  // Sets in out the bits of slots whose value is in [low, high].
  void select_range(std::int64_t low, std::int64_t high,
                    std::span<std::uint64_t, kPageWords> out) const;
  std::size_t bytes() const;

 private:
  std::array<std::uint64_t, kPageWords> present_;
  std::uint32_t count_ = 0;
  PackedInts values_;  // Of present slots only, in order.
  std::array<std::uint16_t, kPageWords> rank_;  // Present slots before each word.
};

struct ColumnBlock {
  std::array<std::shared_ptr<const Page>, kPagesPerBlock> pages;  // Null: no values.
};

class NumberColumn {
 public:
  struct Change {
    std::uint32_t ordinal = 0;
    std::optional<std::int64_t> value;  // Nothing: the value goes.
  };

  // The block's pages, or null when nobody in it has a value.
  const ColumnBlock* block(std::uint32_t block) const {
    return block < blocks_.size() ? blocks_[block].get() : nullptr;
  }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::optional<std::int64_t> at(std::uint32_t ordinal) const;
  std::uint64_t count() const { return count_; }  // Values present.
  std::size_t bytes() const;

  // Requires ordinals strictly increasing.
  NumberColumn with(std::span<const Change> changes) const;

 private:
  std::vector<std::shared_ptr<const ColumnBlock>> blocks_;
  std::uint64_t count_ = 0;
};

// A list of codes per ordinal. Elements are sorted and without repeats: a list is a set of values.
class ListColumn {
 public:
  struct Change {
    std::uint32_t ordinal = 0;
    bool present = false;                // False: the list goes.
    std::vector<std::uint32_t> codes;    // Strictly increasing.
  };
  struct ListPage {
    std::array<std::uint64_t, kPageWords> present = {};
    std::array<std::uint32_t, kPageSize + 1> ends = {};  // codes of slot i: [ends[i], ends[i+1])
    std::vector<std::uint32_t> codes;
  };
  struct ListBlock {
    std::array<std::shared_ptr<const ListPage>, kPagesPerBlock> pages;
  };

  const ListBlock* block(std::uint32_t block) const {
    return block < blocks_.size() ? blocks_[block].get() : nullptr;
  }
  bool has(std::uint32_t ordinal) const;
  std::span<const std::uint32_t> at(std::uint32_t ordinal) const;  // Empty when missing.
  std::uint64_t count() const { return count_; }                   // Lists present.
  std::size_t bytes() const;
  // Requires ordinals strictly increasing.
  ListColumn with(std::span<const Change> changes) const;

 private:
  std::vector<std::shared_ptr<const ListBlock>> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::index
