// What binding refuses, with places and nearest names, and what it warns of.
#include <gtest/gtest.h>

#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

World small_world() {
  World world([](index::Schema& schema) {
    schema.entity_ids["product"] = "product_id";
    schema.references["buy.product_id"] = "product";
    schema.references["buy.gift_id"] = "product";
  });
  world.entity("product", "p1", {{"category", text("Bikes")}});
  world.person("ana", {{"country", text("FR")},
                       {"age", number("30")},
                       {"vip", truth(true)},
                       {"joined", text("2024-01-01")},
                       {"tags", list({text("a")})}});
  world.person("bo");
  world.event("ana", "buy", "2024-06-01T10:00:00Z",
              {{"amount", number("5.00")}, {"product_id", text("p1")}, {"gift_id", text("p1")}});
  world.event("ana", "view", "2024-06-01T10:00:00Z", {{"amount", text("much")}});
  return world;
}

TEST(Binding, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string where, message;
    ErrorCode code = ErrorCode::InvalidArgument;
  };
  const Case cases[] = {
      {"contry = \"FR\"", "line 1, column 1: no attribute 'contry'; did you mean 'country'?"},
      {"vip and\n  contry = 5",
       "line 2, column 3: no attribute 'contry'; did you mean 'country'?"},
      {"country = 5", "line 1, column 11: this is a number and is compared with a text"},
      {"age > \"old\"", "line 1, column 7: this is a text and is compared with a number"},
      {"vip > true", "line 1, column 1: true or false has no order here: ask with =, != or in"},
      {"country < \"M\"", "line 1, column 1: a text has no order here: ask with =, != or in"},
      {"did \"buuy\"", "line 1, column 5: no event 'buuy'; did you mean 'buy'?"},
      {"sum(amont of \"buy\") > 5",
       "line 1, column 5: no property 'amont'; did you mean 'amount'?"},
      {"sum(product_id of \"buy\") > 5", "line 1, column 5: sum() cannot take a text"},
      {"tags = \"a\"",
       "line 1, column 1: 'tags' has several values: say any, all or none, or ask for its size()"},
      {"any country = \"a\"",
       "line 1, column 1: 'country' has one value: leave out any, all or none"},
      {"joined + 1 > 2024-01-01",
       "line 1, column 1: times cannot be added or multiplied; write 'days between a and b'"},
      {"did \"buy\" where (product.category = \"x\")",
       "line 1, column 18: 'product.category' can be read as the product of 'gift_id' (write "
       "gift_id.category) and as the product of 'product_id' (write product_id.category)"},
      {"did (\"buy\" or \"view\") where (amount = 5)",
       "line 1, column 30: 'amount' is decimal(2) in 'buy' and string in 'view': ask for "
       "one at a time"},
      {"did \"buy\" in next 3d",
       "line 1, column 11: events later than now do not count, so 'in next' would hold none"},
      {"in segment \"x\"", "line 1, column 1: no segment 'x'", ErrorCode::NotFound},
      {"country matches \"(\"",
       "line 1, column 1: the pattern \"(\" cannot be read: missing ): ("},
      {"did \"buy\" where (did \"buy\")",
       "line 1, column 18: an aggregate of events asks about people and cannot stand inside "
       "'where' or 'having'"},
      {"tile(0, age) = 5",
       "line 1, column 1: people are cut into 1 to 1,000,000 tiles"},
      {"tile(5, country) = 5", "line 1, column 9: a text has no order to be ranked by"},
      {"entered \"x\" in last 3d", "line 1, column 1: no segment 'x'", ErrorCode::NotFound},
      {"count(\"buy\" per product_id having (amount > 1)) > 1",
       "line 1, column 36: inside 'having' only aggregates such as sum(amount) see the group"},
  };
  World world = small_world();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.where);
    const auto bound = world.bind(c.where);
    ASSERT_FALSE(bound);
    EXPECT_EQ(c.message, bound.error().message);
    EXPECT_EQ(c.code, bound.error().code);
  }
}

TEST(Binding, NamesTheNearestForPrograms) {
  const auto bound = small_world().bind("contry = \"FR\"");
  ASSERT_FALSE(bound);
  ASSERT_EQ(1U, bound.error().details.size());
  EXPECT_EQ("country", bound.error().details[0].nearest);
  EXPECT_EQ(1U, bound.error().details[0].column);
}

