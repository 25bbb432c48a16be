// What the next blocks' columns and lists of values begin with, asked of memory while the block
// before is answered: the way from a directory to a page and on is a chain of reads that each wait
// for the one before. Single values: see ready_sets.h.
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
  // Cost: a few instructions per column and page of values of the plan's leaves, up to a limit.
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
