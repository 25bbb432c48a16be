#include "tests/tree/tree_support.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "query/language/language.h"
#include "query/plan/rewrite.h"

namespace muster::testing {
namespace {

using query::Node;
using query::NodeKind;
using query::NodePtr;

// So few that trees spend about half of their time on them.
constexpr std::uint32_t kSlowLeavesKeptOneIn = 20;

NodePtr made(Node node) {
  return std::make_shared<const Node>(std::move(node));
}

NodePtr reference_to_shared() {
  return made({.kind = NodeKind::InSegment, .text = "shared"});
}

std::uint64_t count_of(const Bits& bits) {
  std::uint64_t count = 0;
  for (const std::uint64_t word : bits)
    count += static_cast<std::uint64_t>(std::popcount(word));
  return count;
}

class TreeMaker {
 public:
  TreeMaker(Random& random, const std::vector<Leaf>& leaves)
      : random_(random), leaves_(leaves), leaves_left_(random.below(kTreeLeavesMax)) {}

  NodePtr tree(std::uint32_t depth) {
    if (depth == 0 || leaves_left_ == 0 || random_.below(5) == 0) return leaf();
    if (random_.below(6) == 0) {
      return made({.kind = NodeKind::Not, .children = {tree(depth - 1)}});
    }
    Node node{.kind = NodeKind::And};
    const std::uint32_t kind = random_.below(7);
    if (kind >= 3) node.kind = kind == 6 ? NodeKind::AtLeast : NodeKind::Or;
    const std::uint32_t wanted =
        random_.below(8) == 0 ? 2 + random_.below(28) : 2 + random_.below(4);
    const std::uint32_t children = std::min(wanted, leaves_left_ + 1);
    leaves_left_ -= children - 1;
    for (std::uint32_t i = 0; i < children; ++i)
      node.children.push_back(tree(depth - 1));
    if (node.kind == NodeKind::AtLeast) node.count = 1 + random_.below(children);
    return made(std::move(node));
  }

  // From here on leaves may be `in segment "shared"`.
  void share() { has_shared_ = true; }

 private:
  NodePtr leaf() {
    if (has_shared_ && random_.below(4) == 0) return reference_to_shared();
    const auto any = [&]() -> const Leaf& {
      return leaves_[random_.below(static_cast<std::uint32_t>(leaves_.size()))];
    };
    const Leaf* chosen = &any();
    while (chosen->pace == Pace::Slow && random_.below(kSlowLeavesKeptOneIn) != 0)
      chosen = &any();
    return chosen->tree;
  }

