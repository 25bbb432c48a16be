// Counters of the costliest causes: few, and never going back.
#include "server/top_costs.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

TEST(TopCosts, TheCostliestHaveTheirOwnAndAllTogetherAddUp) {
  TopCosts costs(2);
  costs.update({{"a", 1}, {"b", 5}, {"c", 3}});
  EXPECT_EQ((std::map<std::string, double>{{"b", 5}, {"c", 3}}), costs.own());
  EXPECT_EQ(1, costs.other());
  costs.update({{"a", 2}, {"b", 6}, {"c", 3}});
  EXPECT_EQ((std::map<std::string, double>{{"b", 6}, {"c", 3}}), costs.own());
  EXPECT_EQ(2, costs.other());
}

TEST(TopCosts, OneThatCostTwiceAsMuchTakesAPlace) {
  TopCosts costs(1);
  costs.update({{"a", 1}, {"b", 3}});
  costs.update({{"a", 6}, {"b", 3}});
  EXPECT_EQ((std::map<std::string, double>{{"b", 3}}), costs.own());
  EXPECT_EQ(6, costs.other());
  costs.update({{"a", 7}, {"b", 3}});
  EXPECT_EQ((std::map<std::string, double>{{"a", 1}}), costs.own());  // Since it has a place.
  EXPECT_EQ(6, costs.other());
}

TEST(TopCosts, OneThatIsGoneLeavesItsPlace) {
  TopCosts costs(1);
  costs.update({{"a", 1}});
  costs.update({});
  EXPECT_TRUE(costs.own().empty());
  costs.update({{"a", 0.5}});  // Saved again.
  EXPECT_EQ((std::map<std::string, double>{{"a", 0.5}}), costs.own());
}

}  // namespace
}  // namespace muster::server
