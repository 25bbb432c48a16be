#include "query/execute/evaluate.h"

#include "base/check.h"

namespace muster::query {

void Evaluator::move_to(std::uint32_t block) {
  block_ = block;
  aggregates_.move_to({.block = block, .first = 0, .count = kBlockSize});
  for (auto& kept : shared_) kept.reset();
}

BlockSet Evaluator::live() const { return BlockSet::of(generation_.profiles.live.find(block_)); }

Scratch::Lease Evaluator::cleared() {
  Scratch::Lease buffer = scratch_.take();
  buffer->words.fill(0);
  return buffer;
}

std::uint32_t Evaluator::count(std::uint32_t block) {
  move_to(block);
  const BlockSet people = live();
  if (people.kind == SetKind::Empty) return 0;
  const BoundNode& plan = *query_.plan;
  if (plan.kind == BoundKind::And && !plan.shared) return count_and(plan);
  return count_within(people, plan);
}

Selection Evaluator::members(std::uint32_t block) {
  move_to(block);
  Selection people = Selection::of(live());
  if (people.empty()) return people;
  return narrowed(std::move(people), *query_.plan);
}

// The last child is counted and never stored.
std::uint32_t Evaluator::count_and(const BoundNode& node) {
  Selection so_far = Selection::of(live());
  for (std::size_t i = 0; i + 1 < node.children.size() && !so_far.empty(); ++i) {
    so_far = narrowed(std::move(so_far), *node.children[i]);
  }
  if (so_far.empty()) return 0;
  const BoundNode& last = *node.children.back();
  if (is_better_probed(so_far.set, last)) {
    return query::count(probed(std::move(so_far), last).set);
  }
  return count_within(so_far.set, last);
}

std::uint32_t Evaluator::count_within(const BlockSet& within, const BoundNode& node) {
  if (node.kind == BoundKind::Not) {
    return subtract_count(within, evaluate(*node.children[0]).set);
  }
  return intersect_count(within, evaluate(node).set);
}

Selection Evaluator::narrowed(Selection so_far, const BoundNode& node) {
  if (is_better_probed(so_far.set, node)) return probed(std::move(so_far), node);
  if (node.kind == BoundKind::Not) {
    return subtract(std::move(so_far), evaluate(*node.children[0]), scratch_);
  }
  return intersect(std::move(so_far), evaluate(node), scratch_);
}

Selection Evaluator::evaluate(const BoundNode& node) {
  if (!node.shared) return evaluate_kind(node);
  auto& kept = shared_[*node.shared];
  if (!kept) kept = evaluate_kind(node);
  // A view of what is kept: it must not be written.
  return Selection::of(kept->set);
}

Selection Evaluator::evaluate_kind(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::Everyone: return Selection::of(live());
    case BoundKind::Nobody: return {};
    case BoundKind::And: return evaluate_and(node);
    case BoundKind::Or: return evaluate_or(node);
    case BoundKind::Not: return narrowed(Selection::of(live()), node);
    case BoundKind::AtLeast: return evaluate_at_least(node);
    case BoundKind::FieldTest: return evaluate_field(node);
    case BoundKind::ListTest: return evaluate_list(node);
    case BoundKind::Present: return evaluate_present(node);
    case BoundKind::AggregateTest: return evaluate_aggregate(node);
    case BoundKind::ValueTest: return evaluate_values(node);
    case BoundKind::Members: return Selection::of(BlockSet::of(node.members->find(block_)));
    case BoundKind::Sequence: return evaluate_sequence(node);
    case BoundKind::Sample: return evaluate_sample(node);
  }
  CHECK(!"every kind of node can be evaluated");
  return {};
}

Selection Evaluator::evaluate_and(const BoundNode& node) {
  Selection so_far = Selection::of(live());
  for (const BoundNodePtr& child : node.children) {
    if (so_far.empty()) break;
    so_far = narrowed(std::move(so_far), *child);
  }
  return so_far;
}

Selection Evaluator::evaluate_or(const BoundNode& node) {
  Selection so_far;
  for (const BoundNodePtr& child : node.children) {
    if (so_far.set.kind == SetKind::Full) break;
    so_far = unite(std::move(so_far), evaluate(*child), scratch_);
  }
  return so_far;
}

Selection Evaluator::evaluate_at_least(const BoundNode& node) {
  std::vector<std::uint32_t> counts(kBlockSize, 0);
  for (const BoundNodePtr& child : node.children) {
    const Selection passing = intersect(Selection::of(live()), evaluate(*child), scratch_);
    Scratch::Lease words = cleared();
    or_into(passing.set, index::MutableBlock(words->words));
    for_each_bit(words->words, [&](std::uint32_t person) { ++counts[person]; });
  }
  Scratch::Lease out = cleared();
  for (std::uint32_t person = 0; person < kBlockSize; ++person) {
    if (counts[person] >= node.count) set_bit(out->words, person);
  }
  return intersect(Selection::of(live()), Selection::of_words(std::move(out)), scratch_);
}

Selection Evaluator::evaluate_sample(const BoundNode& node) {
  Scratch::Lease people = cleared();
  or_into(live(), index::MutableBlock(people->words));
  Scratch::Lease out = cleared();
  for_each_bit(people->words, [&](std::uint32_t person) {
    if (in_sample(node, generation_, block_ * kBlockSize + person)) set_bit(out->words, person);
  });
  return Selection::of_words(std::move(out));
}

}  // namespace muster::query
