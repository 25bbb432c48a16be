// Chains of `and` and `or`: what lies ready in the index is reduced in one pass, whatever its
// number; only what is left over is made step by step.
#include <algorithm>

#include "query/execute/evaluate.h"

namespace muster::query {

// The parts of a conjunction in one block.
struct Evaluator::Conjunction {
  using Sets = boost::container::small_vector<BlockSet, 8>;

  bool nobody = false;
  BitSets bits;  // In all of these, in none of those.
  Sets few;      // Arrays and runs: in all of them.
  Sets others;   // Arrays and runs: in none of them.
  boost::container::small_vector<const BoundNode*, 8> rest;  // To be computed, cheapest first.
};

// The set of a leaf that lies ready for the block, in the index or kept; nothing for others.
std::optional<BlockSet> Evaluator::in_place(const BoundNode& node) {
  if (node.kept) return kept_or_patched(node);
  const BlockSet* const ready = ready_.of(node);
  return ready == nullptr ? std::nullopt : std::optional(*ready);
}

void Evaluator::gather(const BoundNode& child, Conjunction& all) {
  const bool negated = child.kind == BoundKind::Not;
  const BoundNode& leaf = negated ? *child.children[0] : child;
  const std::optional<BlockSet> ready = in_place(leaf);
  if (!ready) {
    all.rest.push_back(&child);
    return;
  }
  if (measures_ != nullptr) note(leaf, ready->count, 0);
  switch (ready->kind) {
    case SetKind::Empty: all.nobody = all.nobody || !negated; return;
    case SetKind::Full: all.nobody = all.nobody || negated; return;
    case SetKind::Bits:
      (negated ? all.bits.drop : all.bits.take).push_back(ready->words());
      return;
    case SetKind::Array:
    case SetKind::Runs: (negated ? all.others : all.few).push_back(*ready); return;
  }
}

Evaluator::Conjunction Evaluator::conjunction(const BoundNode& node, const BlockSet& within) {
  Conjunction all;
  for (const BoundNodePtr& child : node.children) {
    if (bounds_.nobody(*child)) all.nobody = true;
    if (all.nobody) return all;
    if (!bounds_.everybody(*child)) gather(*child, all);
  }
  if (within.kind == SetKind::Bits) {
    all.bits.take.push_back(within.words());
  } else if (within.empty()) {
    all.nobody = true;
  } else if (!within.full()) {
    all.few.push_back(within);
  }
  std::sort(all.few.begin(), all.few.end(),
            [](const BlockSet& a, const BlockSet& b) { return a.count < b.count; });
  return all;
}

// The people of the parts that lay ready.
Selection Evaluator::reduced(const Conjunction& all) {
  if (all.nobody) return {};
  Selection so_far;
  if (all.few.empty()) {
    so_far = all.bits.take.size() == 1 && all.bits.drop.empty()
                 ? Selection::of(BlockSet::of_words(all.bits.take[0],
                                                    index::kernels().count(Block(
                                                        all.bits.take[0], kBlockWords))))
                 : all_of(all.bits, scratch_);
  } else {
    so_far = Selection::of(all.few[0]);
    for (std::size_t i = 1; i < all.few.size(); ++i) {
      so_far = intersect(std::move(so_far), Selection::of(all.few[i]), scratch_);
    }
    // The count of a view only has to be above 0: these are not counted again.
    for (const std::uint64_t* words : all.bits.take) {
      so_far = intersect(std::move(so_far), Selection::of(BlockSet::of_words(words, 1)), scratch_);
    }
    for (const std::uint64_t* words : all.bits.drop) {
      so_far = subtract(std::move(so_far), Selection::of(BlockSet::of_words(words, 1)), scratch_);
    }
  }
  for (const BlockSet& other : all.others) {
    so_far = subtract(std::move(so_far), Selection::of(other), scratch_);
  }
  return so_far;
}

Selection Evaluator::evaluate_and(const BoundNode& node, const BlockSet& within) {
  const Conjunction all = conjunction(node, within);
  Selection so_far = reduced(all);
  for (const BoundNode* child : all.rest) {
    if (so_far.empty()) break;
    so_far = narrowed(thinned(std::move(so_far)), *child);
  }
  return so_far;
}

std::uint32_t Evaluator::count_and(const BoundNode& node, const BlockSet& within) {
  const Conjunction all = conjunction(node, within);
  if (all.nobody) return 0;
  if (all.rest.empty() && all.few.empty() && all.others.empty()) {
    return count_all_of(all.bits, scratch_);
  }
  if (all.rest.empty() && all.others.empty() && all.few.size() == 1 &&
      all.few[0].kind == SetKind::Array) {
    return count_in(all.few[0], all.bits, scratch_);
  }
  const bool is_pair = all.rest.empty() && all.bits.take.empty() && all.bits.drop.empty();
  if (is_pair && all.few.size() == 2 && all.others.empty()) {
    return intersect_count(all.few[0], all.few[1]);
  }
  if (is_pair && all.few.size() == 1 && all.others.size() == 1) {
    return subtract_count(all.few[0], all.others[0]);
  }
  Selection so_far = reduced(all);
  for (std::size_t i = 0; i < all.rest.size(); ++i) {
    if (so_far.empty()) return 0;
    so_far = thinned(std::move(so_far));
    if (i + 1 == all.rest.size()) return count_within(so_far.set, *all.rest[i]);
    so_far = narrowed(std::move(so_far), *all.rest[i]);
  }
  return so_far.set.count;
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
