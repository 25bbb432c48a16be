// What events add up to. The clock says 2024-06-15T12:00:00Z.
#include <gtest/gtest.h>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

World shop() {
  World world([](index::Schema& schema) {
    schema.entity_ids["product"] = "product_id";
    schema.references["buy.product_id"] = "product";
    schema.fields["buy.weight"] = {.type = {.type = Type::Double}, .declared = true};
  });
  world.entity("product", "p1", {{"category", text("Bikes")}, {"price", number("100.00")}});
  world.entity("product", "p2", {{"category", text("Shoes")}});
  for (const char* id : {"ana", "bo", "cy", "dee"}) {
    world.person(id, {{"country", text(id[0] < 'c' ? "FR" : "DE")}});
  }
  world.event("ana", "buy", "2024-06-01T10:00:00Z",
              {{"amount", number("10.5")}, {"product_id", text("p1")}, {"coupon", text("b")}});
  world.event("ana", "buy", "2024-06-10T10:00:00Z",
              {{"amount", number("0.25")}, {"product_id", text("p2")}});
  world.event("bo", "buy", "2024-06-01T10:00:00Z",
              {{"amount", number("7")}, {"product_id", text("p9")}, {"coupon", text("z")}});
  world.event("bo", "buy", "2024-06-01T10:00:00Z",
              {{"amount", number("3")}, {"coupon", text("a")}});
  world.event("cy", "view", "2024-06-01T10:00:00Z", {{"page", text("home")}});
  world.event("cy", "buy", "2024-06-15T12:00:00.001Z", {{"amount", number("99")}});
  return world;
}

TEST(Aggregates, OfNothingAreZeroOrMissing) {
  World world = shop();
  EXPECT_EQ("ana bo cy dee", world.ask("count(\"buy\") <= 5"));
  EXPECT_EQ("cy dee", world.ask("count(\"buy\") = 0"));
  EXPECT_EQ("cy dee", world.ask("sum(amount of \"buy\") = 0"));
  EXPECT_EQ("cy dee", world.ask("distinct(coupon of \"buy\") = 0"));
  EXPECT_EQ("cy dee", world.ask("min(amount of \"buy\") is missing"));
  EXPECT_EQ("ana bo", world.ask("avg(amount of \"buy\") is present"));
  EXPECT_EQ("nobody", world.ask("max(amount of \"buy\") != max(amount of \"buy\")"));
  EXPECT_EQ("ana bo", world.ask("sum(amount of \"buy\") / count(\"buy\") > 0"));
  EXPECT_EQ("cy dee", world.ask("sum(amount of \"buy\") / count(\"buy\") is missing"));
}

TEST(Aggregates, FutureEventsDoNotCountUntilTheyArePast) {
  World world = shop();
  EXPECT_EQ("ana bo", world.ask("did \"buy\""));
  EXPECT_EQ("ana bo", world.ask("did \"buy\" from 2024-01-01"));
  EXPECT_EQ("ana bo", world.ask("did \"buy\" this month"));
  world.set_now("2024-06-15T12:00:00.001Z");
  EXPECT_EQ("ana bo cy", world.ask("did \"buy\""));
}

TEST(Aggregates, SystemEventsAreMetByNameOnly) {
  World world = shop();
  world.copy_events("view", "$contact");
  EXPECT_EQ("cy", world.ask("did \"$contact\""));
  EXPECT_EQ("cy", world.ask("count(any event) = 1"));
  EXPECT_EQ("ana bo cy", world.ask("did any event"));
  EXPECT_EQ("ana bo cy", world.ask("did (\"buy\" or \"view\")"));
}

TEST(Aggregates, AreExact) {
  World world = shop();
  EXPECT_EQ("ana", world.ask("sum(amount of \"buy\") = 10.75"));
  EXPECT_EQ("bo", world.ask("sum(amount of \"buy\") = 10"));
  EXPECT_EQ("bo", world.ask("avg(amount of \"buy\") = 5"));
  EXPECT_EQ("ana", world.ask("avg(amount of \"buy\") = 5.375"));
  EXPECT_EQ("ana", world.ask("avg(amount of \"buy\") between 5.3749 and 5.3751"));
  EXPECT_EQ("bo", world.ask("min(amount of \"buy\") >= 3 and max(amount of \"buy\") <= 7.0"));
  EXPECT_EQ("ana", world.ask("max(amount of \"buy\") in (10.50, 11)"));
  EXPECT_EQ("ana", world.ask("sum(amount * 2 of \"buy\") = 21.5"));
}

