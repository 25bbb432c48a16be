// The JSON of requests: known keys, each once, and places of what is wrong.
#include "server/http/json_request.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

TEST(JsonObject, ReadsMembersByType) {
  const auto json = JsonObject::parse(
      R"({"where": "a = 1", "limit": 5, "dry": true, "fields": ["x", "y"], "none": null})");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ("a = 1", *json->text("where"));
  EXPECT_EQ(5U, *json->number_or("limit", 0));
  EXPECT_TRUE(*json->flag_or("dry", false));
  EXPECT_EQ((std::vector<std::string>{"x", "y"}), *json->texts("fields"));
  EXPECT_FALSE(json->has("none"));
  EXPECT_EQ("z", *json->text_or("none", "z"));
  for (const std::string key : {"limit", "dry", "fields", "absent"}) {
    const auto wrong = json->text(key);
    ASSERT_FALSE(wrong);
    EXPECT_NE(std::string::npos, wrong.error().message.find(key));
  }
  EXPECT_FALSE(json->number_or("where", 0));
}

TEST(JsonObject, ElementsKeepTheirBytes) {
  const auto json = JsonObject::parse(
      R"({"by": ["a,\"]", 18.50 ,{"x": [1, "],"]}, [ ], "\u0062", null], "none": [], "n": 1})");
  ASSERT_TRUE(json) << json.error().message;
  const auto elements = json->elements("by");
  ASSERT_TRUE(elements) << elements.error().message;
  const std::pair<bool, std::string> expected[] = {{true, "a,\"]"},       {false, "18.50"},
                                                   {false, "{\"x\": [1, \"],\"]}"},
                                                   {false, "[ ]"},       {true, "b"},
                                                   {false, "null"}};
  ASSERT_EQ(std::size(expected), elements->size());
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(expected[i].first, elements->at(i).is_text);
    EXPECT_EQ(expected[i].second, elements->at(i).value);
  }
  EXPECT_TRUE(json->elements("none")->empty());
  EXPECT_TRUE(json->elements("absent")->empty());
  EXPECT_FALSE(json->elements("n"));
}

TEST(JsonObject, NumbersAreWholeAndNotNegative) {
  for (const std::string text : {"-1", "1.5", "1e3", "99999999999999999999", "\"1\""}) {
    const auto json = JsonObject::parse("{\"limit\":" + text + "}");
    ASSERT_TRUE(json) << text;
    EXPECT_FALSE(json->number_or("limit", 0)) << text;
  }
}

TEST(JsonObject, RefusesAKeyThatStandsTwice) {
  const std::string twice[] = {
      R"({"a": 1, "a": 2})",
      R"({"a": 1, "\u0061": 2})",
      R"({"x": [{"b": {"c": 1, "c": 2}}]})",
  };
  for (const std::string& text : twice) {
    SCOPED_TRACE(text);
    const auto json = JsonObject::parse(text);
    ASSERT_FALSE(json);
    EXPECT_NE(std::string::npos, json.error().message.find("twice")) << json.error().message;
  }
  EXPECT_TRUE(JsonObject::parse(R"({"a": {"b": 1}, "b": [{"a": 1}, {"a": "a"}]})"));
}

TEST(JsonObject, SaysWhereItIsWrong) {
  const auto json = JsonObject::parse("{\"a\": 1,\n  \"b\": x}");
  ASSERT_FALSE(json);
  ASSERT_EQ(1U, json.error().details.size());
  EXPECT_EQ(2U, json.error().details[0].line);
  EXPECT_EQ(8U, json.error().details[0].column);
  for (const std::string text : {"", "[]", "1", "{", "{} {}", "{\"a\":1,}", "{'a':1}", "\xff"}) {
    EXPECT_FALSE(JsonObject::parse(text)) << text;
  }
}

TEST(JsonObject, NamesTheUnknownKeyAndTheNearest) {
  const auto json = JsonObject::parse(R"({"wehre": "x"})");
  ASSERT_TRUE(json);
  const Status status = json->only({"where", "as_of"});
  ASSERT_FALSE(status);
  EXPECT_NE(std::string::npos, status.error().message.find("'wehre'"));
  EXPECT_EQ("where", status.error().details.at(0).nearest);
}

TEST(JsonObject, KeepsTheBytesOfAnInnerDocument) {
  const auto json = JsonObject::parse(R"( {"n": 1, "where" : {"x": [0.10, 1e2, "}"]} , "b":2} )");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(R"({"x": [0.10, 1e2, "}"]})", *json->text_or_json("where"));
  ASSERT_EQ(3U, json->members().size());
  EXPECT_EQ("2", json->members()[2].second);
}

TEST(JsonObject, BoundsTheDepth) {
  const std::string deep(10'000, '[');
  const auto json = JsonObject::parse("{\"a\":" + deep + "}");
  ASSERT_FALSE(json);
  std::string fits = "{\"a\":";
  for (int i = 0; i < 200; ++i) fits += '[';
  for (int i = 0; i < 200; ++i) fits += ']';
  EXPECT_TRUE(JsonObject::parse(fits + "}"));
}

}  // namespace
}  // namespace muster::server
