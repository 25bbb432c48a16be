#include "loader/decoder.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/loader/decode.h"

namespace muster::testing {
namespace {

using storage::DataFormat;

TEST(Ndjson, EveryKindOfValueBecomesItsCell) {
  struct Case {
    std::string line, shown;
  };
  const Case cases[] = {
      {R"({"a":1,"b":-2,"c":0})", "1: a=1 b=-2 c=0\n"},
      {R"({"a":true,"b":false,"c":null})", "1: a=true b=false c=null\n"},
      {R"({"a":12.50,"b":-0.000001,"c":1.0})", "1: a=12.50d b=-0.000001d c=1.0d\n"},
      {R"({"a":1e3,"b":1.5E-2,"c":-0e0})", "1: a=1000f b=0.015f c=-0f\n"},
      {R"({"a":"x","b":"","c":"\u00e9\n\"\\\ud83d\ude00"})",
       "1: a='x' b='' c='\u00e9\n\"\\\U0001f600'\n"},
      {R"({"a":["x","y"],"b":[1,2.5,1e1],"c":[true],"d":[]})",
       "1: a=['x', 'y'] b=[1, 2.5d, 10f] c=[true] d=[]\n"},
      {R"({"a":{"b":{"c":1},"d":"x"},"e":2})", "1: a.b.c=1 a.d='x' e=2\n"},
      {R"({"a":{}, "b":{"c": {} }})", "1: a=json {} b.c=json {}\n"},
      {R"({"a":[{"x":1}, {"x":2}]})", "1: a=json [{\"x\":1}, {\"x\":2}]\n"},
      {R"({"a":[[1]],"b":[1,"x"],"c":[null],"d":[1,null]})",
       "1: a=json [[1]] b=json [1,\"x\"] c=json [null] d=json [1,null]\n"},
      {"{}", "1:\n"},
      {"  { \"a\" : [ 1 , 2 ] ,\t\"b\" : { \"c\" : \"x\" } }  ", "1: a=[1, 2] b.c='x'\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(c.shown, show(ndjson(c.line)));
  }
}

TEST(Ndjson, NumbersAreKeptExactlyOrRefused) {
  struct Case {
    std::string number, shown;
  };
  const Case cases[] = {
      {"9223372036854775807", "1: a=9223372036854775807\n"},
      {"-9223372036854775808", "1: a=-9223372036854775808\n"},
      {"-0", "1: a=0\n"},
      {"0.1234560000000000000000000", "1: a=0.123456d\n"},
      {"123456789012.123456", "1: a=123456789012.123456d\n"},
      {"0.1234567", "1: a=0.1234567f\n"},
      {"52.520006599", "1: a=52.520006599f\n"},
      {"0.30000000000000004", "1: a=0.30000000000000004f\n"},
      {"1e-400", "1: a=0f\n"},
      {"1e308", "1: a=1e+308f\n"},
      {"0e99999999999999999999", "1: a=0f\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.number);
    EXPECT_EQ(c.shown, show(ndjson("{\"a\":" + c.number + "}")));
  }
  for (const char* refused : {"9223372036854775808",
                              "-9223372036854775809",
                              "18446744073709551616",
                              "1e309",
                              "-1E400",
                              "1.000000000000000005",
                              "0.3333333333333333333333333333",
                              "1234567890123.1234567",
                              "1e99999999999999999999",
                              "01",
                              "+1",
                              ".5",
                              "5.",
                              "1_000",
                              "0x10",
                              "NaN",
                              "Infinity",
                              "--1",
                              "1e",
                              "1.e1",
                              "-",
                              "1 2"}) {
    SCOPED_TRACE(refused);
    const index::Batch batch = ndjson(std::string("{\"a\":") + refused + "}");
    EXPECT_EQ(0U, batch.rows);
    EXPECT_EQ(1U, batch.rejected.size());
  }
}

TEST(Ndjson, SaysWhichLineIsBadAndTakesTheOthers) {
  struct Case {
    std::string line, reason;
  };
  const Case cases[] = {
      {"{bad", "the row does not end with the closing brace of its object"},
      {"[1]", "the row is not a JSON object; a row looks like {\"id\": \"a\"}"},
      {"17", "the row is not a JSON object; a row looks like {\"id\": \"a\"}"},
      {"{\"a\":1}{\"a\":2}",
       "the line has more behind its JSON object; each row stands on a line of its own"},
      {"{\"a\":1,}", "the row is not valid JSON"},
      {"{\"a\":1", "the row does not end with the closing brace of its object"},
      {"{\"a\":\"x}", "the row has a text that is not closed"},
      {"{\"a\":\"\x01\"}",
       "the row has a control character inside a text; JSON writes it as \\u00XX"},
      {"{\"a\":\"\xff\"}", "the row is not valid UTF-8"},
      {"{\"a\":\"\xed\xa0\x80\"}", "the row is not valid UTF-8"},
      {R"({"a":"\ud800"})",
       "the text in 'a' has an escape that is none of JSON's or half a character"},
      {R"({"a":1,"b":2,"a":3})", "the field 'a' stands twice in the row"},
      {R"({"a":1,"\u0061":3})", "the field 'a' stands twice in the row"},
      {R"({"a":{"b":1},"a":{"c":1}})", "the field 'a' stands twice in the row"},
      {R"({"a":{"b":1},"a.b":3})", "the field 'a.b' stands twice in the row"},
      {R"({"a.b":3,"a":{"b":1}})", "the field 'a.b' stands twice in the row"},
      {R"({"":1})", "the row has a field without a name"},
      {R"({"a":18446744073709551615})",
       "the number in 'a' does not fit a 64-bit integer; send it as a text"},
      {R"({"a":"b":1})", "the row is not valid JSON"},
      {R"({"a":[1}})", "the row is not valid JSON"},
      {R"({"a":[1],"b":[{"c":1]}})", "the value of 'b' is not valid JSON"},
      {R"({"a":tru})", "the row is not valid JSON"},
      {R"({"a":truex})", "the row is not valid JSON"},
      {std::string("{\"a\":1}\0", 8), "the row does not end with the closing brace of its object"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    const std::string file = "{\"k\":1}\n" + c.line + "\n{\"k\":2}\n";
    EXPECT_EQ("1: k=1\n3: k=2\n2: !" + c.reason + "\n", show(ndjson(file)));
  }
}

TEST(Ndjson, ObjectsThatCannotBeFieldsAreKeptWordForWord) {
  struct Case {
    std::string line, shown;
  };
  const Case cases[] = {
      {R"({"a":{"x":1,"x":2},"b":1})", "1: a=json {\"x\":1,\"x\":2} b=1\n"},
      {R"({"a":{"b":{"x":1,"x":2},"c":"t"}})", "1: a.b=json {\"x\":1,\"x\":2} a.c='t'\n"},
      {R"({"a":{"c":"t","b":{"x":"u"},"b.x":2}})",
       "1: a=json {\"c\":\"t\",\"b\":{\"x\":\"u\"},\"b.x\":2}\n"},
      {R"({"a":{"":1}})", "1: a=json {\"\":1}\n"},
      {"{\"a\":{\"\u00e9\":1,\"e\u0301\":2}}", "1: a=json {\"\u00e9\":1,\"e\u0301\":2}\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    // Twice: what the first row left behind must not disturb the second.
    std::string twice = c.shown;
    twice[0] = '2';
    EXPECT_EQ(c.shown + twice, show(ndjson(c.line + "\n" + c.line)));
  }
}

TEST(Ndjson, KeysThatLookLikeEachOtherStayApart) {
  // The name a\b (a backslash) and the name a<backspace>, both spellings of each, and a quote.
  EXPECT_EQ("1: a\\b=1 a\b=2 q\"=3\n2: a\\b=5 a\b=4 q\"=6\n",
            show(ndjson(R"({"a\\b":1,"a\b":2,"q\"":3}
{"a\b":4,"a\\b":5,"q\u0022":6})")));
}

TEST(Ndjson, ARowThatIsRefusedLeavesNoColumnBehind) {
  const index::Batch batch = ndjson(
      "{\"a\":1,\"o\":{\"x\":1}}\n{\"o\":5,\"b\":[1,2],\"c\":\"t\",\"d\":01}\n{\"o\":\"s\",\"e\":"
      "1}");
  EXPECT_EQ("1: a=1 o.x=1\n3: o='s' e=1\n2: !the row is not valid JSON\n", show(batch));
  ASSERT_EQ(4U, batch.columns.size());
  EXPECT_TRUE(batch.elements.empty());
  EXPECT_EQ("s", batch.text);
}

TEST(Ndjson, TextsAndNamesComeInNormalFormC) {
  EXPECT_EQ("1: \u00e9='\u00e9'\n2: \u00e9='\u00e9'\n",
            show(ndjson("{\"e\u0301\":\"e\u0301\"}\n{\"\\u00e9\":\"\\u0065\\u0301\"}")));
}

TEST(Ndjson, BlankLinesCountAsLinesOnly) {
  EXPECT_EQ("2: a=1\n5: a=2\n", show(ndjson("\r\n{\"a\":1}\r\n \t\n\n{\"a\":2}")));
  EXPECT_EQ("", show(ndjson("")));
  EXPECT_EQ("", show(ndjson("\n\n")));
}

TEST(Ndjson, LimitsRefuseTheLineAndNameTheField) {
  const std::string long_text(kTextBytesMax + 1, 'x');
  const std::string long_name(kNameBytesMax + 1, 'n');
  std::string elements = "1";
  for (std::size_t i = 0; i < kListElementsMax; ++i)
    elements += ",1";
  std::string keys;
  for (std::size_t i = 0; i <= kFieldsMax; ++i) {
    keys += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  }
  std::string deep = "1";
  for (std::size_t i = 0; i < kNestingMax; ++i)
    deep = "{\"d\":" + deep + "}";
  const std::string lists = std::string(kNestingMax, '[') + std::string(kNestingMax, ']');
  const std::pair<std::string, std::string> cases[] = {
      {"{\"a\":\"" + long_text + "\"}", "the text in 'a' is longer than 65536 bytes"},
      {"{\"" + long_name + "\":1}",
       "the field name '" + long_name.substr(0, 80) + "...' is longer than 512 bytes"},
      {"{\"a\":[" + elements + "]}", "the list in 'a' has more than 65535 elements"},
      {"{" + keys + "}", "the field 'k4096' is one too many: a table has at most 4096 fields"},
      {"{\"a\":" + deep + "}", "the row is nested deeper than 64 levels"},
      {"{\"a\":" + lists + "}", "the value of 'a' is nested deeper than 64 levels"},
      {"{\"a\":" + std::string(100'000, '[') + "}", "the row is not valid JSON"},
      {"{\"a\":\"" + std::string(kLineBytesMax, 'x') + "\"}",
       "the row is longer than 1048576 bytes"},
  };
  for (const auto& [line, reason] : cases) {
    SCOPED_TRACE(reason);
    EXPECT_EQ("2: k=1\n1: !" + reason + "\n", show(ndjson(line + "\n{\"k\":1}")));
  }
}

TEST(Ndjson, ManyDifferentBadFieldsDoNotUseUpTheRoomForGoodOnes) {
  std::string file;
  for (std::size_t i = 0; i < 2 * kFieldsMax; ++i) {
    file += "{\"bad" + std::to_string(i) + "\":01}\n{\"o\":{\"x" + std::to_string(i) + "\":1,\"x" +
            std::to_string(i) + "\":1}}\n";
  }
  const index::Batch batch = ndjson(file + "{\"good\":1}");
  EXPECT_EQ(2 * kFieldsMax + 1, batch.rows);
  ASSERT_EQ(2U, batch.columns.size());
  EXPECT_EQ("good", batch.columns[1].name);
}

TEST(JsonArray, ElementsCountAsLines) {
  const auto batch = decode(DataFormat::JsonArray,
                            " [ {\"a\":1},\n\n {\"a\":[\"],[\",\"\\\"\"]} , 5, {\"a\":\n3} ] \n");
  ASSERT_TRUE(batch);
  EXPECT_EQ(
      "1: a=1\n2: a=['],[', '\"']\n4: a=3\n"
      "3: !the row is not a JSON object; a row looks like {\"id\": \"a\"}\n",
      show(*batch));
  const auto empty = decode(DataFormat::JsonArray, "[ ]");
  ASSERT_TRUE(empty);
  EXPECT_EQ(0U, empty->rows);
}

TEST(JsonArray, IsRefusedAsAWholeWhenItCannotBeWalked) {
  for (const char* body : {"", "{}", "[", "[{\"a\":1}", "[{\"a\":1},", "[{\"a\":1},]", "[,]",
                           "[{\"a\":1}{\"a\":2}]", "[{\"a\":1}] x", "[] []", "[{\"a\":\"x}]",
                           "\xef\xbb\xbf[]", "[{\"a\":[1}]", "[{\"a\":1}}]"}) {
    SCOPED_TRACE(body);
    const auto batch = decode(DataFormat::JsonArray, body);
    ASSERT_FALSE(batch);
    EXPECT_EQ(ErrorCode::InvalidArgument, batch.error().code);
  }
}

TEST(JsonFormat, IsKnownByTheFirstCharacter) {
  EXPECT_EQ(DataFormat::JsonArray, loader::json_format_of(" \n[{}]"));
  EXPECT_EQ(DataFormat::Ndjson, loader::json_format_of("{\"a\":[]}"));
  EXPECT_EQ(DataFormat::Ndjson, loader::json_format_of(""));
}

}  // namespace
}  // namespace muster::testing
