#include "query/plan/rewrite.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "query/plan/extremes.h"
#include "query/plan/linear_sums.h"

namespace muster::query {
namespace {

using Memo = std::unordered_map<const BoundNode*, BoundNodePtr>;

BoundNodePtr copy_of(const BoundNode& node) { return std::make_shared<BoundNode>(node); }

BoundNodePtr constant(BoundKind kind, const BoundNode& node) {
  auto made = std::make_shared<BoundNode>();
  made->kind = kind;
  made->source = node.source;
  return made;
}

// Children first, each node once. Depth is bounded by the tree's.
BoundNodePtr rewritten(const BoundNodePtr& node, const Rewrite& rewrite, Memo& memo) {
  const auto known = memo.find(node.get());
  if (known != memo.end()) return known->second;
  BoundNodePtr made = node;
  std::vector<BoundNodePtr> children;
  for (const BoundNodePtr& child : node->children) {
    children.push_back(rewritten(child, rewrite, memo));
  }
  if (children != node->children) {
    made = copy_of(*node);
    made->children = std::move(children);
  }
  made = rewrite.apply(made);
  memo[node.get()] = made;
  return made;
}

bool is_chain(const BoundNode& node) {
  return node.kind == BoundKind::And || node.kind == BoundKind::Or;
}

void remove_repeats(std::vector<BoundNodePtr>& children) {
  std::unordered_set<const BoundNode*> seen;
  std::erase_if(children,
                [&](const BoundNodePtr& child) { return !seen.insert(child.get()).second; });
}

void count_parents(const BoundNode& node, std::unordered_map<const BoundNode*, int>& parents) {
  if (++parents[&node] > 1) return;
  for (const BoundNodePtr& child : node.children) count_parents(*child, parents);
}

// Worth keeping for a block: anything but a container that is used where it lies.
bool is_worth_keeping(const BoundNode& node) {
  const bool in_place = node.by_bitmaps && node.value_codes.size() <= 1;
  return node.kind != BoundKind::Everyone && node.kind != BoundKind::Nobody &&
         node.kind != BoundKind::Members && !in_place;
}

// The shorter ways of answering leaves; rewrites take them along.
void find_ways(BoundNode& node, std::unordered_set<const BoundNode*>& found) {
  if (!found.insert(&node).second) return;
  for (const BoundNodePtr& child : node.children) find_ways(*child, found);
  node.extremes = extremes_of(node);
  node.sums = linear_sums_of(node);
}

// Children first, each node once.
void number_nodes(BoundQuery& query, const BoundNodePtr& node,
                  const std::unordered_map<const BoundNode*, int>& parents,
                  std::unordered_set<const BoundNode*>& seen) {
  if (!seen.insert(node.get()).second) return;
  for (const BoundNodePtr& child : node->children) number_nodes(query, child, parents, seen);
  if (parents.at(node.get()) > 1 && is_worth_keeping(*node) && query.shared < kSharedMax) {
    node->shared = query.shared++;
  }
  node->number = static_cast<std::uint32_t>(query.by_number.size());
  query.by_number.push_back(node.get());
}

}  // namespace

BoundNodePtr drop_double_not(const BoundNodePtr& node) {
  if (node->kind != BoundKind::Not || node->children[0]->kind != BoundKind::Not) return node;
  return node->children[0]->children[0];
}

BoundNodePtr fold_constants(const BoundNodePtr& node) {
  if (node->kind == BoundKind::Not) {
    const BoundKind inner = node->children[0]->kind;
    if (inner == BoundKind::Everyone) return constant(BoundKind::Nobody, *node);
    if (inner == BoundKind::Nobody) return constant(BoundKind::Everyone, *node);
    return node;
  }
  if (!is_chain(*node)) return node;
  const bool is_and = node->kind == BoundKind::And;
  const BoundKind decides = is_and ? BoundKind::Nobody : BoundKind::Everyone;
  const BoundKind neutral = is_and ? BoundKind::Everyone : BoundKind::Nobody;
  std::vector<BoundNodePtr> kept;
  for (const BoundNodePtr& child : node->children) {
    if (child->kind == decides) return constant(decides, *node);
    if (child->kind != neutral) kept.push_back(child);
  }
  if (kept.empty()) return constant(neutral, *node);
  if (kept.size() == node->children.size()) return node;
  BoundNodePtr made = copy_of(*node);
  made->children = std::move(kept);
  return made;
}

// Why: one node with all operands lets the evaluator begin with the cheapest; nested pairs keep
// the order that somebody happened to write.
BoundNodePtr flatten_chains(const BoundNodePtr& node) {
  if (!is_chain(*node)) return node;
  std::vector<BoundNodePtr> operands;
  for (const BoundNodePtr& child : node->children) {
    if (child->kind == node->kind) {
      operands.insert(operands.end(), child->children.begin(), child->children.end());
    } else {
      operands.push_back(child);
    }
  }
  // x and x is x; without this, segments that refer twice to one another would grow for ever.
  remove_repeats(operands);
  if (operands.size() == 1) return operands[0];
  if (operands == node->children) return node;
  BoundNodePtr made = copy_of(*node);
  made->children = std::move(operands);
  return made;
}

// Why: what is cheap and small decides most blocks before the dear is asked.
BoundNodePtr cheapest_first(const BoundNodePtr& node) {
  if (!is_chain(*node)) return node;
  const bool is_and = node->kind == BoundKind::And;
  BoundNodePtr made = copy_of(*node);
  std::stable_sort(made->children.begin(), made->children.end(),
                   [&](const BoundNodePtr& a, const BoundNodePtr& b) {
                     if (a->cost != b->cost) return a->cost < b->cost;
                     return is_and ? a->estimate < b->estimate : a->estimate > b->estimate;
                   });
  return made;
}

void make_plan(BoundQuery& query, std::span<const std::string> rewrites_off) {
  BoundNodePtr plan = query.tree;
  std::unordered_set<const BoundNode*> found;
  find_ways(*plan, found);
  estimate(plan, *query.generation);
  for (const Rewrite& rewrite : kRewrites) {
    if (std::find(rewrites_off.begin(), rewrites_off.end(), rewrite.name) != rewrites_off.end()) {
      continue;
    }
    Memo memo;
    plan = rewritten(plan, rewrite, memo);
    estimate(plan, *query.generation);
  }
  std::unordered_map<const BoundNode*, int> parents;
  count_parents(*plan, parents);
  std::unordered_set<const BoundNode*> seen;
  number_nodes(query, plan, parents, seen);
  query.plan = std::move(plan);
}

}  // namespace muster::query