  Random& random_;
  const std::vector<Leaf>& leaves_;
  std::uint32_t leaves_left_;  // That may still be added to the first one.
  bool has_shared_ = false;
};

// at_least[j] are those who are in j of the sets so far: in j of those before, or in j - 1 of those
// before and in this one.
Bits in_at_least(std::int64_t count, const std::vector<Bits>& sets, const Bits& everyone) {
  std::vector<Bits> at_least(static_cast<std::size_t>(count) + 1, Bits(everyone.size()));
  at_least[0] = everyone;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (std::size_t j = std::min(i + 1, at_least.size() - 1); j > 0; --j) {
      for (std::size_t w = 0; w < everyone.size(); ++w) {
        at_least[j][w] |= at_least[j - 1][w] & sets[i][w];
      }
    }
  }
  return at_least.back();
}

// One person on whom they differ, in words; empty when they are equal.
std::string first_difference(const index::Bitmap& members, const Bits& expected) {
  Bits listed(expected.size());
  for (const index::Ordinal i : members.to_vector()) {
    if (i / 64 >= listed.size()) return "person " + std::to_string(i) + " does not exist";
    listed[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  for (std::uint32_t i = 0; i < 64 * listed.size(); ++i) {
    if (has(listed, i) == has(expected, i)) continue;
    return "person " + std::to_string(i) + " is " +
           (has(listed, i) ? "listed and should not be" : "not listed and should be");
  }
  return "";
}

// All trees one step smaller: a child in the place of its parent, a child left out, the segment's
// tree for a reference to it. A leaf, whatever it is made of, is as small as it gets.
template <typename IsLeaf>
std::vector<NodePtr> smaller(const NodePtr& tree, const NodePtr& shared, const IsLeaf& is_leaf) {
  std::vector<NodePtr> found;
  if (is_leaf(tree)) return found;
  if (tree->kind == NodeKind::InSegment) return {shared};
  const bool is_inner = tree->kind == NodeKind::And || tree->kind == NodeKind::Or ||
                        tree->kind == NodeKind::Not || tree->kind == NodeKind::AtLeast;
  if (!is_inner) return found;
  found = tree->children;
  for (std::size_t i = 0; i < tree->children.size(); ++i) {
    if (tree->children.size() > 2) {
      Node fewer = *tree;
      fewer.children.erase(fewer.children.begin() + static_cast<std::ptrdiff_t>(i));
      fewer.count = std::min(fewer.count, static_cast<std::int64_t>(fewer.children.size()));
      found.push_back(made(std::move(fewer)));
    }
    for (const NodePtr& child : smaller(tree->children[i], shared, is_leaf)) {
      Node changed = *tree;
      changed.children[i] = child;
      found.push_back(made(std::move(changed)));
    }
  }
  return found;
}

}  // namespace

TreeWorld::TreeWorld(const Population& population, std::vector<Leaf> leaves)
    : population_(population), leaves_(std::move(leaves)) {
  for (const Leaf& leaf : leaves_)
    known_[leaf.tree.get()] = &leaf.holds;
}

Question TreeWorld::random_question(Random& random) const {
  Question question;
  TreeMaker maker(random, leaves_);
  if (random.below(3) == 0) {
    question.shared = maker.tree(2);
    maker.share();
  }
  question.tree = maker.tree(kTreeDepthMax);
  question.person = random.below(population_.people);
  question.by_person = random.below(8) == 0;
  if (random.below(8) == 0) {
    const auto left_out = random.below(static_cast<std::uint32_t>(query::kRewrites.size()));
    question.rewrites_off.emplace_back(query::kRewrites[left_out].name);
  }
  return question;
}

Bits TreeWorld::naive(const Question& question) const {
  return value(question.tree, question.shared);
}

// Recursion: kTreeDepthMax levels, and those of the shared tree.
Bits TreeWorld::value(const NodePtr& tree, const NodePtr& shared) const {
  const auto leaf = known_.find(tree.get());
  if (leaf != known_.end()) return *leaf->second;
  if (tree->kind == NodeKind::InSegment) return value(shared, nullptr);
  std::vector<Bits> children;
  for (const NodePtr& child : tree->children)
    children.push_back(value(child, shared));
  const std::size_t words = population_.live.size();
  Bits result = tree->kind == NodeKind::Or ? Bits(words) : population_.live;
  switch (tree->kind) {
    case NodeKind::And:
      for (const Bits& child : children) {
        for (std::size_t w = 0; w < words; ++w)
          result[w] &= child[w];
      }
      return result;
    case NodeKind::Or:
      for (const Bits& child : children) {
        for (std::size_t w = 0; w < words; ++w)
          result[w] |= child[w];
      }
      return result;
    case NodeKind::Not:
      for (std::size_t w = 0; w < words; ++w)
        result[w] &= ~children[0][w];
      return result;
    default:
      CHECK(tree->kind == NodeKind::AtLeast);
      return in_at_least(tree->count, children, population_.live);
  }
}

std::optional<std::string> TreeWorld::difference(const Question& question) const {
  const Bits expected = naive(question);
  query::BindContext context;
  context.generation = population_.generation;
  context.now = population_.now;
  context.rewrites_off = question.rewrites_off;
  context.segment = [&](const std::string&, std::uint64_t) -> Result<query::BindContext::Segment> {
    return query::BindContext::Segment{question.shared, Zone()};
  };
  const auto bound = query::bind(question.tree, context);
  if (!bound) return "it cannot be bound: " + bound.error().message;
  const auto count = query::count(**bound, {}, {});
  if (!count) return "it cannot be counted: " + count.error().message;
  std::string wrong;
  const auto add = [&](const std::string& text) { wrong += (wrong.empty() ? "" : "; ") + text; };
  if (*count != count_of(expected)) {
    add("counted " + std::to_string(*count) + ", expected " + std::to_string(count_of(expected)));
  }
  if (question.by_person) {
    const auto members = query::members(**bound, {}, {});
    if (!members) return "its members cannot be listed: " + members.error().message;
    const std::string stranger = first_difference(*members, expected);
    if (!stranger.empty()) add(stranger);
    const auto alone = query::contains(**bound, question.person);
    if (!alone) return "one person cannot be asked about: " + alone.error().message;
    if (*alone != has(expected, question.person)) {
      add("person " + std::to_string(question.person) + ", asked about alone, is " +
          (*alone ? "in it and should not be" : "not in it and should be"));
    }
  }
  return wrong.empty() ? std::nullopt : std::optional(wrong);
}

Question TreeWorld::shrunk(const Question& question) const {
  Question smallest = question;
  smallest.by_person = true;
  const auto is_leaf = [this](const NodePtr& tree) { return known_.contains(tree.get()); };
  for (bool is_smaller = true; is_smaller;) {
    is_smaller = false;
    for (const NodePtr& tree : smaller(smallest.tree, smallest.shared, is_leaf)) {
      Question next = smallest;
      next.tree = tree;
      if (!difference(next)) continue;
      smallest = std::move(next);
      is_smaller = true;
      break;
    }
  }
  return smallest;
}

std::string TreeWorld::report(const Question& question) const {
  const Question smallest = shrunk(question);
  std::string text = "population: " + std::to_string(population_.people) + " ordinals, " +
                     std::to_string(population_.live_count()) + " live";
  for (const std::string& name : question.rewrites_off)
    text += "\nrewrite left out: " + name;
  text += "\ntree: " + query::print(question.tree);
  if (question.shared) text += "\nwith \"shared\": " + query::print(question.shared);
  text += "\n" + difference(question).value_or("agrees when asked again");
  text += "\nsmallest: " + query::print(smallest.tree);
  return text + "\n" + difference(smallest).value_or("agrees");
}

}  // namespace muster::testing
