// The sets of a plan that lie in the index as they are, one container a block: single values,
// members of lists and saved sets, and who exists.
//
// They are found for a few blocks at a time, leaf by leaf: the reads from a directory down to a
// container wait for each other, but not for those of other blocks, so that the processor does many
// at once; and what the next blocks' arrays begin with is asked of memory meanwhile.
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "index/sets/block_set.h"
#include "query/execute/stack_vector.h"
#include "query/plan/bound.h"

namespace muster::query {

// Whether the index holds the node's people as one container a block.
bool is_ready(const BoundNode& node);

class ReadySets {
 public:
  explicit ReadySets(const BoundQuery& query);

  // The blocks that will be moved to, in this order.  Requires them ascending, and to live on.
  void expect(std::span<const std::uint32_t> blocks);
  // Cost: a find per leaf, for the blocks of a window together. Any block may be moved to.
  void move_to(std::uint32_t block);

  // Require move_to(); valid until the next.
  const index::BlockSet& live() const { return sets_[at_]; }
  // Null for a node that is not ready.
  const index::BlockSet* of(const BoundNode& node) const {
    const std::uint32_t place = places_[node.number];
    return place == kNotReady ? nullptr : &sets_[place * window_max_ + at_];
  }

 private:
  static constexpr std::uint32_t kNotReady = ~0U;

  void find_window(std::span<const std::uint32_t> blocks);
  void find_members(const index::Posting& members, index::BlockSet* out) const;
  void ask_for_arrays(std::size_t at) const;

  const BoundQuery& query_;
  StackVector<const BoundNode*, 8> leaves_;
  StackVector<std::uint32_t, 16> places_;  // By BoundNode::number; 0 is who exists.
  std::span<const std::uint32_t> expected_, window_;
  std::uint32_t alone_ = 0;  // A block that was not expected.
  std::size_t window_max_ = 0, at_ = 0;
  std::unique_ptr<std::byte[]> memory_;  // Of sets_, which are written before they are read.
  index::BlockSet* sets_ = nullptr;      // By place, then block of the window.
};

}  // namespace muster::query
