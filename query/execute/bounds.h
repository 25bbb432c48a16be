// How many people of a block pass a node at least and at most, from what directories know: the
// cardinalities of containers and the least and greatest value of columns. No member is read.
//
// Where both ends meet, the node is settled: nobody, everybody, or a number that needs no pass. An
// upper bound under `not` is a lower one, so both are always carried.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "index/sets/block_set.h"
#include "query/execute/kept_sets.h"
#include "query/execute/ready_sets.h"
#include "query/plan/bound.h"

namespace muster::query {

struct Bounds {
  std::uint32_t low = 0, high = 0;  // People of the block who are live.
  bool exact() const { return low == high; }
};

class BlockBounds {
 public:
  // The ready and the kept sets are moved to a block before this is; both outlive it.
  BlockBounds(const BoundQuery& query, const ReadySets& ready, const KeptSets& kept);

  // Bounds of every node of the plan for a block in which `live` people exist.
  // Cost: one look-up per leaf that has a directory.
  void move_to(std::uint32_t block, std::uint32_t live);

  // Requires move_to().
  const Bounds& of(const BoundNode& node) const { return of_[node.number]; }
  bool nobody(const BoundNode& node) const { return of(node).high == 0; }
  bool everybody(const BoundNode& node) const { return of(node).low == live_; }

 private:
  Bounds bound(const BoundNode& node);
  Bounds bound_chain(const BoundNode& node);
  Bounds bound_leaf(const BoundNode& node) const;
  Bounds bound_column(const BoundNode& node) const;
  Bounds bound_kept(const BoundNode& node) const;
  Bounds of_people(std::uint64_t low, std::uint64_t high) const;
  Bounds of_holders(std::uint64_t low, std::uint64_t high) const;

  const BoundQuery& query_;
  const ReadySets& ready_;
  const KeptSets& kept_;
  bool is_flat_ = false;    // A chain of containers: going through them is as quick as bounding.
  std::vector<Bounds> of_;  // By BoundNode::number.
  std::uint32_t block_ = 0, live_ = 0;
  std::uint32_t gone_ = 0;  // Ordinals of the block that nobody has any more.
};

}  // namespace muster::query
