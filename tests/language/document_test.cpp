// The page docs/segment-language.md: every example on it is read, and means what its JSON says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "query/language/language.h"

namespace muster::query {
namespace {

// The contents of every fence of that language.
std::vector<std::string> fences(const std::string& language) {
  std::ifstream page(MUSTER_SOURCE_DIR "/docs/segment-language.md");
  std::vector<std::string> found;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (!inside && line == "```" + language) {
      inside = true;
      found.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      found.back() += line + "\n";
    }
  }
  return found;
}

TEST(Document, EveryExampleIsReadAndRoundTrips) {
  const std::vector<std::string> examples = fences("segment");
  EXPECT_GE(examples.size(), 30U);
  for (const std::string& example : examples) {
    SCOPED_TRACE(example);
    const auto tree = parse(example);
    ASSERT_TRUE(tree) << tree.error().message;
    const auto again = parse(print(*tree));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(equal(*tree, *again));
    const auto json = from_json(to_json(*tree));
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_TRUE(equal(*tree, *json));
  }
}

TEST(Document, TheJsonExampleIsThatSegment) {
  const std::vector<std::string> examples = fences("json");
  ASSERT_EQ(1U, examples.size());
  const auto tree = from_json(examples.front());
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ("country = \"FR\" and did not \"Refund\" in last 30d", print(*tree));
}

TEST(Document, JsonIsWrittenAsThePageSays) {
  struct Case {
    std::string text, json;
  };
  const Case cases[] = {
      {"newsletter", R"({"holds":"newsletter"})"},
      {"a.b >= 12.50", R"({"test":{"value":{"path":["a","b"]},"op":">=","to":12.50}})"},
      {"a not in (1e3, 9223372036854775807, 2011-06-01)",
       R"({"test":{"value":{"path":"a"},"op":"not in","list":[{"double":1000e0},)"
       R"({"decimal":"9223372036854775807"},{"date":"2011-06-01"}]}})"},
      {"any tags = \"vip\"", R"({"any":{"path":"tags","op":"=","to":"vip"}})"},
      {"did not (\"a\" or \"b\") today",
       R"({"did_not":{"event":["a","b"],"window":{"today":{}}}})"},
      {"in segment \"s\" @ 3", R"({"in_segment":{"name":"s","version":3}})"},
      {"p near (1.5, 2) within 5 km", R"({"near":{"path":"p","lat":1.5,"lon":2,"within":"5 km"}})"},
      {"sum(x of any event) / 2 > -y",
       R"({"test":{"value":{"/":[{"sum":{"value":{"path":"x"},"of":{"any_event":true}}},2]},)"
       R"("op":">","to":{"negate":{"path":"y"}}}})"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto tree = parse(c.text);
    ASSERT_TRUE(tree) << tree.error().message;
    EXPECT_EQ(c.json, to_json(*tree));
  }
}

// A program that reads JSON numbers as doubles and writes them again changes their form only.
TEST(Document, PlainJsonNumbersAreReadAsInTheText) {
  const auto tree = from_json(R"({"test":{"value":{"path":"a"},"op":"in",)"
                              R"("list":[12.50,1e3,{"double":1000},{"decimal":"1.5"},-7]}})");
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ("a in (12.50, 1000e0, 1000e0, 1.5, -7)", print(*tree));
}

}  // namespace
}  // namespace muster::query
