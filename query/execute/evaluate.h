// The tree of people reduced for one block after another.
//
// evaluate_and: cheapest child first, a `not` child is taken away instead of being made, and
// nothing is asked once nobody is left. Leaves that are containers are used where they lie. When
// few people are left, a leaf that would read the whole block is asked about those alone (probe).
// Thread safety: one thread at a time; several Evaluators may share one BoundQuery.
#pragma once

#include <optional>
#include <vector>

#include "query/execute/aggregate.h"
#include "query/execute/block_set.h"
#include "query/execute/person_slots.h"
#include "query/execute/window_counts.h"
#include "query/execute/window_sums.h"
#include "query/plan/bound.h"

namespace muster::query {

class Evaluator {
 public:
  explicit Evaluator(const BoundQuery& query)
      : query_(query),
        generation_(*query.generation),
        aggregates_(generation_),
        slots_(aggregates_),
        one_aggregates_(generation_),
        one_(one_aggregates_),
        shared_(query.shared) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // How many live people of the block are in the segment.
  std::uint32_t count(std::uint32_t block);
  // Who they are; valid until the next call.
  Selection members(std::uint32_t block);

  // An exact number left 128 bits since the last call: the answers are void.
  bool failed() const { return failed_; }

 private:
  void move_to(std::uint32_t block);
  BlockSet live() const;

  // evaluate.cpp
  Selection evaluate(const BoundNode& node);
  Selection evaluate_kind(const BoundNode& node);
  Selection evaluate_and(const BoundNode& node);
  Selection evaluate_or(const BoundNode& node);
  Selection evaluate_at_least(const BoundNode& node);
  Selection evaluate_sample(const BoundNode& node);
  Selection narrowed(Selection so_far, const BoundNode& node);
  // probe.cpp
  bool is_better_probed(const BlockSet& people, const BoundNode& node) const;
  Selection probed(Selection people, const BoundNode& node);
  bool probe(const BoundNode& node, std::uint16_t person);
  std::uint32_t count_and(const BoundNode& node);
  std::uint32_t count_within(const BlockSet& within, const BoundNode& node);

  // leaf_attribute.cpp
  Selection evaluate_field(const BoundNode& node);
  Selection evaluate_list(const BoundNode& node);
  Selection evaluate_present(const BoundNode& node);
  Selection postings(const BoundNode& node);

  // leaf_events.cpp
  Selection evaluate_aggregate(const BoundNode& node);
  Selection evaluate_values(const BoundNode& node);
  Selection evaluate_sequence(const BoundNode& node);

  // A buffer with no bit set.
  Scratch::Lease cleared();

  const BoundQuery& query_;
  const index::Generation& generation_;
  Scratch scratch_;  // Before everything that leases from it.
  Aggregates aggregates_;
  WindowCounts window_counts_;
  WindowSums window_sums_;
  PersonSlots slots_;
  Aggregates one_aggregates_;  // Of the one person being probed.
  PersonSlots one_;
  // Results kept for this block, by BoundNode::shared.
  std::vector<std::optional<Selection>> shared_;
  std::uint32_t block_ = 0;
  bool failed_ = false;
};

}  // namespace muster::query
