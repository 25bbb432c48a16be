// Both spellings lose nothing: what is written reads back as the same tree.
//
// MUSTER_CASES=n tries n trees; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <string>

#include "query/language/language.h"
#include "tests/support/random_tree.h"
#include "tests/support/run_length.h"

namespace muster::query {
namespace {

const int kTrees = testing::cases_of_run(4'000, 1'000);

TEST(RoundTrip, TextReadsBackAsTheSameTree) {
  testing::Random random;
  for (int i = 0; i < kTrees; ++i) {
    const NodePtr tree = testing::random_tree(random);
    const std::string text = print(tree);
    const auto again = parse(text);
    ASSERT_TRUE(again) << text << "\n" << again.error().message;
    ASSERT_TRUE(equal(tree, *again)) << text << "\n" << print(*again);
    ASSERT_EQ(text, print(*again));
  }
}

TEST(RoundTrip, JsonReadsBackAsTheSameTree) {
  testing::Random random;
  for (int i = 0; i < kTrees; ++i) {
    const NodePtr tree = testing::random_tree(random);
    const std::string json = to_json(tree);
    const auto again = from_json(json);
    ASSERT_TRUE(again) << json << "\n" << again.error().message;
    ASSERT_TRUE(equal(tree, *again)) << json << "\n" << to_json(*again);
    ASSERT_EQ(json, to_json(*again));
  }
}

TEST(RoundTrip, DifferentTreesHaveDifferentTexts) {
  testing::Random random;
  int different = 0;
  for (int i = 0; i < kTrees; ++i) {
    const NodePtr a = testing::random_tree(random);
    const NodePtr b = testing::random_tree(random);
    ASSERT_EQ(equal(a, b), print(a) == print(b)) << print(a) << "\n" << print(b);
    ASSERT_EQ(equal(a, b), to_json(a) == to_json(b)) << print(a) << "\n" << print(b);
    different += equal(a, b) ? 0 : 1;
  }
  EXPECT_GT(different, kTrees / 2);
}

TEST(Canonical, IsItsOwnCanonicalForm) {
  testing::Random random;
  for (int i = 0; i < kTrees; ++i) {
    const NodePtr tree = testing::random_tree(random);
    const NodePtr once = canonical(tree);
    const NodePtr twice = canonical(once);
    ASSERT_TRUE(equal(once, twice)) << print(tree) << "\n" << print(once) << "\n" << print(twice);
  }
}

TEST(Canonical, HashForgetsTheOrderOfOperands) {
  testing::Random random;
  for (int i = 0; i < kTrees; ++i) {
    const NodePtr tree = testing::random_tree(random);
    const NodePtr other = testing::shuffled(tree, random);
    ASSERT_EQ(canonical_hash(tree), canonical_hash(other)) << print(tree) << "\n" << print(other);
  }
}

}  // namespace
}  // namespace muster::query
