#include "tests/support/shrink.h"

#include <utility>
#include <vector>

namespace muster::testing {
namespace {

// Trees one step smaller: a child in place of its parent, one child fewer, a filter left out.
std::vector<query::NodePtr> smaller(const query::NodePtr& tree) {
  using query::NodeKind;
  std::vector<query::NodePtr> out;
  const bool logic = tree->kind == NodeKind::And || tree->kind == NodeKind::Or ||
                     tree->kind == NodeKind::Not || tree->kind == NodeKind::AtLeast;
  const auto with = [&](const std::function<void(query::Node&)>& change) {
    query::Node copy = *tree;
    change(copy);
    out.push_back(std::make_shared<const query::Node>(std::move(copy)));
  };
  if (logic) out.insert(out.end(), tree->children.begin(), tree->children.end());
  if (tree->kind == NodeKind::Top) out.push_back(tree->children[0]);
  for (std::size_t i = 0; i < tree->children.size(); ++i) {
    for (const query::NodePtr& child : smaller(tree->children[i])) {
      with([&](query::Node& node) { node.children[i] = child; });
    }
  }
  if (tree->steps.size() > 1) with([](query::Node& node) { node.steps.pop_back(); });
  if (tree->within) with([](query::Node& node) { node.within.reset(); });
  if (tree->events.having != nullptr) {
    with([](query::Node& node) { node.events.having = nullptr; });
    for (const query::NodePtr& having : smaller(tree->events.having)) {
      with([&](query::Node& node) { node.events.having = having; });
    }
  } else if (tree->events.per != nullptr) {
    with([](query::Node& node) { node.events.per = nullptr; });
  }
  if (tree->events.edge != query::EdgeOfHistory::Whole) {
    with([](query::Node& node) { node.events.edge = query::EdgeOfHistory::Whole; });
  }
  if (tree->events.window) with([](query::Node& node) { node.events.window.reset(); });
  if (tree->events.where != nullptr) {
    with([](query::Node& node) { node.events.where = nullptr; });
    for (const query::NodePtr& where : smaller(tree->events.where)) {
      with([&](query::Node& node) { node.events.where = where; });
    }
  }
  return out;
}

}  // namespace

query::NodePtr shrink(const query::NodePtr& tree,
                      const std::function<bool(const query::NodePtr&)>& fails) {
  constexpr int kCallsMax = 400;
  query::NodePtr best = tree;
  int calls = 0;
  for (bool shrunk = true; shrunk && calls < kCallsMax;) {
    shrunk = false;
    for (const query::NodePtr& candidate : smaller(best)) {
      if (++calls > kCallsMax || !fails(candidate)) continue;
      best = candidate;
      shrunk = true;
      break;
    }
  }
  return best;
}

}  // namespace muster::testing
