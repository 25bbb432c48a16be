// Chains of `and` and `or`: what lies ready in the index is reduced in one pass, whatever its
// number; only what is left over is made step by step.
#include "query/execute/conjunction.h"
#include "query/execute/evaluate.h"

namespace muster::query {

// The set of a leaf that lies ready for the block, in the index or kept; nothing for others.
std::optional<BlockSet> Evaluator::in_place(const BoundNode& node) {
  if (node.kept) return kept_or_patched(node);
  const BlockSet* const ready = ready_.of(node);
  return ready == nullptr ? std::nullopt : std::optional(*ready);
}

Conjunction Evaluator::conjunction(const BoundNode& node, const BlockSet& within,
                                   LeftOver& left_over) {
  Conjunction all;
  for (const BoundNodePtr& child : node.children) {
    if (bounds_.nobody(*child)) all.add_nobody();
    if (all.nobody()) return all;
    if (bounds_.everybody(*child)) continue;
    const bool negated = child->kind == BoundKind::Not;
    const BoundNode& leaf = negated ? *child->children[0] : *child;
    if (const std::optional<BlockSet> ready = in_place(leaf)) {
      if (measures_ != nullptr) note(leaf, ready->count, 0);
      all.add(*ready, negated);
    } else {
      left_over.push_back(child.get());
    }
  }
  all.add(within, false);
  return all;
}

Selection Evaluator::evaluate_and(const BoundNode& node, const BlockSet& within) {
  LeftOver rest;
  Selection so_far = conjunction(node, within, rest).people(scratch_);
  for (const BoundNode* child : rest) {
    if (so_far.empty()) break;
    so_far = narrowed(thinned(std::move(so_far)), *child);
  }
  return so_far;
}

std::uint32_t Evaluator::count_and(const BoundNode& node, const BlockSet& within) {
  LeftOver rest;
  const Conjunction all = conjunction(node, within, rest);
  if (all.nobody()) return 0;
  if (rest.empty()) return all.count(scratch_);
  Selection so_far = all.people(scratch_);
  for (std::size_t i = 0;; ++i) {
    if (so_far.empty()) return 0;
    so_far = thinned(std::move(so_far));
    if (i + 1 == rest.size()) return count_within(so_far.set, *rest[i]);
    so_far = narrowed(std::move(so_far), *rest[i]);
  }
}

Selection Evaluator::evaluate_or(const BoundNode& node, const BlockSet& within) {
  std::vector<BlockSet> ready_sets;
  std::vector<const BoundNode*> rest;
  for (const BoundNodePtr& child : node.children) {
    if (bounds_.everybody(*child)) return Selection::everybody();
    if (bounds_.nobody(*child)) continue;
    const std::optional<BlockSet> ready = in_place(*child);
    if (!ready) {
      rest.push_back(child.get());
      continue;
    }
    if (measures_ != nullptr) note(*child, ready->count, 0);
    ready_sets.push_back(*ready);
  }
  Selection so_far = united(ready_sets, scratch_);
  for (const BoundNode* child : rest) {
    if (so_far.set.full()) break;
    so_far = unite(std::move(so_far), evaluate(*child, within), scratch_);
  }
  return so_far;
}

}  // namespace muster::query
