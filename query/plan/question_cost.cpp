// What a whole question takes: every node of its plan once, however many places ask for it.
#include <algorithm>
#include <unordered_set>

#include "query/plan/cost.h"

namespace muster::query {
namespace {

// So few people of a block are asked one by one (query/execute/probe.cpp).
constexpr double kAskedAloneMax = 64;

class Walk {
 public:
  explicit Walk(const index::Generation& generation)
      : blocks_(std::max(1U, generation.profiles.blocks())) {}

  // Of one block.  `people`: of the block, whom the node is asked about at most.
  double of(const BoundNode& node, double people) {
    if (!seen_.insert(&node).second) return 0;
    if (node.children.empty()) return of_leaf(node, people);
    // Below an `or` nobody has been decided yet.
    const bool is_narrowed = node.kind == BoundKind::And || node.kind == BoundKind::Not;
    if (!is_narrowed) people = index::kBlockSize;
    double cost = 0;
    for (const BoundNodePtr& child : node.children) {
      cost += kPassNs + of(*child, people);
      if (node.kind != BoundKind::And) continue;
      people = std::min(people, static_cast<double>(child->estimate) / blocks_);
    }
    return cost;
  }

  double of_ranking(const Ranking& ranking) {
    const BoundValue& value = ranking.tile ? *ranking.tile->children[0] : *ranking.top->operands[0];
    const BoundQuery& among = ranking.tile ? *ranking.tile->among : *ranking.top->among;
    Priced own;  // Ranks are found apart: what they read is read again for the answer.
    return of(*among.plan, index::kBlockSize) + value_cost(value, blocks_, own);
  }

  double blocks() const { return blocks_; }

 private:
  double of_leaf(const BoundNode& leaf, double people) {
    const bool is_history = leaf.kind == BoundKind::AggregateTest ||
                            leaf.kind == BoundKind::ValueTest ||
                            leaf.kind == BoundKind::ElementTest ||
                            leaf.kind == BoundKind::Sequence;
    if (!is_history || leaf.kept_people) return leaf.cost;
    const bool is_asked_alone = people <= kAskedAloneMax && !leaf.shared && !leaf.kept;
    if (is_asked_alone) return std::min(leaf.cost, people * kPersonNs);
    return history_cost(leaf, blocks_, priced_);
  }

  const double blocks_;
  std::unordered_set<const BoundNode*> seen_;
  Priced priced_;
};

}  // namespace

Cost cost_of(const BoundQuery& query) {
  Walk walk(*query.generation);
  Cost cost;
  for (const Ranking& ranking : query.rankings) {
    cost.alone_ns += walk.of_ranking(ranking) * walk.blocks();
  }
  cost.spread_ns = walk.of(*query.plan, index::kBlockSize) * walk.blocks();
  return cost;
}

Cost cost_of(std::span<const BoundQueryPtr> queries) {
  Cost all;
  for (const BoundQueryPtr& query : queries) {
    const Cost one = cost_of(*query);
    all.spread_ns += one.spread_ns;
    all.alone_ns += one.alone_ns;
  }
  return all;
}

}  // namespace muster::query
