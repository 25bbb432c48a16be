#include <gtest/gtest.h>

#include <string>

#include "query/language/language.h"

namespace muster::query {
namespace {

// Parses, and expects the text that is printed; an empty one means the same text.
void expect_printed(const std::string& text, const std::string& printed) {
  SCOPED_TRACE(text);
  const auto tree = parse(text);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(printed.empty() ? text : printed, print(*tree));
  const auto again = parse(print(*tree));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(equal(*tree, *again));
  const auto json = from_json(to_json(*tree));
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_TRUE(equal(*tree, *json));
}

TEST(Parser, ReadsTheExamplesOfTheDesign) {
  for (const std::string text :
       {R"(country in ("US", "CA") and any tags = "vip"
  and count("Order Completed" where (total >= 100 and any items
    where (category = "shoes" and qty > 1)) in last 30d) >= 2
  and did not "Refund" in last 30d and not in segment "staff")",
        R"(sum(revenue of "Order Completed" in last 90d) > 500                    -- spend)",
        R"(last("Order Completed") before 60d ago         -- bought once, but not lately)",
        R"(sum(amount of "purchase") / distinct(invoice_no of "purchase") between 200 and 400)",
        R"(count("purchase" per basket_id having (sum(amount) >= 250)) >= 1 -- some basket)",
        R"(count("purchase" per date(ts) in last 90d) >= 5                        -- days)",
        R"(days between first("purchase") and now >= 90)",
        R"(customer_since between 2011-03-01 and 2011-05-31)",
        R"(sum(amount of "purchase" where (product.category = "Bikes"))
            > 0.5 * sum(amount of "purchase"))",
        R"(sequence(a: "Campaign Received" then within 14d "Coupon Redeemed"
            where (campaign_id = a.campaign_id)))",
        R"(sequence(a: "Viewed" then within 2d "Viewed" where (sku = a.sku)) in last 30d)",
        R"(tile(5, sum(amount of "purchase") among (did "purchase")) = 5          -- quintile)",
        R"(at least 2 of (did "return", sum(amount of "purchase") >= 3000, plan = "pro"))",
        R"(did "purchase" at first where (stock_code = "85123A")                  -- part of)",
        R"(everyone top 10000 by sum(amount of "purchase" in last 30d))"}) {
    SCOPED_TRACE(text);
    const auto tree = parse(text);
    ASSERT_TRUE(tree) << tree.error().message;
    expect_printed(print(*tree), "");
  }
}

TEST(Parser, PrintsWithOnlyTheBracketsItNeeds) {
  expect_printed("(a and b) or c", "a and b or c");
  expect_printed("a and (b or c)", "");
  expect_printed("(a and b) and c", "");
  expect_printed("(((a)))", "a");
  expect_printed("not (a or b)", "");
  expect_printed("not (not (a))", "not not a");
  expect_printed("(not a) and b", "not a and b");
  expect_printed("x + (y + z) = 1", "");
  expect_printed("(x + y) + z = 1", "x + y + z = 1");
  expect_printed("(x * y) + z = (1)", "x * y + z = 1");
  expect_printed("(x + y) * z = 1", "");
  expect_printed("x - (y - z) = -1", "");
  expect_printed("-(x + y) = -(5)", "");
  expect_printed("- x < - 5", "-x < -5");
  expect_printed("(country) = (\"FR\")", "country = \"FR\"");
  expect_printed("(banked)", "banked");
  expect_printed("days between (a + b) and (-c) > 3", "");
  expect_printed("count((\"a\" or \"b\")) > 1", "count(\"a\" or \"b\") > 1");
  expect_printed("did (\"a\")", "did \"a\"");
}

TEST(Parser, ReadsEveryTest) {
  expect_printed("a != 1", "");
  expect_printed("a NOT BETWEEN 1 AND 2", "a not between 1 and 2");
  expect_printed("a not in (1, -2.50, \"x\", true, 2011-06-01, 1e3)",
                 "a not in (1, -2.50, \"x\", "
                 "true, 2011-06-01, 1000e0)");
  expect_printed("a is not missing", "a is present");
  expect_printed("a is not present", "a is missing");
  expect_printed("a not contains 'x' ignoring case", "a not contains \"x\" ignoring case");
  expect_printed("a starts with \"x\"", "");
  expect_printed("a not ends with \"x\"", "");
  expect_printed("a matches \"^x+$\"", "");
  expect_printed("any tags in (\"a\", \"b\")", "");
  expect_printed("all scores between 1 and 2", "");
  expect_printed("none visits in last 7d", "");
  expect_printed("any tags not contains \"x\"", "");
  expect_printed("none items where (qty > 1 and price < 5.00)", "");
  expect_printed("home near (48.8566, -2.35) within 500m",
                 "home near (48.8566, -2.35) within 500 m");
  expect_printed("home near (48, 2) within 1.5 km", "");
}

