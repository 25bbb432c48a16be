// Who has which value of one attribute: per block of 65,536 people and value a container.
//
//   64 values -> 64 blocks -> page -> container    what a question reads, block by block
//   64 values -> people, live blocks               what a plan reads
//
// The pages of some values stand in the order of their blocks, so that a question that goes from
// block to block reads them in a row and can ask for them ahead.
// A value with update by copy: with() copies the pages of the values it changes and shares the
// rest, so a small change of a large attribute costs kilobytes.
// Thread safety: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/sets/bitmap.h"
#include "index/sets/value_page.h"

namespace muster::index {

// A person gets a value, or loses it.
struct ValueChange {
  Ordinal ordinal = 0;
  std::uint32_t code = 0;
};

// Some of the 64 values of a page, a bit each.
struct PageValues {
  std::uint32_t page = 0;
  std::uint64_t values = 0;
};
// Codes by the page that they are in.  Requires ascending codes.
std::vector<PageValues> by_page(std::span<const std::uint32_t> codes);

class ValueBitmaps {
 public:
  // Above every code that anybody has.
  std::uint32_t codes() const { return static_cast<std::uint32_t>(groups_.size()) * 64; }
  std::uint64_t count(std::uint32_t code) const;  // People.
  // The people of a block who have the value.
  BlockSet find(std::uint32_t block, std::uint32_t code) const {
    const ValuePage* const values = page(block, code / kValuesPerPage);
    if (values == nullptr) return {};
    return values->find(code % kValuesPerPage);
  }
  // The values [64 * number, 64 * number + 64) of a block; null when nobody has any.
  const ValuePage* page(std::uint32_t block, std::uint32_t number) const {
    if (number >= groups_.size() || !groups_[number]) return nullptr;
    const auto& shelves = groups_[number]->shelves;
    if (block / kBlocksPerShelf >= shelves.size()) return nullptr;
    const Shelf* const shelf = shelves[block / kBlocksPerShelf].get();
    return shelf == nullptr ? nullptr : shelf->pages[block % kBlocksPerShelf].get();
  }
  // Calls visit(set) for each of the values that somebody of the block has.
  template <typename Visit>
  void for_each(std::uint32_t block, std::span<const PageValues> wanted, const Visit& visit) const {
    for (const PageValues& some : wanted) {
      if (const ValuePage* const values = page(block, some.page)) {
        values->for_each(some.values, visit);
      }
    }
  }
  bool contains(std::uint32_t code, Ordinal ordinal) const {
    return find(ordinal / kBlockSize, code).contains(static_cast<std::uint16_t>(ordinal));
  }
  // Bit i says whether somebody in block 64 * word + i has the value.
  std::uint64_t live_blocks(std::uint32_t code, std::uint32_t word) const;
  std::uint32_t blocks() const { return blocks_; }

  // Everybody who has the value, as a set of its own: for export and as an oracle.
  Bitmap bitmap(std::uint32_t code) const;
  std::size_t bytes() const;           // On the heap.
  // What the same sets take in the portable Roaring format.  Cost: makes each of them.
  std::size_t portable_bytes() const;

  // These sets with `add` put in and `remove` taken out.
  // Requires both sorted by ordinal, disjoint, and what is removed to be there.
  // Cost: O(changes) plus the pages of the values changed.
  ValueBitmaps with(std::span<const ValueChange> add, std::span<const ValueChange> remove) const;

  // Adds a block behind all others: members[i], ascending, has codes[i].
  // Requires codes below `codes`.  Cost: a counting sort.
  void append_block(std::span<const std::uint32_t> codes, std::span<const std::uint16_t> members,
                    std::uint32_t codes_end);

 private:
  static constexpr std::uint32_t kBlocksPerShelf = 64;
  // The pages of 64 blocks: what a change of one of them copies.
  struct Shelf {
    std::array<ValuePagePtr, kBlocksPerShelf> pages;
  };
  // 64 values.
  struct Group {
    std::uint64_t people[kValuesPerPage] = {};
    std::vector<std::uint64_t> live;  // Bits by block: word w of value v is live[64 * w + v].
    std::vector<std::shared_ptr<Shelf>> shelves;
  };

  Group& own_group(std::uint32_t page);
  void replace_page(std::uint32_t block, std::uint32_t page, ValuePagePtr made);

  std::uint32_t blocks_ = 0;
  std::vector<std::shared_ptr<Group>> groups_;  // These and their shelves: copied, then changed.
};

}  // namespace muster::index