TEST(Binding, UnknownNamesMayBeAllowedAndAreMissing) {
  World world = small_world();
  world.allow_unknown();
  EXPECT_EQ("nobody", world.ask("shoe_size > 40"));
  EXPECT_EQ("ana bo", world.ask("not (shoe_size > 40)"));
  EXPECT_EQ("ana bo", world.ask("shoe_size is missing"));
  EXPECT_EQ("nobody", world.ask("did \"fly\" where (plane = \"A380\")"));
  EXPECT_EQ("nobody", world.ask("any hats = \"red\""));
  EXPECT_EQ("ana bo", world.ask("sum(miles of \"fly\") = 0"));
  EXPECT_EQ("nobody", world.ask("in segment \"later\""));
}

TEST(Binding, RefusesSegmentsThatReferToThemselves) {
  World world = small_world();
  world.segment("a", "vip and in segment \"b\"");
  world.segment("b", "in segment \"a\" or age > 3");
  const auto bound = world.bind("in segment \"a\"");
  ASSERT_FALSE(bound);
  EXPECT_EQ(ErrorCode::Conflict, bound.error().code);
  EXPECT_NE(std::string::npos, bound.error().message.find("'a' -> 'b' -> 'a'"));
}

TEST(Binding, SegmentsThatReferTwiceToEachOtherStaySmall) {
  World world = small_world();
  world.segment("s0", "age > 3 and count(\"buy\") >= 1");
  for (int i = 1; i <= 15; ++i) {
    const std::string below = "in segment \"s" + std::to_string(i - 1) + "\"";
    world.segment("s" + std::to_string(i), i % 2 == 0 ? below + " and not (not " + below + ")"
                                                      : "not " + below + " or " + below);
  }
  EXPECT_EQ(2U, world.count("in segment \"s15\""));
}

TEST(Binding, WarnsOfClausesThatDecideNothing) {
  struct Case {
    std::string where, warning;
  };
  const Case cases[] = {
      {"age between 40 and 30 and vip", "'age between 40 and 30' is never true"},
      {"country = \"XX\"", "'country = \"XX\"' is never true"},
      {"count(\"buy\") >= 0", "'count(\"buy\") >= 0' is always true"},
      {"count(\"buy\") < 0", "'count(\"buy\") < 0' is never true"},
      {"country != \"DE\"",
       "1 of 2 profiles have no 'country' and are out of 'country != \"DE\"' for that alone"},
  };
  World world = small_world();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.where);
    const auto bound = world.bind(c.where);
    ASSERT_TRUE(bound) << bound.error().message;
    const std::vector<std::string> warnings = query::warnings(**bound);
    ASSERT_FALSE(warnings.empty());
    EXPECT_EQ(c.warning, warnings[0]);
  }
  EXPECT_TRUE(query::warnings(**world.bind("everyone")).empty());
}

TEST(Explanations, ShowWhatThePersonHas) {
  World world = small_world();
  const auto bound = world.bind("country = \"FR\" and (count(\"buy\") >= 1 or age > 50)");
  ASSERT_TRUE(bound);
  const auto ana = query::explain(**bound, world.ordinal_of("ana"));
  ASSERT_TRUE(ana);
  EXPECT_TRUE(ana->holds);
  ASSERT_EQ(2U, ana->children.size());
  EXPECT_EQ("country is \"FR\"", ana->children[0].value);
  const query::ExplainedNode& counted = ana->children[1].children.at(0);
  EXPECT_EQ("count(\"buy\") is 1", counted.value);
  ASSERT_EQ(1U, counted.events.size());
  EXPECT_NE(std::string::npos, counted.events[0].find("2024-06-01T10:00:00Z"));
  EXPECT_FALSE(ana->children[1].children.at(1).holds);
  EXPECT_EQ("age is 30", ana->children[1].children.at(1).value);

  const auto bo = query::explain(**bound, world.ordinal_of("bo"));
  ASSERT_TRUE(bo);
  EXPECT_FALSE(bo->holds);
  EXPECT_EQ("country is missing", bo->children.at(0).value);
}

TEST(Plans, SayHowEachNodeIsAnswered) {
  World world = small_world();
  const auto bound = world.bind("did \"buy\" and age > 3 and country = \"FR\"");
  ASSERT_TRUE(bound);
  const query::PlannedNode plan = query::plan_of(**bound);
  ASSERT_EQ(3U, plan.children.size());
  EXPECT_EQ("value bitmaps", plan.children[0].method);
  EXPECT_EQ(1U, plan.children[0].estimated);
  EXPECT_EQ("column scan", plan.children[1].method);
  EXPECT_EQ("event aggregate", plan.children[2].method);
}

}  // namespace
}  // namespace muster::testing