TEST(Parser, ReadsEveryWindow) {
  expect_printed("t in last 30 days", "t in last 30d");
  expect_printed("t in next 2w", "");
  expect_printed("t in last 3 calendar month", "t in last 3 calendar months");
  expect_printed("t in last 1 calendar years", "t in last 1 calendar year");
  expect_printed("t today and u yesterday", "");
  expect_printed("t this quarter or t last Year", "t this quarter or t last year");
  expect_printed("t between 90 d and 30 d ago", "t between 90d and 30d ago");
  expect_printed("t before 60 minutes ago", "t before 60m ago");
  expect_printed("t from 2011-06-01 to 2011-06-01T08:30", "");
  expect_printed("t from 2011-06-01T08:30:00.5+02:00", "");
  expect_printed("t before 2011-06-01", "");
  expect_printed("t on 2011-06-01", "");
  expect_printed("did \"x\" since signup.at", "");
  expect_printed("did \"x\" since 2011-06-01T00:00:00Z", "");
  expect_printed("did \"x\" since last(\"y\" in last 90d)", "");
  expect_printed("did \"x\" since first(time of \"y\")", "");
}

TEST(Parser, ReadsEveryEventConstruct) {
  expect_printed("did any event", "");
  expect_printed("did not (\"a\" or \"b\") at last where (x) per y having (count() > 1) today", "");
  expect_printed("count(any event per date(ts)) > 1", "");
  expect_printed("p95(x + 1 of \"a\" or \"b\" in last 1d) > 1", "");
  expect_printed("most_common(x of any event) = \"y\"", "");
  expect_printed("first(\"a\" or \"b\") today", "");
  expect_printed("first((\"a\" or \"b\") where (x)) today",
                 "first(\"a\" or \"b\" where (x)) today");
  expect_printed("last(\"x\" of \"a\") = \"x\"", "");
  expect_printed("last((x + y) of \"a\") = 1", "last(x + y of \"a\") = 1");
  expect_printed(
      "sequence(\"a\" then without (\"b\" or \"c\" today) d: (\"e\" or \"f\") at first) "
      "within 3d this month",
      "");
  expect_printed("sequence(within: \"a\" then within 3d within: any event)", "");
}

TEST(Parser, ReadsSegmentsListsAndShares) {
  expect_printed("in segment \"vip\" @ 3 and not in segment \"staff\" or in list \"seed\"", "");
  expect_printed("entered \"vip\" in last 7d and left \"vip\" today", "");
  expect_printed("sample 0.5% salt \"q3\"", "");
  expect_printed("anniversary(birth_date) in next 7d", "");
  expect_printed("nobody top 5 by x asc", "");
  expect_printed("everyone top 5 by x desc", "everyone top 5 by x");
  expect_printed("size(tags) = 0 and weekday(now) = 1 and tile(10, x) = 1", "");
}

TEST(Parser, WordsAreKeywordsOnlyWhereTheyCanBe) {
  expect_printed("count > 1 and first = 2 and date = 3 and size(size) = 4", "");
  expect_printed("between between 1 and 2", "");
  expect_printed("left = 1 and entered and sample and at and top", "");
  expect_printed("`days` between 1 and 2", "");
  expect_printed("everyone.name = 1", "`everyone`.name = 1");
  expect_printed("everyone = 1", "`everyone` = 1");
  expect_printed("segment = 1 and list.in = 2 and where and has.where", "");
  expect_printed("any event = \"x\"", "");
  expect_printed("x.`and`.y = `not`", "");
  expect_printed("größe = 1 and `2nd` = 2 and `a b\\`c` = 3", "");
}

TEST(Parser, TextsAndNamesAreInNormalFormC) {
  expect_printed("cafe\xCC\x81 = \"e\xCC\x81\"", "caf\xC3\xA9 = \"\xC3\xA9\"");
  expect_printed("a = '\\u0065\\u0301 \\ud83d\\ude00 \\' \\n'", "a = \"\xC3\xA9 😀 ' \\n\"");
}

TEST(Parser, NodesKnowWhereTheyBegan) {
  const auto tree = parse("a = 1\n  and größe = 2 and b is missing -- end");
  ASSERT_TRUE(tree);
  ASSERT_EQ(3U, (*tree)->children.size());
  EXPECT_EQ(1U, (*tree)->children[0]->place.line);
  EXPECT_EQ(1U, (*tree)->children[0]->place.column);
  const Node& second = *(*tree)->children[1];
  EXPECT_EQ(2U, second.place.line);
  EXPECT_EQ(7U, second.place.column);
  EXPECT_EQ(15U, second.children[1]->place.column);
  EXPECT_EQ(21U, (*tree)->children[2]->place.column);  // Columns count code points.
}

TEST(Parser, NumbersKeepTheirKind) {
  const auto tree = parse("a in (12, 12.50, 1e3, -9223372036854775808)");
  ASSERT_TRUE(tree);
  const auto& literals = (*tree)->literals;
  EXPECT_EQ(Literal(Decimal{12, 0}), literals[0]);
  EXPECT_EQ(2, std::get<Decimal>(literals[1]).scale);
  EXPECT_EQ(Literal(1000.0), literals[2]);
  EXPECT_EQ(INT64_MIN, std::get<Decimal>(literals[3]).mantissa);
}

}  // namespace
}  // namespace muster::query
