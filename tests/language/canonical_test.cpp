#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "query/language/language.h"

namespace muster::query {
namespace {

NodePtr tree_of(const std::string& text) {
  auto tree = parse(text);
  EXPECT_TRUE(tree) << text << ": " << tree.error().message;
  return tree ? *tree : std::make_shared<const Node>();
}

TEST(Canonical, WritesEqualMeaningsTheSame) {
  struct Case {
    std::string text, canonical;
  };
  const Case cases[] = {
      {"b and a", "a and b"},
      {"a and (b and (c and a))", "a and b and c"},
      {"a and a", "a"},
      {"c or b or (a and a)", "a or b or c"},
      {"not not a", "a"},
      {"not not not a", "not a"},
      {"did not \"x\"", "not did \"x\""},
      {"not did not \"x\"", "did \"x\""},
      {"a is present", "not a is missing"},
      {"not a is present", "a is missing"},
      {"total = 1.50", "total = 1.5"},
      {"total = 2.00", "total = 2"},
      {"5 < total", "total > 5"},
      {"\"FR\" = country", "country = \"FR\""},
      {"banked = true", "banked"},
      {"banked = false", "banked = false"},
      {"did \"x\" in last 24h", "did \"x\" in last 1d"},
      {"did \"x\" in last 336 hours", "did \"x\" in last 2w"},
      {"did \"x\" in last 90s", "did \"x\" in last 90s"},
      {"did (\"b\" or \"a\" or \"b\")", "did (\"a\" or \"b\")"},
      {"x in (\"b\", \"a\", \"b\", 1.0, 1)", "x in (\"a\", \"b\", 1)"},
      {"z * y + x + 0 = 1", "0 + (x + y * z) = 1"},
      {"y * x = 1", "x * y = 1"},
      {"y - x = 1", "y - x = 1"},
      {"x = -(5)", "x = -5"},
      {"x = -(-(y))", "x = y"},
      {"ts before 2011-06-01T02:00+02:00", "ts before 2011-06-01T00:00:00Z"},
      {"ts before 2011-06-01t02:00", "ts before 2011-06-01T02:00:00"},
      {"at least 2 of (b, a, a)", "at least 2 of (a, a, b)"},
      {"any tags is present", "any tags is present"},
      {"sample 10.0%", "sample 10%"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(c.canonical, print(canonical(tree_of(c.text))));
  }
}

TEST(Canonical, KeepsDifferentMeaningsApart) {
  const std::vector<std::string> texts = {"a",
                                          "b",
                                          "not a",
                                          "a and b",
                                          "a or b",
                                          "a = 1",
                                          "a = 1e0",
                                          "a = \"1\"",
                                          "a > 1",
                                          "a < 1",
                                          "a - b = 1",
                                          "b - a = 1",
                                          "did \"a\"",
                                          "did not \"a\"",
                                          "did \"a\" in last 1d",
                                          "a in (1)",
                                          "a not in (1)",
                                          "a != 1",
                                          "at least 2 of (a, a, b)",
                                          "at least 2 of (a, b)"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(canonical_hash(tree_of(texts[i])), canonical_hash(tree_of(texts[j])))
          << texts[i] << " and " << texts[j];
    }
  }
}

// The hash names shared sub-expressions across restarts and versions: a change here is a break.
TEST(Canonical, HashIsFixedForever) {
  const Hash128 hash =
      canonical_hash(tree_of("country in (\"US\", \"CA\") and any tags = \"vip\""));
  EXPECT_EQ(hash128("any tags = \"vip\" and country in (\"CA\", \"US\")"), hash);
}

TEST(ReferencedSegments, AreFoundWhereverTheyStand) {
  const NodePtr tree = tree_of(
      "(in segment \"b\" or entered \"a\" in last 7d or not left \"c\" today) and in list \"no\" "
      "and did \"x\" where (in segment \"d\") and in segment \"b\" @ 2 "
      "and tile(5, count(\"x\" per y having (in segment \"e\")) among (in segment \"f\")) = 1 "
      "and sequence(\"x\" then without (\"y\" where (in segment \"g\")) \"z\") "
      "since first(\"x\" where (in segment \"h\"))");
  const std::vector<std::string> expected = {"a", "b", "c", "d", "e", "f", "g", "h"};
  EXPECT_EQ(expected, referenced_segments(tree));
  EXPECT_TRUE(referenced_segments(tree_of("everyone")).empty());
}

TEST(ReferencedFields, AreThoseOfPeople) {
  const NodePtr tree = tree_of(
      "a > 1 and b and (1 < c / 2 or any d = e.f) and did \"x\" where (no = profile.no) since g "
      "and sum(no of \"x\" per no having (sum(no) > 1) since h) > i and anniversary(j) today "
      "and sequence(\"x\" then \"y\" where (no = 1)) since k and any l where (no = 1) "
      "and sequence(\"x\" then without (\"z\" where (no = 1) since o) \"y\") "
      "and tile(5, m among (n = 1)) = 1");
  const std::vector<std::string> expected = {"a", "b", "c", "d", "e.f", "g", "h",
                                             "i", "j", "k", "l", "m", "n", "o"};
  EXPECT_EQ(expected, referenced_fields(tree));
}

TEST(Values, AreReadAlone) {
  const auto value = parse_value("sum(amount of \"purchase\" in last 90d) / 2");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ("sum(amount of \"purchase\" in last 90d) / 2", print(*value));
  const auto again = value_from_json(to_json(*value));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(equal(*value, *again));
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {"a > 1", "line 1, column 3: found a condition where a value alone was expected"},
      {"did \"x\"", "line 1, column 1: "},
      {"a b", "line 1, column 3: found 'b' where an operator such as + or the end was expected"},
      {"", "line 1, column 1: found the end where a value was expected"},
  };
  for (const Case& each : cases) {
    const auto read = parse_value(each.text);
    ASSERT_FALSE(read) << each.text;
    EXPECT_EQ(each.message, read.error().message.substr(0, each.message.size()));
  }
  EXPECT_FALSE(value_from_json("{\"everyone\": {}}"));
}

}  // namespace
}  // namespace muster::query
