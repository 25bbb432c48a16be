// The rows of a run that pass `where`, a bit a row, thousands of rows at a time.
//
// What asks for packed values of properties, and what `and`, `or` and `not` make of it, is told by
// kernels over all of the rows; anything else by slots (slots.h), 1,024 rows at a time.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <algorithm>
#include <deque>
#include <span>
#include <vector>

#include "query/execute/slots.h"

namespace muster::query {

class RowFilter {
 public:
  // Asked about at a time: enough that what a question costs to begin with is nothing, and few
  // enough that the rows of those that passed are still near.
  static constexpr std::uint32_t kRowsMax = 8'192;

  // Of the runs of a block; the generation outlives this.
  RowFilter(const index::Generation& generation, std::uint32_t block)
      : generation_(generation), block_(block) {}

  // Bit i: row first + i passes; bits past the last row are 0. `where` null: all do.
  // Valid until the next call.  Requires count <= kRowsMax.
  std::span<const std::uint64_t> passing(const BoundNode* where, const index::EventRun& run,
                                         std::uint32_t first, std::uint32_t count);

  // An exact number left its bits: every answer since is void.
  bool failed() const { return failed_; }

 private:
  struct Rows {
    const index::EventRun& run;
    std::uint32_t first, count;
  };
  // Returns false when kernels cannot tell. `depth`: of the tree so far.
  bool is_packed(const BoundNode& node, const Rows& rows, std::size_t depth,
                 std::span<std::uint64_t> out);
  bool is_packed_chain(const BoundNode& node, const Rows& rows, std::size_t depth,
                       std::span<std::uint64_t> out);
  void by_slots(const BoundNode& where, const Rows& rows, std::span<std::uint64_t> out);

  const index::Generation& generation_;
  std::uint32_t block_;
  std::vector<std::uint64_t> bits_;
  std::deque<std::vector<std::uint64_t>> of_depth_;  // A chain's next child; growing moves none.
  bool failed_ = false;
};

// Calls visit(source number, run, first, count, bits) for the rows of the block that are in the
// aggregate's window, in the order of sources, runs and times; a bit says whether a row passes its
// source's `where`.  Requires an aggregate without `per`, `at first` and `since`.
// Returns false when an exact number in `where` left its bits.
template <typename Visit>
bool for_each_strip(const BoundAggregate& aggregate, const index::Generation& generation,
                    std::uint32_t block, const Visit& visit) {
  RowFilter filter(generation, block);
  for (std::size_t s = 0; s < aggregate.sources.size(); ++s) {
    const EventSource& source = aggregate.sources[s];
    const index::EventBlock* const events = source.table->block(block);
    if (events == nullptr) continue;
    for (const auto& run : events->runs) {
      const auto [from, to] = run->time.within(aggregate.from, aggregate.to);
      for (std::uint32_t first = from; first < to; first += RowFilter::kRowsMax) {
        const std::uint32_t count = std::min(RowFilter::kRowsMax, to - first);
        visit(s, *run, first, count, filter.passing(source.where.get(), *run, first, count));
      }
    }
  }
  return !filter.failed();
}

}  // namespace muster::query
