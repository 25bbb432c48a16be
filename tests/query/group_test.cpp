// Groups of events, the edges of a history, percentiles and tiles. Now is 2024-06-15T12:00:00Z.
#include <gtest/gtest.h>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

// ana: basket b1 of 30 + 70, basket b2 of 10, one line without a basket. bo: b1 of 50.
World baskets() {
  World world;
  for (const char* id : {"ana", "bo", "cy"}) world.person(id);
  const auto line = [&](const char* id, const char* day, const char* basket, const char* amount) {
    World::Cells cells{{"amount", number(amount)}};
    if (*basket != 0) cells["basket"] = text(basket);
    world.event(id, "buy", "2024-06-" + std::string(day) + "T10:00:00Z", cells);
  };
  line("ana", "01", "b1", "30.00");
  line("ana", "02", "b2", "10.5");
  line("ana", "03", "b1", "70");
  line("ana", "03", "", "5");
  line("bo", "03", "b1", "50");
  return world;
}

TEST(Groups, AreCountedWhenTheyQualify) {
  World world = baskets();
  EXPECT_EQ("ana", world.ask("count(\"buy\" per basket) = 2"));
  EXPECT_EQ("cy", world.ask("count(\"buy\" per basket) = 0"));
  EXPECT_EQ("ana", world.ask("count(\"buy\" per basket having (sum(amount) >= 100)) = 1"));
  EXPECT_EQ("bo cy", world.ask("count(\"buy\" per basket having (count() >= 2)) = 0"));
  EXPECT_EQ("bo", world.ask("count(\"buy\" per basket having (avg(amount) = 50 and "
                            "max(amount) = min(amount))) = 1"));
  EXPECT_EQ("ana", world.ask("count(\"buy\" per date(ts)) >= 3"));
  EXPECT_EQ("ana bo", world.ask("did \"buy\" per basket having (not (sum(amount) < 50))"));
}

TEST(Groups, AddOverTheEventsOfThoseThatQualify) {
  World world = baskets();
  EXPECT_EQ("ana", world.ask("sum(amount of \"buy\" per basket) = 110.5"));
  EXPECT_EQ("ana", world.ask("sum(amount of \"buy\" per basket having (count() = 2)) = 100"));
  EXPECT_EQ("ana", world.ask("max(amount of \"buy\" where (amount < 60) per basket "
                             "having (sum(amount) < 31)) = 30"));
  EXPECT_EQ("ana bo", world.ask("count(\"buy\" per basket in last 13d) = 1 or "
                                "last(\"buy\" per basket) = 2024-06-03"));
}

TEST(Edges, AreTheFirstAndLastMomentsOverAllNames) {
  World world;
  for (const char* id : {"ana", "bo"}) world.person(id);
  world.event("ana", "buy", "2024-06-01T10:00:00Z", {{"sku", text("a")}});
  world.event("ana", "buy", "2024-06-01T10:00:00Z", {{"sku", text("b")}});
  world.event("ana", "buy", "2024-06-09T10:00:00Z", {{"sku", text("c")}});
  world.event("ana", "buy", "2024-07-01T10:00:00Z", {{"sku", text("d")}});
  world.event("bo", "view", "2024-05-01T10:00:00Z", {{"sku", text("z")}});
  world.event("bo", "buy", "2024-06-02T10:00:00Z", {{"sku", text("a")}});
  EXPECT_EQ("ana bo", world.ask("did \"buy\" at first where (sku = \"a\")"));
  EXPECT_EQ("ana", world.ask("did \"buy\" at first where (sku = \"b\")"));
  EXPECT_EQ("ana", world.ask("count(\"buy\" at first) = 2"));
  EXPECT_EQ("ana", world.ask("did \"buy\" at last where (sku = \"c\")"));
  EXPECT_EQ("ana", world.ask("did (\"buy\" or \"view\") at first where (sku = \"a\")"));
  EXPECT_EQ("nobody", world.ask("did \"buy\" at first where (sku = \"c\")"));
  EXPECT_EQ("nobody", world.ask("did \"buy\" at first in last 10d"));
}

TEST(Percentiles, AreNearestRank) {
  World world;
  world.person("ana");
  world.person("bo");
  for (int i = 1; i <= 20; ++i) {
    world.event("ana", "pay", "2024-06-01T10:00:00Z", {{"n", number(std::to_string(i))}});
  }
  EXPECT_EQ("ana", world.ask("p50(n of \"pay\") = 10 and p95(n of \"pay\") = 19"));
  EXPECT_EQ("ana", world.ask("p50(n of \"pay\" where (n <= 3)) = 2"));
  EXPECT_EQ("ana", world.ask("p95(n of \"pay\" where (n = 7)) = 7"));
  EXPECT_EQ("bo", world.ask("p50(n of \"pay\") is missing"));
}

TEST(MostCommon, BreaksTiesByTheSmallestValue) {
  World world;
  world.person("ana");
  for (const char* page : {"z", "b", "z", "b", "a"}) {
    world.event("ana", "view", "2024-06-01T10:00:00Z", {{"page", text(page)}});
  }
  EXPECT_EQ("ana", world.ask("most_common(page of \"view\") = \"b\""));
  world.event("ana", "view", "2024-06-01T10:00:00Z", {{"page", text("z")}});
  EXPECT_EQ("ana", world.ask("most_common(page of \"view\") = \"z\""));
}

TEST(Tiles, ShareTiesAndLeaveOutTheOthers) {
  World world;
  // Values 1, 2, 2, 3, 4 among five; f has none; g is not asked about.
  const char* const values[] = {"1", "2", "2", "3", "4"};
  for (int i = 0; i < 5; ++i) {
    world.person(std::string(1, static_cast<char>('a' + i)), {{"n", number(values[i])}});
  }
  world.person("f");
  world.person("g", {{"n", number("9")}, {"staff", truth(true)}});
  const std::string tile = "tile(5, n among (not staff))";
  EXPECT_EQ("a", world.ask(tile + " = 1"));
  EXPECT_EQ("b c", world.ask(tile + " = 2"));
  EXPECT_EQ("d", world.ask(tile + " = 4"));
  EXPECT_EQ("e", world.ask(tile + " = 5"));
  EXPECT_EQ("f g", world.ask(tile + " is missing"));
  EXPECT_EQ("g", world.ask("tile(6, n) = 6"));
  EXPECT_EQ("a b c", world.ask("tile(2, n among (" + tile + " <= 4)) = 1"));
  world.erase("g");
  EXPECT_EQ("e", world.ask("tile(5, n) = 5"));
}

TEST(Tiles, RankWhatEventsAddUpTo) {
  World world = baskets();
  EXPECT_EQ("ana", world.ask("tile(2, sum(amount of \"buy\") among (did \"buy\")) = 2"));
  EXPECT_EQ("bo", world.ask("tile(2, sum(amount of \"buy\") among (did \"buy\")) = 1"));
  EXPECT_EQ("ana bo", world.ask("tile(3, last(\"buy\")) = 1"));
}

}  // namespace
}  // namespace muster::testing
