// Who has which value of one attribute: per block of 65,536 people and value a container.
//
//   block -> pages of 64 values -> container            what a question reads, block by block
//   pages of 64 values -> people, live blocks           what a plan reads
//
// A value with update by copy: with() copies the pages of the values it changes and shares the
// rest, so a small change of a large attribute costs kilobytes.
// Thread safety: immutable.
#pragma once

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

class ValueBitmaps {
 public:
  // Above every code that anybody has.
  std::uint32_t codes() const { return static_cast<std::uint32_t>(summary_.size()) * 64; }
  std::uint64_t count(std::uint32_t code) const;  // People.
  // The people of a block who have the value.  Cost: three dependent reads.
  BlockSet find(std::uint32_t block, std::uint32_t code) const {
    const std::uint32_t page = code / kValuesPerPage;
    if (block >= blocks_.size() || !blocks_[block] || page >= blocks_[block]->size()) return {};
    const ValuePage* values = (*blocks_[block])[page].get();
    return values == nullptr ? BlockSet{} : values->find(code % kValuesPerPage);
  }
  bool contains(std::uint32_t code, Ordinal ordinal) const {
    return find(ordinal / kBlockSize, code).contains(static_cast<std::uint16_t>(ordinal));
  }
  // Bit i says whether somebody in block 64 * word + i has the value.
  std::uint64_t live_blocks(std::uint32_t code, std::uint32_t word) const;
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(blocks_.size()); }

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
  using BlockPages = std::vector<ValuePagePtr>;
  // Of 64 values.
  struct Summary {
    std::uint64_t people[kValuesPerPage] = {};
    std::vector<std::uint64_t> live;  // Bits by block: word w of value v is live[64 * w + v].
  };

  Summary& own_summary(std::uint32_t page);
  void replace_page(std::uint32_t block, std::uint32_t page, ValuePagePtr made,
                    BlockPages& pages);

  std::vector<std::shared_ptr<const BlockPages>> blocks_;
  std::vector<std::shared_ptr<Summary>> summary_;  // Copied before it is changed.
};

}  // namespace muster::index
