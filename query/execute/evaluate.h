// The tree of people reduced for one block after another.
//
//   bounds      how many can pass at least and at most, from cardinalities alone (bounds.cpp)
//   conjunction what lies ready in the index first: the smallest array decides, else all bits in
//               one pass; then what must be computed, cheapest first, for those who are left
//   union       all bits in one pass, arrays on top
//   leaves      value bitmaps and kept predicates in place (kept.cpp), columns page by page, events
//               (leaf_*.cpp); when few people are left they alone are asked (probe.cpp)
//
// evaluate(node, within) answers for the people of `within` only; what it says about others means
// nothing, so that no leaf does more than is asked. The last step of a count stores nothing.
// Thread safety: one thread at a time; several Evaluators may share one BoundQuery.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "query/execute/aggregate.h"
#include "query/execute/bounds.h"
#include "query/execute/distinct_days.h"
#include "query/execute/edge_tests.h"
#include "query/execute/group_sums.h"
#include "query/execute/kept_sets.h"
#include "query/execute/keyed_block.h"
#include "query/execute/listed_slots.h"
#include "query/execute/person_slots.h"
#include "query/execute/ready_sets.h"
#include "query/execute/selection.h"
#include "query/execute/sequence_stream.h"
#include "query/execute/stack_vector.h"
#include "query/execute/window_counts.h"
#include "query/execute/window_sums.h"
#include "query/plan/bound.h"

namespace muster::query {

class Conjunction;

class Evaluator {
 public:
  // `made`: takes what is made of kept predicates; null: nobody wants it. Outlives this.
  explicit Evaluator(const BoundQuery& query, KeptMade* made = nullptr)
      : query_(query),
        generation_(*query.generation),
        ready_(query),
        kept_(query),
        made_(made),
        bounds_(query, ready_, kept_),
        aggregates_(generation_),
        slots_(aggregates_),
        one_aggregates_(generation_),
        one_(one_aggregates_),
        listed_(generation_),
        shared_(query.shared) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // The blocks that will be asked about, in this order: so they are found faster.
  // Requires them ascending, and to live on.
  void expect(std::span<const std::uint32_t> blocks) { ready_.expect(blocks); }
  // How many live people of the block are in the segment.
  std::uint32_t count(std::uint32_t block);
  // Who they are; valid until the next call.
  Selection members(std::uint32_t block);

  // From now on every node adds what it did to measures[BoundNode::number].
  void measure_into(std::vector<NodeMeasure>* measures) { measures_ = measures; }

  // From now on the budget is asked before every leaf that reads events, too: many of them take
  // long for one block.  Requires it to live on.
  void obey(const Budget& budget) {
    budget_ = &budget;
    for (Slots* const slots : {static_cast<Slots*>(&slots_), static_cast<Slots*>(&one_),
                               static_cast<Slots*>(&listed_)}) {
      slots->obey(&budget);
    }
  }

  // An exact number left 128 bits since the last call, or the budget ended: the answers are void.
  bool failed() const { return failed_; }

 private:
  void move_to(std::uint32_t block);

  // evaluate.cpp
  Selection evaluate(const BoundNode& node, const BlockSet& within);
  Selection made_or_kept(const BoundNode& node, const BlockSet& within);
  Selection evaluate_kind(const BoundNode& node, const BlockSet& within);
  Selection evaluate_at_least(const BoundNode& node, const BlockSet& within);
  Selection evaluate_sample(const BoundNode& node, const BlockSet& within);
  Selection narrowed(Selection so_far, const BoundNode& node);
  std::uint32_t count_within(const BlockSet& within, const BoundNode& node);

  // measure.cpp
  Selection measured(const BoundNode& node, const BlockSet& within);
  void note(const BoundNode& node, std::uint64_t people, std::uint64_t nanoseconds) const;
  std::uint64_t bytes_of(const BoundNode& node) const;

  // chains.cpp
  // What of a conjunction does not lie ready, cheapest first.
  using LeftOver = StackVector<const BoundNode*, 8>;
  std::optional<BlockSet> in_place(const BoundNode& node);
  Conjunction conjunction(const BoundNode& node, const BlockSet& within, LeftOver& left_over);
  Selection evaluate_and(const BoundNode& node, const BlockSet& within);
  std::uint32_t count_and(const BoundNode& node, const BlockSet& within);
  Selection evaluate_or(const BoundNode& node, const BlockSet& within);

  // probe.cpp
  bool is_better_probed(const BlockSet& people, const BoundNode& node) const;
  Selection probed(Selection people, const BoundNode& node);
  Selection keep_by_column(Selection people, const BoundNode& leaf, bool wanted);
  bool probe(const BoundNode& node, std::uint16_t person);

  // kept.cpp
  template <typename Take>
  void ask_each(const BoundNode& node, std::span<const std::uint16_t> people, const Take& take);
  void ask_again(const BoundNode& node, std::span<const std::uint16_t> people, MutableBlock words);
  void bring_up_to_date(const BoundNode& node);
  BlockSet gather(const BoundNode& node);
  std::optional<BlockSet> kept_or_patched(const BoundNode& node);
  std::optional<std::uint32_t> count_kept(const BlockSet& within, const BoundNode& node);
  BlockSet made_to_be_kept(const BoundNode& node);
  BlockSet keep(const BoundNode& node, Block words, std::optional<std::chrono::nanoseconds> took);
  void note_kept() const;

  // leaf_attribute.cpp
  Selection evaluate_field(const BoundNode& node, const BlockSet& within);
  Selection evaluate_list(const BoundNode& node);
  Selection evaluate_present(const BoundNode& node);
  Selection united_values(const BoundNode& node);

  // leaf_events.cpp
  Selection evaluate_events(const BoundNode& node);
  Selection evaluate_aggregate(const BoundNode& node);
  std::optional<Selection> evaluate_edge(const BoundNode& node);
  std::optional<Selection> evaluate_groups(const BoundNode& node);
  std::optional<Selection> evaluate_days(const BoundNode& node);
  std::optional<Selection> evaluate_sums(const LinearSums& sums);
  std::optional<Selection> evaluate_extreme(const Extremes& extremes);
  Selection evaluate_values(const BoundNode& node);
  Selection evaluate_sequence(const BoundNode& node);

  // A buffer with no bit set.
  Scratch::Lease cleared() { return scratch_.cleared(); }

  const BoundQuery& query_;
  const index::Generation& generation_;
  Scratch scratch_;  // Before everything that leases from it.
  ReadySets ready_;
  KeptSets kept_;
  KeptMade* made_;
  BlockBounds bounds_;
  Aggregates aggregates_;
  WindowCounts window_counts_;
  WindowSums window_sums_;
  DistinctDays distinct_days_;
  EdgeTests edge_tests_;
  RowsByPerson group_rows_;
  GroupTotals group_totals_;
  SequenceStream sequence_stream_;
  KeyedBlock keyed_block_;
  PersonSlots slots_;
  Aggregates one_aggregates_;  // Of the one person being probed.
  PersonSlots one_;
  ListedSlots listed_;         // People of whom a kept predicate does not know.
  // Results kept for this block, by BoundNode::shared.
  std::vector<std::optional<Selection>> shared_;
  std::vector<BlockSet> united_;  // Kept for its memory.
  std::uint32_t block_ = 0;
  BlockSet live_;  // Of the block.
  std::vector<NodeMeasure>* measures_ = nullptr;  // Null: nobody asks.
  const Budget* budget_ = nullptr;                // Null: there is none.
  bool failed_ = false;
};

}  // namespace muster::query
