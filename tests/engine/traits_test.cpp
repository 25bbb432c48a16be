// Traits: named values in questions, their versions, references and cycles, and what is kept.
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "base/time.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::Permission;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z
constexpr TimeMs kDay = 86'400'000;

PlainField number(const char* value) {
  return {.list = false, .values = {parse_decimal(value).value()}};
}

class Traits : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"country", text("FR")}},
                                {{"profile_id", text("b")}, {"country", text("DE")}},
                                {{"profile_id", text("c")}, {"country", text("FR")}}}));
    buy("a", 10, "120.50");
    buy("a", 80, "30.00");
    buy("b", 20, "99.99");
  }
  void buy(const std::string& who, int days_ago, const char* amount) {
    const PlainEvent event{.id = "", .name = "purchase", .time = kNow - days_ago * kDay,
                           .properties = {{"amount", number(amount)}}};
    ASSERT_TRUE(test_.events({event_row(who, event)}));
  }
  Result<engine::Document> put(const std::string& id, const std::string& value,
                               const std::string& tz = "") {
    JsonWriter json;
    json.begin_object().key("value").text(value);
    if (!tz.empty()) json.key("tz").text(tz);
    json.end_object();
    return test_.engine().put_trait(pass<Permission::Define>(), id, json.str());
  }
  Result<engine::Document> put_segment(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    return test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
  }
  Result<engine::Document> remove(const std::string& id) {
    return test_.engine().delete_trait(pass<Permission::Define>(), id);
  }
  std::string members(const std::string& where) {
    const auto answer = test_.members(question(where));
    if (!answer) return answer.error().message;
    std::string out;
    for (const std::string& id : *answer) out += id;
    return out;
  }
  // The message of a refusal; "" when there was none.
  static std::string refusal(const Result<engine::Document>& answer) {
    return answer ? "" : answer.error().message;
  }

  TestEngine test_{default_rows(), kNow};
};

const char* const kSpend = "sum(amount of \"purchase\" in last 90d)";

TEST_F(Traits, StandWhereAnAttributeCan) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put("last_bought", "last(\"purchase\")"));
  ASSERT_TRUE(put("home", "country"));
  EXPECT_EQ("a", members("spend >= 100"));
  EXPECT_EQ("ab", members("0 < spend"));
  EXPECT_EQ("b", members("spend between 90 and 100"));
  EXPECT_EQ("a", members("spend / 2 > 50 and home = \"FR\""));
  EXPECT_EQ("c", members("last_bought is missing"));
  EXPECT_EQ("ab", members("last_bought is present"));
  EXPECT_EQ("a", members("last_bought in last 14d"));
  EXPECT_EQ("b", members("did \"purchase\" since last_bought and spend < 100"));
  EXPECT_EQ("a", members("everyone top 1 by spend"));
  EXPECT_EQ("a", members("tile(2, spend among (did \"purchase\")) = 2"));
  EXPECT_EQ("b", members("not home starts with \"F\""));
  EXPECT_EQ("a", members("days between last_bought and now < 15"));
}

TEST_F(Traits, MeanWhatTheyMeanToday) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put("twice", "2 * spend"));
  ASSERT_TRUE(put_segment("rich", "spend >= 140"));
  ASSERT_TRUE(put_segment("richer", "twice >= 200"));
  for (int i = 0; i < 3; ++i) {  // From the second time on it may be kept.
    EXPECT_EQ("a", members("in segment \"rich\""));
    EXPECT_EQ("a", members("in segment \"richer\""));
    EXPECT_EQ("a", members("spend >= 140"));
  }
  const auto second = put("spend", "sum(amount of \"purchase\" in last 30d)");
  ASSERT_TRUE(second);
  EXPECT_EQ(2U, second->version);
  EXPECT_EQ("", members("in segment \"rich\""));
  EXPECT_EQ("a", members("in segment \"richer\""));
  EXPECT_EQ("", members("spend >= 140"));
  ASSERT_TRUE(put("spend", "sum(amount of \"purchase\" in last 15d)"));
  EXPECT_EQ("a", members("spend > 100"));
  EXPECT_EQ("b", members("spend = 0 and did \"purchase\""));
  ASSERT_TRUE(put("spend", "count(\"purchase\")"));
  EXPECT_EQ("", members("in segment \"richer\""));
  EXPECT_EQ("a", members("spend = 2"));
}

