// Counts at every clause against the same segments written without that clause.
#include <gtest/gtest.h>

#include "query/language/language.h"
#include "tests/query/query_support.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

using query::ClauseCount;
using query::Node;
using query::NodeKind;
using query::NodePtr;

// Two blocks, the second begun; some people erased.
World& world() {
  static World* const world = [] {
    auto* const made = new World;
    made->set_now("2026-06-01T00:00:00Z");
    for (std::uint32_t i = 0; i < index::kBlockSize + 500; ++i) {
      const std::string id = "p" + std::to_string(i);
      made->person(id, {{"third", text(std::to_string(i % 3))},
                        {"fifth", text(std::to_string(i % 5))},
                        {"n", number(std::to_string(i % 1'000))}});
      if (i % 40 == 0) made->event(id, "buy", "2026-05-" + std::to_string(10 + i % 7));
    }
    for (std::uint32_t i = 7; i < 300; i += 41) made->erase("p" + std::to_string(i));
    return made;
  }();
  return *world;
}

NodePtr leaf(const std::string& text) { return query::parse(text).value(); }

NodePtr random_clause(Random& random, int depth) {
  static const std::vector<std::string> kLeaves{
      "third = \"0\"", "fifth != \"2\"", "n < 300", "n > 650", "did \"buy\" in last 20d",
      "everyone", "third in (\"1\", \"2\")"};
  if (depth == 0 || random.below(4) == 0) {
    return leaf(kLeaves[random.below(static_cast<std::uint32_t>(kLeaves.size()))]);
  }
  auto made = std::make_shared<Node>();
  static constexpr NodeKind kKinds[] = {NodeKind::And, NodeKind::Or, NodeKind::Not,
                                        NodeKind::AtLeast};
  made->kind = kKinds[random.below(4)];
  const std::uint32_t children = made->kind == NodeKind::Not ? 1 : 2 + random.below(3);
  for (std::uint32_t i = 0; i < children; ++i) {
    made->children.push_back(random_clause(random, depth - 1));
  }
  made->count = random.below(children + 2);  // None of them, up to one more than there are.
  return made;
}

bool is_joined(const Node& node) {
  return node.kind == NodeKind::And || node.kind == NodeKind::Or || node.kind == NodeKind::Not ||
         node.kind == NodeKind::AtLeast;
}

// Without a clause: null for one that was all there is.
NodePtr without(const NodePtr& node, const Node* gone) {
  if (node.get() == gone) return nullptr;
  if (!is_joined(*node)) return node;
  auto made = std::make_shared<Node>(*node);
  made->children.clear();
  for (const NodePtr& child : node->children) {
    if (NodePtr kept = without(child, gone)) made->children.push_back(std::move(kept));
  }
  if (node->kind == NodeKind::Not && made->children.empty()) return nullptr;
  if (node->kind == NodeKind::AtLeast && made->count == 0) return leaf("everyone");
  if (node->kind == NodeKind::AtLeast &&
      static_cast<std::size_t>(made->count) > made->children.size()) {
    return leaf("nobody");
  }
  if (node->kind != NodeKind::Not && made->children.size() == 1) return made->children[0];
  return made;
}

std::uint64_t count(const NodePtr& tree) {
  return query::count(*world().bind(tree).value(), {}, {}).value();
}

// Every clause is checked; a `not` and what it denies go together.
void expect_true(const NodePtr& root, const NodePtr& node, const ClauseCount& found) {
  SCOPED_TRACE(query::print(root) + "   without   " + query::print(node));
  EXPECT_EQ(query::print(node), found.text);
  EXPECT_EQ(count(node), found.people);
  const NodePtr rest = without(root, node.get());
  EXPECT_EQ(count(rest ? rest : leaf("everyone")), found.without);
  if (!is_joined(*node)) {
    EXPECT_TRUE(found.children.empty());
    return;
  }
  ASSERT_EQ(node->children.size(), found.children.size());
  for (std::size_t i = 0; i < node->children.size(); ++i) {
    expect_true(root, node->children[i], found.children[i]);
  }
}

TEST(Clauses, CountAsTheSegmentWrittenWithoutThem) {
  Random random;
  for (int round = 0; round < 60; ++round) {
    const NodePtr tree = random_clause(random, 3);
    // A clause used twice would be taken out twice: every one is its own node here.
    const auto found = query::count_clauses(tree, world().context(), {}, {.threads = 2});
    ASSERT_TRUE(found) << found.error().message;
    expect_true(tree, tree, *found);
  }
}

TEST(Clauses, OfAnAndDemandNothingWhenLeftOut) {
  const auto found = query::count_clauses(leaf("third = \"0\" and n < 300"), world().context(), {},
                                          {});
  ASSERT_TRUE(found);
  EXPECT_EQ(world().count("third = \"0\" and n < 300"), found->people);
  EXPECT_EQ(world().count("everyone"), found->without);
  EXPECT_EQ(world().count("n < 300"), found->children[0].without);
  EXPECT_EQ(world().count("third = \"0\""), found->children[1].without);
}

TEST(Clauses, HaveALimit) {
  std::string many = "n = 0";
  for (std::size_t i = 1; i <= query::kClausesMax; ++i) many += " or n = " + std::to_string(i);
  const auto found = query::count_clauses(leaf(many), world().context(), {}, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(ErrorCode::LimitExceeded, found.error().code);
}

}  // namespace
}  // namespace muster::testing
