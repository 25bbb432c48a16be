// What the next blocks begin with, asked of memory while the block before is answered: the way from
// a directory to a container is a chain of reads that each wait for the one before, and those waits
// together take longer than a block of bits takes to be reduced.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

class LookAhead {
 public:
  explicit LookAhead(const BoundQuery& query);

  // Asks for what the blocks a few places behind blocks[at] will read first.
  // Cost: a few instructions per leaf that stands ready in the index; limited for lists of values.
  void ask(std::span<const std::uint32_t> blocks, std::size_t at) const;

 private:
  // The value bitmaps of a leaf, some of the 64 of a page.
  struct Values {
    const index::ValueBitmaps* bitmaps = nullptr;
    index::PageValues wanted;
  };

  std::vector<Values> values_;
  std::vector<const index::NumberColumn*> columns_;
};

}  // namespace muster::query
