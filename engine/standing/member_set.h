// The members of a standing segment: a set of people that is asked about, and changed, a few people
// of a block at a time.
//
// A block of 65,536 people is nothing, a sorted array, or a bit per person.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/sets/bitmap.h"
#include "query/standing.h"

namespace muster::engine {

class MemberSet {
 public:
  MemberSet() = default;
  explicit MemberSet(const index::Bitmap& people);

  std::uint64_t count() const { return count_; }
  bool contains(index::Ordinal person) const;
  // Which of them are members: a bit each.  Requires people of the block, ascending.
  // Cost: O(people), and an array of at most kArrayMax where the block has one.
  query::PeopleMask mask_of(std::uint32_t block, std::span<const std::uint16_t> people) const;
  // Of the 1,024 people of the block from page * 1,024 on.
  query::PeopleMask page(std::uint32_t block, std::uint32_t page) const;
  // Puts in and takes out those of the people whose bit is set in `changed`, as `is` says.
  // Requires people of the block, ascending, each of whom it changes.
  void change(std::uint32_t block, std::span<const std::uint16_t> people,
              const query::PeopleMask& changed, const query::PeopleMask& is);
  bool add(index::Ordinal person);     // Whether they were none.
  bool remove(index::Ordinal person);  // Whether they were one.
  index::Bitmap to_bitmap() const;
  std::uint64_t bytes() const;         // In memory.  Cost: a look at each block.

 private:
  static constexpr std::size_t kArrayMax = 1'024;  // 2 KiB, a quarter of the bits.
  struct Block {
    std::vector<std::uint16_t> array;  // Ascending; unused where there are bits.
    std::unique_ptr<std::uint64_t[]> bits;
  };
  Block& block_of(index::Ordinal person);

  std::vector<Block> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::engine
