// What is expected to take far longer than it may is refused before it begins.
#include <gtest/gtest.h>

#include "tests/support/people_decoder.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

// Expected to take some hundredths of a second, whoever is asked.
std::string dear_question() {
  std::string where = "n * 3 < 0";
  for (int i = 1; i < 200; ++i) where += " or n * 3 + " + std::to_string(i) + " < 0";
  return where;
}

class CostRefused : public ::testing::Test {
 protected:
  CostRefused() : test_(private_rows(), 0) {
    const PlainField one{.list = false, .values = {parse_decimal("1").value()}};
    EXPECT_TRUE(test_.profiles({{{"profile_id", text("p1")}, {"n", one}}}));
  }

  TestEngine test_;
};

TEST_F(CostRefused, BeforeItBegins) {
  engine::Question asked{.where = dear_question()};
  const auto& pass_to_ask = pass<engine::Permission::Query>();
  const auto checked = test_.engine().check(pass_to_ask, asked);
  ASSERT_TRUE(checked.valid) << checked.errors[0].message;
  EXPECT_GT(checked.expected_us, 20'000U);
  EXPECT_TRUE(test_.engine().count(pass_to_ask, asked));
  asked.deadline = std::chrono::milliseconds(30'000);
  EXPECT_TRUE(test_.engine().count(pass_to_ask, asked));
  asked.deadline = std::chrono::milliseconds(1);
  for (const auto& refused :
       {test_.engine().count(pass_to_ask, asked).error(),
        test_.engine().count_clauses(pass_to_ask, asked).error(),
        test_.engine().plan(pass_to_ask, asked).error(),
        test_.engine().members(pass<engine::Permission::Members>(), asked).error()}) {
    EXPECT_EQ(ErrorCode::LimitExceeded, refused.code);
    EXPECT_NE(std::string::npos, refused.message.find("expected to take about"))
        << refused.message;
    EXPECT_NE(std::string::npos, refused.message.find("has 1 ms")) << refused.message;
  }
}

}  // namespace
}  // namespace muster::testing
