#include "query/execute/evaluate.h"

#include "base/check.h"
#include "query/execute/top.h"

namespace muster::query {

void Evaluator::move_to(std::uint32_t block) {
  block_ = block;
  ready_.move_to(block);
  live_ = ready_.live();
  kept_.move_to(block);
  if (measures_ != nullptr) note_kept();
  bounds_.move_to(block, live_.count);
  aggregates_.move_to({.block = block, .first = 0, .count = kBlockSize});
  for (auto& kept : shared_) kept.reset();
}

std::uint32_t Evaluator::count(std::uint32_t block) {
  move_to(block);
  const Bounds& known = bounds_.of(*query_.plan);
  if (known.exact()) return known.low;
  if (measures_ != nullptr) return measured(*query_.plan, live_).set.count;
  return count_within(live_, *query_.plan);
}

Selection Evaluator::members(std::uint32_t block) {
  move_to(block);
  if (bounds_.nobody(*query_.plan)) return {};
  return narrowed(Selection::of(live_), *query_.plan);
}

std::uint32_t Evaluator::count_within(const BlockSet& within, const BoundNode& node) {
  if (node.kind == BoundKind::And && !node.shared) return count_and(node, within);
  if (const auto kept = count_kept(within, node)) return *kept;
  if (is_better_probed(within, node)) {
    return probed(Selection::of(within), node).set.count;
  }
  if (node.kind == BoundKind::Not) {
    if (const auto kept = count_kept(within, *node.children[0])) return within.count - *kept;
    return subtract_count(within, evaluate(*node.children[0], within).set);
  }
  return intersect_count(within, evaluate(node, within).set);
}

Selection Evaluator::narrowed(Selection so_far, const BoundNode& node) {
  if (bounds_.nobody(node)) return {};
  if (bounds_.everybody(node)) return so_far;
  if (is_better_probed(so_far.set, node)) return probed(std::move(so_far), node);
  if (node.kind == BoundKind::Not) {
    Selection taken = evaluate(*node.children[0], so_far.set);
    return subtract(std::move(so_far), std::move(taken), scratch_);
  }
  Selection passing = evaluate(node, so_far.set);
  return intersect(std::move(so_far), std::move(passing), scratch_);
}

Selection Evaluator::evaluate(const BoundNode& node, const BlockSet& within) {
  if (bounds_.nobody(node)) return {};
  if (bounds_.everybody(node)) return Selection::everybody();
  return measures_ == nullptr ? made_or_kept(node, within) : measured(node, within);
}

Selection Evaluator::made_or_kept(const BoundNode& node, const BlockSet& within) {
  if (node.kept) {
    if (const auto ready = kept_or_patched(node)) return Selection::of(*ready);
    if (kept_.is_missing(*node.kept)) return Selection::of(made_to_be_kept(node));
  }
  if (!node.shared) return evaluate_kind(node, within);
  auto& kept = shared_[*node.shared];
  if (!kept) kept = evaluate_kind(node, live_);
  // A view of what is kept: it must not be written.
  return Selection::of(kept->set);
}

Selection Evaluator::evaluate_kind(const BoundNode& node, const BlockSet& within) {
  switch (node.kind) {
    case BoundKind::Everyone: return Selection::everybody();
    case BoundKind::Nobody: return {};
    case BoundKind::And: return evaluate_and(node, within);
    case BoundKind::Or: return evaluate_or(node, within);
    case BoundKind::Not: return narrowed(Selection::of(within), node);
    case BoundKind::AtLeast: return evaluate_at_least(node, within);
    case BoundKind::FieldTest: return evaluate_field(node, within);
    case BoundKind::ListTest: return evaluate_list(node);
    case BoundKind::Present: return evaluate_present(node);
    case BoundKind::AggregateTest:
    case BoundKind::ValueTest:
    case BoundKind::ElementTest:
    case BoundKind::Sequence: return evaluate_events(node);
    case BoundKind::OfStep: break;  // Inside sequences only.
    case BoundKind::Members:
      return Selection::of(*ready_.of(node));
    case BoundKind::Top:
      return Selection::of(index::Container::view_of(node.cut->members.find(block_)));
    case BoundKind::Sample: return evaluate_sample(node, within);
  }
  CHECK(!"every kind of node can be evaluated");
  return {};
}

Selection Evaluator::evaluate_at_least(const BoundNode& node, const BlockSet& within) {
  std::vector<std::uint32_t> counts(kBlockSize, 0);
  for (const BoundNodePtr& child : node.children) {
    const Selection passing = narrowed(Selection::of(within), *child);
    Scratch::Lease words = cleared();
    or_into(passing.set, words_of(words));
    for_each_bit(words->words, [&](std::uint32_t person) { ++counts[person]; });
  }
  Scratch::Lease out = cleared();
  for (std::uint32_t person = 0; person < kBlockSize; ++person) {
    if (counts[person] >= node.count) set_bit(out->words, person);
  }
  return Selection::of_words(std::move(out));
}

Selection Evaluator::evaluate_sample(const BoundNode& node, const BlockSet& within) {
  Scratch::Lease people = cleared();
  or_into(within, words_of(people));
  Scratch::Lease out = cleared();
  for_each_bit(people->words, [&](std::uint32_t person) {
    // Bits past the last person belong to nobody.
    const index::Ordinal ordinal = block_ * kBlockSize + person;
    if (live_.contains(static_cast<std::uint16_t>(person)) &&
        in_sample(node, generation_, ordinal)) {
      set_bit(out->words, person);
    }
  });
  return Selection::of_words(std::move(out));
}

}  // namespace muster::query