TEST_F(Traits, MoveWithTheClock) {
  ASSERT_TRUE(put("idle", "days between last(\"purchase\") and now"));
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put_segment("lapsed", "idle > 15"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ("b", members("in segment \"lapsed\""));
  for (int i = 0; i < 3; ++i) EXPECT_EQ("a", members("spend > 121"));
  test_.clock().set(kNow + 11 * kDay);
  EXPECT_EQ("ab", members("in segment \"lapsed\""));
  EXPECT_EQ("", members("spend > 121")) << "30.00 is older than 90 days by now";
  buy("c", 1, "500.00");
  EXPECT_EQ("c", members("spend > 121"));
}

TEST_F(Traits, ComeBackAfterARestart) {
  ASSERT_TRUE(put("spend", "1"));
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put_segment("rich", "spend > 100"));
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ("a", members("in segment \"rich\""));
    EXPECT_EQ(2U, test_.engine().versions("trait", "spend").size());
    EXPECT_EQ("{\"value\":\"1\"}", test_.engine().document("trait", "spend", 1)->json);
    ASSERT_TRUE(test_.restart());
  }
}

TEST_F(Traits, RefuseCyclesAndNameTheChain) {
  ASSERT_TRUE(put("a1", "1"));
  ASSERT_TRUE(put("b1", "a1 + 1"));
  EXPECT_NE(std::string::npos,
            refusal(put("a1", "b1 * 2"))
                .find("traits refer to each other in a circle: 'b1' -> 'a1' -> 'b1'"))
      << refusal(put("a1", "b1 * 2"));
  EXPECT_NE(std::string::npos, refusal(put("own", "own + 1")).find("own"));
  // Through a segment, too.
  ASSERT_TRUE(put_segment("some", "b1 > 1"));
  const std::string mixed = refusal(put("a1", "tile(2, 1 among (in segment \"some\"))"));
  EXPECT_NE(std::string::npos, mixed.find("segment 'some' -> trait 'b1' -> trait 'a1'")) << mixed;
  EXPECT_EQ("abc", members("b1 = 2")) << "the refused versions changed nothing";
}

TEST_F(Traits, AreLimitedInDepthAndSize) {
  ASSERT_TRUE(put("t0", "1"));
  for (int i = 1; i < 16; ++i) {
    const std::string before = "t" + std::to_string(i - 1);
    ASSERT_TRUE(put("t" + std::to_string(i), before + " + 1")) << i;
  }
  EXPECT_NE(std::string::npos, refusal(put("t16", "t15 + 1")).find("more than 16 deep"));
  EXPECT_EQ("abc", members("t15 = 16"));
  std::string many = "sum(amount of \"purchase\")";
  for (int i = 0; i < 9; ++i) many += " + sum(amount of \"purchase\")";
  ASSERT_TRUE(put("w0", many));
  std::string refused;
  for (int i = 1; i < 8 && refused.empty(); ++i) {
    const std::string before = "w" + std::to_string(i - 1);
    std::string ten = before;
    for (int k = 0; k < 9; ++k) ten += " + " + before;
    refused = refusal(put("w" + std::to_string(i), ten));
  }
  EXPECT_NE(std::string::npos, refused.find("more than 100,000")) << refused;
}

TEST_F(Traits, CannotGoWhileOthersReferToThem) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put("twice", "2 * spend"));
  EXPECT_EQ("trait 'spend' cannot go: trait 'twice' refers to it", refusal(remove("spend")));
  ASSERT_TRUE(remove("twice"));
  ASSERT_TRUE(put_segment("rich", "country = \"FR\" and 100 <= spend"));
  EXPECT_EQ("trait 'spend' cannot go: segment 'rich' refers to it", refusal(remove("spend")));
  ASSERT_TRUE(put_segment("rich", "did \"purchase\" where (amount > 1)"));
  ASSERT_TRUE(remove("spend"));
  EXPECT_EQ("there is no trait 'spend'", refusal(remove("spend")));
  EXPECT_NE(std::string::npos, members("spend > 1").find("no attribute 'spend'"));

  ASSERT_TRUE(put_segment("french", "country = \"FR\""));
  ASSERT_TRUE(put("rank", "tile(2, 1 among (in segment \"french\"))"));
  const auto kept = test_.engine().delete_segment(pass<Permission::Define>(), "french");
  EXPECT_EQ("segment 'french' cannot go: trait 'rank' refers to it", refusal(kept));
}

