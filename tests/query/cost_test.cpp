// What a question is expected to take follows what it would read. How near it comes to the time
// measured is printed by `./tools/bench language`.
#include <gtest/gtest.h>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

class Cost : public ::testing::Test {
 protected:
  Cost() {
    for (int i = 0; i < 2'000; ++i) {
      const std::string id = "p" + std::to_string(i);
      world_.person(id, {{"country", text(i % 500 == 0 ? "IS" : "FR")}});
      for (int day = 1; day <= 25; ++day) {
        const std::string date = (day < 10 ? "2024-06-0" : "2024-06-") + std::to_string(day);
        world_.event(id, "view", date + "T08:00:00Z", {{"sku", text("a")}});
      }
    }
    world_.set_now("2024-06-26T00:00:00Z");
  }

  double of(const std::string& where) { return query::cost_of(*world_.bind(where).value()).ns(1); }

  World world_;
};

TEST_F(Cost, GrowsWithTheWindow) {
  EXPECT_LT(of("count(\"view\" in last 2d) >= 2"), of("count(\"view\" in last 20d) >= 2"));
  EXPECT_LT(of("count(\"view\" in last 20d) >= 2"), of("count(\"view\") >= 2 and "
                                                       "count(\"view\" in last 9d) >= 2"));
}

TEST_F(Cost, GrowsWithWhatIsDonePerEvent) {
  const double counted = of("count(\"view\") >= 2");
  const double gathered = of("distinct(sku of \"view\") >= 2");
  const double grouped = of("count(\"view\" per sku having (count() >= 2)) >= 2");
  EXPECT_LT(counted, gathered);
  EXPECT_LT(gathered, grouped);
  EXPECT_LT(counted, of("sequence(\"view\" then \"view\")"));
}

TEST_F(Cost, IsSmallWhereFewPeopleAreLeft) {
  const std::string dear = "count(\"view\" per sku having (count() >= 2)) >= 2";
  EXPECT_LT(of("country = \"IS\" and " + dear), of(dear) / 10);
}

TEST_F(Cost, CountsRankingEverybody) {
  EXPECT_LT(of("everyone"), of("everyone top 5 by count(\"view\")") / 10);
}

}  // namespace
}  // namespace muster::testing
