// Questions that are nothing but sets of the index and one `and`: most that are asked while
// somebody builds an audience, and the quickest. They are counted without the parts of an
// Evaluator, which take longer to make than the answer.
//
// Thread safety: one thread at a time; several may share one BoundQuery.
#pragma once

#include <cstdint>
#include <span>

#include "query/execute/ready_sets.h"
#include "query/execute/selection.h"
#include "query/execute/stack_vector.h"

namespace muster::query {

// Whether the plan is a leaf that lies ready in the index, `not` of one, or one `and` of such.
bool is_flat_chain(const BoundQuery& query);

class FlatChain {
 public:
  // Requires is_flat_chain(), and the blocks ascending; both outlive this.
  FlatChain(const BoundQuery& query, std::span<const std::uint32_t> blocks);

  // How many live people of the block are in the segment.  The blocks may be asked in any order;
  // in that of the constructor they are found faster.
  std::uint32_t count(std::uint32_t block);

 private:
  struct Leaf {
    const BoundNode* node = nullptr;
    bool negated = false;
  };

  void add(const BoundNode& node);

  const std::uint64_t ids_;
  bool is_within_ids_ = false;  // Nobody passes whom the index has never seen.
  Scratch scratch_;
  ReadySets ready_;
  StackVector<Leaf, 8> leaves_;
};

}  // namespace muster::query