TEST(Aggregates, FirstAndLastBreakTiesByTheSmallestValue) {
  World world = shop();
  EXPECT_EQ("bo", world.ask("first(coupon of \"buy\") = \"a\""));
  EXPECT_EQ("bo", world.ask("last(coupon of \"buy\") in (\"a\", \"q\")"));
  EXPECT_EQ("bo", world.ask("last(amount of \"buy\") = 3"));
  EXPECT_EQ("ana", world.ask("last(\"buy\") > first(\"buy\")"));
  EXPECT_EQ("bo", world.ask("last(\"buy\") before 10d ago"));
  EXPECT_EQ("ana", world.ask("last(\"buy\") = 2024-06-10"));
  EXPECT_EQ("ana", world.ask("days between first(\"buy\") and last(\"buy\") = 9"));
}

TEST(Aggregates, FollowReferencesAndThePerson) {
  World world = shop();
  EXPECT_EQ("ana", world.ask("did \"buy\" where (product.category = \"Bikes\")"));
  EXPECT_EQ("ana", world.ask("did \"buy\" where (product_id.category != \"Bikes\")"));
  EXPECT_EQ("ana bo", world.ask("did \"buy\" where (product.price is missing)"));
  EXPECT_EQ("ana", world.ask("distinct(product.category of \"buy\") = 2"));
  EXPECT_EQ("bo cy dee", world.ask("distinct(product.category of \"buy\") = 0"));
  EXPECT_EQ("ana", world.ask("sum(product.price of \"buy\") = 100"));
  EXPECT_EQ("ana", world.ask("did \"buy\" where (amount < product.price)"));
  EXPECT_EQ("bo", world.ask("did \"buy\" where (profile.country = \"FR\" and amount = 7)"));
  EXPECT_EQ("ana", world.ask("did \"buy\" where (ts >= 2024-06-02)"));
  EXPECT_EQ("ana bo", world.ask("did any event where (type = \"buy\" and amount > 0.2)"));
}

TEST(Aggregates, WindowsMeetWithoutGapOrOverlap) {
  World world;
  for (const char* id : {"before", "edge", "after"}) world.person(id);
  world.event("before", "visit", "2024-05-16T11:59:59.999Z");
  world.event("edge", "visit", "2024-05-16T12:00:00Z");
  world.event("after", "visit", "2024-05-16T12:00:00.001Z");
  EXPECT_EQ("edge after", world.ask("did \"visit\" in last 30d"));
  EXPECT_EQ("before", world.ask("did \"visit\" between 60d and 30d ago"));
  EXPECT_EQ("before", world.ask("did \"visit\" before 30d ago"));
  EXPECT_EQ("edge", world.ask("did \"visit\" from 2024-05-16T12:00:00Z to "
                              "2024-05-16T12:00:00.001Z"));
}

TEST(Aggregates, SumsOfDoublesDoNotDependOnOrder) {
  const std::vector<double> weights{1e16, 1.0, -1e16, 1.0};
  std::vector<std::string> answers;
  for (const bool backwards : {false, true}) {
    World world = shop();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double weight = weights[backwards ? weights.size() - 1 - i : i];
      world.event("dee", "buy", "2024-06-0" + std::to_string(i + 1) + "T10:00:00Z",
                  {{"weight", real(weight)}});
      world.generation();
    }
    for (const char* total : {"0e0", "1e0", "2e0"}) {
      answers.push_back(world.ask("sum(weight of \"buy\") = " + std::string(total)));
    }
  }
  EXPECT_EQ(std::vector<std::string>(answers.begin(), answers.begin() + 3),
            std::vector<std::string>(answers.begin() + 3, answers.end()));
}

TEST(Aggregates, OfLargeNumbersAreRefusedNotRounded) {
  World world;
  world.person("ana");
  world.event("ana", "pay", "2024-06-01T10:00:00Z", {{"amount", number("900000000000000000")}});
  EXPECT_EQ("ana", world.ask("sum(amount of \"pay\") = 900000000000000000"));
  EXPECT_EQ("ana", world.ask("sum(amount * amount of \"pay\") > 1"));
  const auto bound = world.bind("sum(amount * amount * amount of \"pay\") > 1");
  ASSERT_TRUE(bound);
  const auto counted = query::count(**bound, {}, {});
  ASSERT_FALSE(counted);
  EXPECT_EQ(ErrorCode::LimitExceeded, counted.error().code);
}

TEST(Aggregates, SeeEventsOfEveryCommit) {
  World world;
  world.person("ana");
  world.person("bo");
  for (int day = 1; day <= 9; ++day) {
    world.event(day % 3 == 0 ? "bo" : "ana", "visit",
                "2024-06-0" + std::to_string(day) + "T10:00:00Z",
                {{"n", number(std::to_string(day) + (day > 5 ? ".5" : ""))}});
    world.generation();
  }
  EXPECT_EQ("ana", world.ask("count(\"visit\") = 6"));
  EXPECT_EQ("bo", world.ask("sum(n of \"visit\") = 19"));
  EXPECT_EQ("ana", world.ask("last(n of \"visit\") = 8.5"));
  EXPECT_EQ("ana", world.ask("count(\"visit\" where (n > 7 and n < 8)) = 1"));
}

}  // namespace
}  // namespace muster::testing
