// A question that runs out of time stops soon, even when one block of it takes long.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

using Clock = std::chrono::steady_clock;

// Clauses that nobody passes, each different, and none of which an index answers.
query::BoundQueryPtr slow_question(World& world) {
  std::string where = "n * 3 < 0";
  for (int i = 1; i < 200; ++i) where += " or n * 3 + " + std::to_string(i) + " < 0";
  return world.bind(where).value();
}

TEST(Budget, EndsAQuestionWithinABlock) {
  World world;
  for (int i = 0; i < 5'000; ++i) {
    world.person("p" + std::to_string(i), {{"n", number(std::to_string(i))}});
  }
  const query::BoundQueryPtr asked = slow_question(world);
  const auto begin = Clock::now();
  ASSERT_EQ(0U, query::count(*asked, {}, {}).value());
  const auto whole = Clock::now() - begin;
  const auto again = Clock::now();
  const auto cut = query::count(*asked, {.deadline = again + whole / 20}, {});
  const auto took = Clock::now() - again;
  ASSERT_FALSE(cut);
  EXPECT_EQ(ErrorCode::LimitExceeded, cut.error().code);
  EXPECT_NE(std::string::npos, cut.error().message.find("deadline")) << cut.error().message;
  EXPECT_LT(took, whole / 2) << "one block is all there is";
}

}  // namespace
}  // namespace muster::testing
