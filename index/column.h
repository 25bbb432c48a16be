// One value per ordinal, or none: numbers, times, dates, booleans and dictionary codes; or a list.
//
// Values are order keys (index/order_key.h): int64 that compare like what they stand for. A block
// of 65,536 ordinals is 64 pages of 1,024; block and page know their least and greatest value, so
// most are answered without a look at their bytes. with() copies only the pages it changes.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "index/code_list.h"
#include "index/page.h"
#include "index/sets/block_set.h"

namespace muster::index {

inline constexpr std::uint32_t kPagesPerBlock = kBlockSize / kPageSize;

struct ColumnBlock {
  std::array<PagePtr, kPagesPerBlock> pages;  // Null: no values.
  std::uint32_t count = 0;                    // Values present.
  std::int64_t min = 0, max = 0;              // Of all values; 0 when there are none.
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
  // The same, held: another one has other values, or may have.
  std::shared_ptr<const ColumnBlock> held_block(std::uint32_t block) const {
    return block < blocks_.size() ? blocks_[block] : nullptr;
  }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::optional<std::int64_t> at(std::uint32_t ordinal) const;
  std::uint64_t count() const { return count_; }  // Values present.
  std::size_t bytes() const;

  // Requires ordinals strictly increasing.
  NumberColumn with(std::span<const Change> changes) const;
  // Adds a block behind all others; keys[i] counts where bit i of `present` is set.
  // Requires at most 65,536 keys; a bit for each.
  void append_block(std::span<const std::int64_t> keys, std::span<const std::uint64_t> present);

 private:
  std::vector<std::shared_ptr<const ColumnBlock>> blocks_;
  std::uint64_t count_ = 0;
};

// A list of codes per ordinal. Elements are sorted and without repeats: a list is a set of values.
class ListColumn {
 public:
  struct Change {
    std::uint32_t ordinal = 0;
    bool present = false;                   // False: the list goes.
    std::span<const std::uint32_t> codes;   // Strictly increasing; the caller keeps them.
  };
  struct ListBlock {
    std::array<std::shared_ptr<const ListPage>, kPagesPerBlock> pages;
  };

  const ListBlock* block(std::uint32_t block) const {
    return block < blocks_.size() ? blocks_[block].get() : nullptr;
  }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(blocks_.size()); }
  bool has(std::uint32_t ordinal) const;
  CodeList at(std::uint32_t ordinal) const;       // Empty when missing.
  std::uint64_t count() const { return count_; }  // Lists present.
  std::size_t bytes() const;
  // Requires ordinals strictly increasing.
  ListColumn with(std::span<const Change> changes) const;
  // Adds a block behind all others: the codes of slot i are [ends[i - 1], ends[i]).
  void append_block(std::span<const std::uint32_t> ends, std::span<const std::uint32_t> codes,
                    std::span<const std::uint64_t> present);

 private:
  std::vector<std::shared_ptr<const ListBlock>> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::index
