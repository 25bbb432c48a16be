// What is said about a text or a JSON that does not fit: where, what was found, what would fit.
#include <gtest/gtest.h>

#include <string>

#include "query/language/language.h"

namespace muster::query {
namespace {

struct TextError {
  std::string text, message;
};

const TextError kTextErrors[] = {
    {"", "line 1, column 1: found the end where a condition was expected"},
    {"country 'FR'", "line 1, column 9: found 'FR' where '=' or another test was expected"},
    {"country =", "line 1, column 10: found the end where a value was expected"},
    {"(country = 'FR'", "line 1, column 16: found the end where ')' was expected"},
    {"a = 1 b", "line 1, column 7: found 'b' where 'and', 'or' or the end was expected"},
    {"a = 1 adn b",
     "line 1, column 7: found 'adn' where 'and', 'or' or the end was expected; did you mean "
     "'and'?"},
    {"a contians 'x'",
     "line 1, column 3: found 'contians' where '=' or another test was expected; did you mean "
     "'contains'?"},
    {"a <> 1",
     "line 1, column 3: found '<>' where '=' or another test was expected; did you mean '!='?"},
    {"a = 1 &&\n b",
     "line 1, column 7: found '&&' where 'and', 'or' or the end was expected; did you mean "
     "'and'?"},
    {"a = \n  'x", "line 2, column 3: this text is not closed: ' is missing"},
    {"größe = ü and = 1", "line 1, column 15: found '=' where a condition was expected"},
    {"a = 'x\\q'",
     "line 1, column 7: this is no escape: use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX"},
    {"a = '\\ud800'",
     "line 1, column 6: this is no escape: use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX"},
    {"`` = 1", "line 1, column 1: this name is empty"},
    {"t on 2011-02-30", "line 1, column 6: '2011-02-30' is no date or time from 1678 to 2261"},
    {"t on 2011-02-03T04:05:06",
     "line 1, column 6: found '2011-02-03T04:05:06' where a date "
     "such as 2011-06-01 was expected"},
    {"did Order", "line 1, column 5: found 'Order' where an event's name in quotes was expected"},
    {"did \"a\" or \"b\"",
     "line 1, column 15: found the end where '=' or another test was "
     "expected"},
    {"did \"a\" in last 3 months",
     "line 1, column 19: a month has no fixed length: write 'in last 3 calendar months', or a "
     "number of days"},
    {"did \"a\" in last 3 dais",
     "line 1, column 19: found 'dais' where 's', 'm', 'h', 'd' or 'w' was expected; did you "
     "mean 'days'?"},
    {"did \"a\" in last 999999w", "line 1, column 17: a duration is at most 400 years"},
    {"t not in last 3d", "line 1, column 7: a window has no 'not': write not (... in last 30d)"},
    {"summ(x of \"a\") > 1",
     "line 1, column 1: found 'summ' where a function such as count was expected; did you mean "
     "'sum'?"},
    {"sum(x = 1) > 1", "line 1, column 7: found '=' where 'of' or ')' was expected"},
    {"(a = 1) = 2", "line 1, column 9: found '=' where 'and', 'or' or the end was expected"},
    {"1 + (a = 1) = 2", "line 1, column 5: found a condition where a value was expected"},
    {"x = 1.0000001",
     "line 1, column 5: number '1.0000001' does not fit: whole numbers are 64 bit, decimals "
     "have at most 18 digits, 6 of them after the point"},
    {"x = 1e999", "line 1, column 5: '1e999' does not fit a double"},
    {"home near (91, 2) within 3 km", "line 1, column 12: degrees here are between -90 and 90"},
    {"1 near (1, 2) within 3 km", "line 1, column 1: only a field can be 'near' a point"},
    {"sample 101%", "line 1, column 8: a sample is from 0% to 100%"},
    {"in segment staff",
     "line 1, column 12: found 'staff' where the segment's name in quotes was expected"},
    {"at least x of (a)",
     "line 1, column 10: found 'x' where how many of the conditions must "
     "hold was expected"},
    {"a = 1 # b", "line 1, column 7: found '#' where 'and', 'or' or the end was expected"},
    {"a = 1 \x01",
     "line 1, column 7: found the control character U+0001 where 'and', 'or' or "
     "the end was expected"},
    {"true", "line 1, column 5: found the end where '=' or another test was expected"},
    {"not", "line 1, column 4: found the end where a condition was expected"},
    {"first(x y) = 1", "line 1, column 9: found 'y' where 'of' or ')' was expected"},
    {"\xFF", "the segment is not valid UTF-8"},
};

TEST(Parser, SaysWhereAndWhatItExpected) {
  for (const TextError& c : kTextErrors) {
    SCOPED_TRACE(c.text);
    const auto tree = parse(c.text);
    ASSERT_FALSE(tree) << print(*tree);
    EXPECT_EQ(ErrorCode::InvalidArgument, tree.error().code);
    EXPECT_EQ(c.message, tree.error().message);
  }
}

TEST(Parser, DetailsHoldThePlaceAndTheNearestWord) {
  const auto tree = parse("a = 1\nand b betwen 1 and 2");
  ASSERT_FALSE(tree);
  ASSERT_EQ(1U, tree.error().details.size());
  const Detail& detail = tree.error().details.front();
  EXPECT_EQ(2U, detail.line);
  EXPECT_EQ(7U, detail.column);
  EXPECT_EQ("'=' or another test", detail.expected);
  EXPECT_EQ("between", detail.nearest);
}

TEST(Json, SaysWhichMemberDoesNotFit) {
  struct Case {
    std::string json, message;
  };
  const Case cases[] = {
      {"", "byte 0 is not JSON: incomplete JSON"},
      {"{\"everyone\": {}} x", "byte 17 is not JSON: something follows the end"},
      {"[]", "the segment's JSON: condition is an object with one member, its kind"},
      {R"({"andd": []})", "the segment's JSON: no condition 'andd'; did you mean 'and'?"},
      {R"({"and": [{"everyone": {}}]})", "/and: a list of at least 2 is expected here"},
      {R"({"and": [{"everyone": {}}, {"holds": 1}]})",
       "/and/1/holds: a field is a name or a list of names"},
      {R"({"test": {"value": {"path": "a"}, "op": "=", "too": 1}})",
       "/test: no member 'too'; did you mean 'to'?"},
      {R"({"test": {"value": {"path": "a"}, "op": "="}})", "/test: the member 'to' is missing"},
      {R"({"test": {"value": {"path": "a"}, "op": "contians", "text": "x"}})",
       "/test: no test 'contians'; did you mean 'contains'?"},
      {R"({"test": {"value": {"path": ""}, "op": "is missing"}})",
       "/test/value/path: a field's name is empty"},
      {R"({"test": {"value": {"path": "a"}, "op": "in", "list": [1, null]}})",
       "/test/list/1: a text, a number, true, false, {\"date\"}, {\"time\"}, {\"decimal\"} or "
       "{\"double\"} is expected here"},
      {R"({"did": {"event": "x", "any_event": true}})",
       "/did: either 'event' or \"any_event\": true is expected here"},
      {R"({"did": {"event": "x", "window": {"in_last": "3 fortnights"}}})",
       "/did/window/in_last: a duration is a string such as \"30d\", in s, m, h, d or w"},
      {R"({"sequence": {"steps": [{"event": "x", "within": "1d"}]}})",
       "/sequence/steps/0: no member 'within'"},
      {R"({"not": {"top": {"of": {"everyone": {}}, "count": 1, "by": 1}}})",
       "/not: no condition 'top'"},
      {R"({"a/b~c": 1})", "the segment's JSON: no condition 'a/b~c'"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.json);
    const auto tree = from_json(c.json);
    ASSERT_FALSE(tree) << print(*tree);
    EXPECT_EQ(ErrorCode::InvalidArgument, tree.error().code);
    EXPECT_EQ(c.message, tree.error().message);
  }
}

}  // namespace
}  // namespace muster::query
