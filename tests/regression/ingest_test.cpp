// Bugs that were found once, each reduced to the least that showed it.
#include <gtest/gtest.h>

#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

// A batch with both a point and a null for the same field took in only one of the two.
TEST(Regression, PointsAndTheirNullsComeInOneBatch) {
  TestEngine test(default_rows(), 1'718'452'800'000);
  ASSERT_TRUE(test.declare(R"({"fields": {"profiles.home": {"type": "geo"}}})"));
  const PlainField munich{.list = false, .values = {GeoPoint{48.1, 11.5}}};
  ASSERT_TRUE(test.profiles({{{"profile_id", text("a")}, {"home", munich}},
                             {{"profile_id", text("b")}, {"home", munich}}}));
  const auto receipt = test.profiles({{{"profile_id", text("a")}, {"home", std::nullopt}},
                                      {{"profile_id", text("c")}, {"home", munich}},
                                      {{"profile_id", text("d")}, {"home", text("nowhere")}},
                                      {{"profile_id", text("e")}, {"home.lon", text("11.5")}}});
  ASSERT_TRUE(receipt) << receipt.error().message;
  ASSERT_EQ(2U, receipt->errors.size());
  EXPECT_EQ(3U, receipt->errors[0].line);
  EXPECT_EQ(4U, receipt->errors[1].line);
  const auto members = test.members(question("home near (48.1, 11.5) within 1 km"));
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_EQ((std::vector<std::string>{"b", "c"}), *members);
}

}  // namespace
}  // namespace muster::testing
