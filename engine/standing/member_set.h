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
  // Which of them are members.
  // Cost: O(people), and an array of at most kArrayMax of each block that has one.
  query::PeopleMask mask_of(const query::PeopleList& people) const;
  // Of the 1,024 people of the block from page * 1,024 on.
  query::PeopleMask page(std::uint32_t block, std::uint32_t page) const;
  // Asks for the memory that change() will want: its words lie far from each other, and each would
  // be waited for by itself.
  void prepare(const query::PeopleList& people, const query::PeopleMask& changed) const;
  // Puts in and takes out those of the people whose bit is set in `changed`, as `is` says.
  // Requires that it changes each of them.
  void change(const query::PeopleList& people, const query::PeopleMask& changed,
              const query::PeopleMask& is);
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
  using Part = query::PeopleList::Part;
  Block& block_of(index::Ordinal person);
  static void mark_bits(const Block& block, std::span<const std::uint16_t> listed,
                        const Part& part, query::PeopleMask& mask);
  static void mark_array(const Block& block, std::span<const std::uint16_t> listed,
                         const Part& part, query::PeopleMask& mask);

  std::vector<Block> blocks_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::engine
