// One question, every way to answer it: the ways must not differ.
//
// Members, the count, person by person, the explanation, several threads, and the plan with each
// rewrite left out.
#include <gtest/gtest.h>

#include "base/time.h"
#include "query/language/language.h"
#include "query/plan/rewrite.h"
#include "query/query.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::Permission;
using query::NodePtr;

class Evaluation : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status loaded = test_.load(people_, Declare::Everything, 60);
    ASSERT_TRUE(loaded) << loaded.error().message;
    const auto answer = test_.engine().members(pass<Permission::Members>(), question("nobody"));
    ASSERT_TRUE(answer);
    const auto zone = Zone::named(people_.timezone);
    context_ = {.generation = answer->generation,
                .now = kRandomNow,
                .zone = *zone,
                .workspace_zone = *zone};
  }

  index::Bitmap members_of(const NodePtr& tree, const std::vector<std::string>& rewrites_off,
                           unsigned threads) {
    query::BindContext context = context_;
    context.rewrites_off = rewrites_off;
    const auto bound = query::bind(tree, context);
    EXPECT_TRUE(bound) << (bound ? "" : bound.error().message);
    if (!bound) return {};
    const auto members = query::members(**bound, {}, {.threads = threads});
    const auto count = query::count(**bound, {}, {.threads = threads});
    EXPECT_TRUE(members && count);
    if (!members || !count) return {};
    EXPECT_EQ(*count, members->count());
    return *members;
  }

  NodePtr some_tree() {
    const auto tree = query::parse(segments_.predicate(3));
    EXPECT_TRUE(tree);
    return tree ? *tree : query::parse("nobody").value();
  }

  Random random_;
  People people_ = random_people(random_, {.people = 90});
  RandomSegment segments_{random_, people_};
  TestEngine test_{default_rows(), kRandomNow};
  query::BindContext context_;
};

TEST_F(Evaluation, RewritesDoNotMoveAnswers) {
  std::vector<std::string> all;
  for (const query::Rewrite& rewrite : query::kRewrites) all.emplace_back(rewrite.name);
  for (int i = 0; i < 150; ++i) {
    const NodePtr tree = some_tree();
    SCOPED_TRACE(query::print(tree));
    const index::Bitmap expected = members_of(tree, {}, 1);
    EXPECT_EQ(expected, members_of(tree, all, 1));
    for (const std::string& left_out : all) {
      EXPECT_EQ(expected, members_of(tree, {left_out}, 1)) << "without " << left_out;
    }
  }
}

TEST_F(Evaluation, ThreadsDoNotMoveAnswers) {
  for (int i = 0; i < 50; ++i) {
    const NodePtr tree = some_tree();
    EXPECT_EQ(members_of(tree, {}, 1), members_of(tree, {}, 3)) << query::print(tree);
  }
}

TEST_F(Evaluation, PersonByPersonIsTheSame) {
  for (int i = 0; i < 100; ++i) {
    const NodePtr tree = some_tree();
    SCOPED_TRACE(query::print(tree));
    const auto bound = query::bind(tree, context_);
    ASSERT_TRUE(bound);
    const index::Bitmap members = members_of(tree, {}, 1);
    for (index::Ordinal person = 0; person < people_.people.size(); ++person) {
      const auto contains = query::contains(**bound, person);
      const auto explained = query::explain(**bound, person);
      ASSERT_TRUE(contains && explained);
      EXPECT_EQ(members.contains(person), *contains) << person;
      EXPECT_EQ(members.contains(person), explained->holds) << person;
    }
  }
}

TEST_F(Evaluation, BothSpellingsAndTheCanonicalFormAreTheSame) {
  for (int i = 0; i < 200; ++i) {
    const NodePtr tree = some_tree();
    SCOPED_TRACE(query::print(tree));
    const auto text = query::parse(query::print(tree));
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_TRUE(query::equal(tree, *text)) << query::print(*text);
    const auto json = query::from_json(query::to_json(tree));
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_TRUE(query::equal(tree, *json)) << query::print(*json);
    EXPECT_EQ(members_of(tree, {}, 1), members_of(query::canonical(tree), {}, 1))
        << query::print(query::canonical(tree));
  }
}

TEST_F(Evaluation, ABudgetThatHasRunOutIsAnError) {
  const auto bound = query::bind(query::parse("age > 3").value(), context_);
  ASSERT_TRUE(bound);
  const std::atomic<bool> cancelled = true;
  const auto stopped = query::count(**bound, {.cancelled = &cancelled}, {});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(ErrorCode::LimitExceeded, stopped.error().code);
  const auto late = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_FALSE(query::count(**bound, {.deadline = late}, {}));
}

}  // namespace
}  // namespace muster::testing
