// Tops: who is taken, whether the cut fell inside a tie, and how it is explained.
#include <gtest/gtest.h>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

// Values 3, 1, 3, 2; e has none. Ids are not in the order of arrival.
World five() {
  World world;
  const std::pair<const char*, const char*> people[] = {
      {"d", "3"}, {"c", "1"}, {"b", "3"}, {"a", "2"}};
  for (const auto& [id, n] : people) world.person(id, {{"n", number(n)}});
  world.person("e");
  return world;
}

std::optional<bool> tie_of(World& world, const std::string& where) {
  const auto bound = world.bind(where);
  EXPECT_TRUE(bound) << bound.error().message;
  EXPECT_TRUE(query::count(**bound, {}, {}));
  return query::cut_in_tie(**bound);
}

TEST(Tops, BreakTiesByTheSmallerId) {
  World world = five();
  EXPECT_EQ("b", world.ask("everyone top 1 by n"));
  EXPECT_EQ("d b", world.ask("everyone top 2 by n"));
  EXPECT_EQ("c b a", world.ask("everyone top 3 by n asc"));
  EXPECT_EQ("d c b a", world.ask("everyone top 9 by n"));
  EXPECT_EQ("d", world.ask("n != 3 or profile_id = \"d\" top 1 by n"));
}

TEST(Tops, SayWhetherTheCutFellInsideATie) {
  World world = five();
  EXPECT_EQ(true, tie_of(world, "everyone top 1 by n"));
  EXPECT_EQ(false, tie_of(world, "everyone top 2 by n"));
  EXPECT_EQ(false, tie_of(world, "everyone top 2 by n asc"));
  EXPECT_EQ(true, tie_of(world, "everyone top 3 by n asc"));
  EXPECT_EQ(false, tie_of(world, "everyone top 4 by n"));
  EXPECT_EQ(false, tie_of(world, "nobody top 4 by n"));
  EXPECT_EQ(std::nullopt, tie_of(world, "n = 3"));
}

TEST(Tops, LeaveOutThoseWhoAreGone) {
  World world = five();
  world.erase("b");
  EXPECT_EQ("d", world.ask("everyone top 1 by n"));
  EXPECT_EQ(false, tie_of(world, "everyone top 1 by n"));
}

TEST(Tops, AreExplainedByTheValueOfTheLastOneTaken) {
  World world = five();
  const auto bound = world.bind("n > 1 top 2 by n");
  ASSERT_TRUE(bound);
  const auto a = query::explain(**bound, world.ordinal_of("a"));
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->holds);
  EXPECT_EQ("n is 2; the last one taken has 3", a->value);
  ASSERT_EQ(1U, a->children.size());
  EXPECT_EQ("n > 1", a->children[0].text);
  EXPECT_TRUE(a->children[0].holds);
}

TEST(Tops, WarnOfThoseWhoAreNotRanked) {
  World world = five();
  const auto bound = world.bind("everyone top 2 by n");
  ASSERT_TRUE(bound);
  const std::vector<std::string> expected{"1 of 5 profiles have no 'n' and are not ranked"};
  EXPECT_EQ(expected, query::warnings(**bound));
}

}  // namespace
}  // namespace muster::testing
