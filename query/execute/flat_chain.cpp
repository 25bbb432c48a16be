#include "query/execute/flat_chain.h"

#include <algorithm>

#include "query/execute/conjunction.h"

namespace muster::query {
namespace {

bool is_flat(const BoundNode& node) {
  return is_ready(node.kind == BoundKind::Not ? *node.children[0] : node);
}

}  // namespace

bool is_flat_chain(const BoundQuery& query) {
  const BoundNode& plan = *query.plan;
  if (plan.kind != BoundKind::And) return is_flat(plan);
  return std::all_of(plan.children.begin(), plan.children.end(),
                     [](const BoundNodePtr& child) { return is_flat(*child); });
}

FlatChain::FlatChain(const BoundQuery& query, std::span<const std::uint32_t> blocks)
    : ids_(query.generation->profiles.ids.size()), ready_(query) {
  ready_.expect(blocks);
  if (query.plan->kind != BoundKind::And) {
    add(*query.plan);
  } else {
    for (const BoundNodePtr& child : query.plan->children) add(*child);
  }
}

void FlatChain::add(const BoundNode& node) {
  const bool negated = node.kind == BoundKind::Not;
  const BoundNode& leaf = negated ? *node.children[0] : node;
  leaves_.push_back({.node = &leaf, .negated = negated});
  if (!negated && leaf.kind != BoundKind::Everyone) is_within_ids_ = true;
}

std::uint32_t FlatChain::count(std::uint32_t block) {
  ready_.move_to(block);
  Conjunction all;
  for (const Leaf& leaf : leaves_) {
    all.add(*ready_.of(*leaf.node), leaf.negated);
    if (all.nobody()) return 0;
  }
  const std::uint64_t ids_here =
      std::min<std::uint64_t>(ids_ - std::uint64_t{block} * kBlockSize, kBlockSize);
  const bool is_anybody_gone = ready_.live().count < ids_here;
  if (is_anybody_gone || !is_within_ids_) all.add(ready_.live(), false);
  return all.count(scratch_);
}

}  // namespace muster::query