TEST_F(Traits, AreCheckedWhenSaved) {
  EXPECT_NE(std::string::npos, refusal(put("x", "sum(amont of \"purchase\")")).find("amount"));
  EXPECT_NE(std::string::npos, refusal(put("x", "country = \"FR\"")).find("condition"));
  EXPECT_NE(std::string::npos, refusal(put("x", "did \"purchase\"")).find("value"));
  EXPECT_NE(std::string::npos, refusal(put("x", "1 +")).find("column 4"));
  const std::string taken = refusal(put("country", "1"));
  EXPECT_EQ("'country' is an attribute of people; give the trait a name of its own, such as "
            "country_trait", taken);
  for (const char* name : {"spend-90d", "9lives", "and", "a.b", "now", "", "with blank"}) {
    EXPECT_NE(std::string::npos, refusal(put(name, "1")).find("spend_90d")) << name;
  }
  EXPECT_NE(std::string::npos, refusal(put("x", "1", "Mars/Base")).find("Mars/Base"));
  const auto pass_ = pass<Permission::Define>();
  for (const char* json : {"{\"vale\": \"1\"}", "{\"value\": 1}", "[]", "{"}) {
    EXPECT_FALSE(test_.engine().put_trait(pass_, "x", json)) << json;
  }
  EXPECT_TRUE(test_.engine().documents("trait").empty());
  EXPECT_TRUE(test_.engine().put_trait(pass_, "x", "{\"value\": {\"count\": {\"of\": "
                                                   "{\"event\": \"purchase\"}}}}"));
  EXPECT_EQ("a", members("x = 2"));
}

TEST_F(Traits, MayNotChangeSoThatTheirUsersBreak) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put("twice", "2 * spend"));
  ASSERT_TRUE(put_segment("rich", "twice >= 100"));
  const std::string refused = refusal(put("spend", "country"));
  EXPECT_NE(std::string::npos, refused.find("trait 'twice' uses it")) << refused;
  EXPECT_EQ("ab", members("in segment \"rich\""));
}

TEST_F(Traits, WinOverAttributesThatComeLater) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("c")}, {"spend", number("1000")}}}));
  EXPECT_EQ("a", members("spend > 100"));
  const auto checked = test_.engine().check(pass<Permission::Query>(), question("spend > 100"));
  ASSERT_EQ(1U, checked.warnings.size());
  EXPECT_NE(std::string::npos, checked.warnings[0].find("the trait is meant"));
  EXPECT_EQ("spend > 100", checked.canonical);
  EXPECT_TRUE(put("spend", "2 * sum(amount of \"purchase\")")) << "it can still be changed";
  EXPECT_EQ("c", members("spend = 0"));
}

TEST_F(Traits, AreNamedInErrors) {
  ASSERT_TRUE(put("spend_90d", kSpend));
  EXPECT_NE(std::string::npos, members("spend_90 > 1").find("did you mean 'spend_90d'?"));
  EXPECT_NE(std::string::npos, members("any spend_90d > 1").find("has one value"));
  const std::string inside = members("did \"purchase\" where (amount > profile.spend_90d)");
  EXPECT_NE(std::string::npos, inside.find("'spend_90d' is a trait")) << inside;
  EXPECT_NE(std::string::npos, members("spend_90d = \"x\"").find("line 1, column 13"));
}

TEST_F(Traits, ReadDaysInTheirOwnZone) {
  // 2024-06-05T23:30Z is the 6th in Paris.
  ASSERT_TRUE(test_.events({event_row("c", {.id = "", .name = "visit",
                                            .time = *parse_time("2024-06-05T23:30:00Z", Zone()),
                                            .properties = {}})}));
  ASSERT_TRUE(put("day_utc", "day(last(\"visit\"))"));
  ASSERT_TRUE(put("day_paris", "day(last(\"visit\"))", "Europe/Paris"));
  EXPECT_EQ("c", members("day_utc = 5 and day_paris = 6"));
}

TEST_F(Traits, AreShownWithTheirValues) {
  ASSERT_TRUE(put("spend", kSpend));
  ASSERT_TRUE(put("average", "avg(amount of \"purchase\") / 7"));
  ASSERT_TRUE(put("last_bought", "last(\"purchase\")"));
  ASSERT_TRUE(put("home", "country"));
  ASSERT_TRUE(put("rank", "tile(2, spend among (did \"purchase\"))"));
  const auto shown = [&](const std::string& id) {
    const auto profile = test_.engine().profile(pass<Permission::Members>(), id);
    std::string out;
    for (const auto& [name, value] : profile->traits) out += name + "=" + to_display(value) + " ";
    return out;
  };
  EXPECT_EQ("average=10.75 home=\"FR\" last_bought=2024-06-05T12:00:00Z rank=2 spend=150.50 ",
            shown("a"));
  EXPECT_EQ("average=missing home=\"FR\" last_bought=missing rank=missing spend=0.00 ",
            shown("c"));
  const auto why = test_.engine().explain(pass<Permission::Members>(),
                                          question("spend > 100 and spend * 2 > 1"), "a");
  ASSERT_TRUE(why) << why.error().message;
  ASSERT_EQ(2U, why->root.children.size());
  EXPECT_EQ("spend is 150.5", why->root.children[0].value.substr(0, 14));
  EXPECT_EQ(2U, why->root.children[0].events.size());
}

}  // namespace
}  // namespace muster::testing
