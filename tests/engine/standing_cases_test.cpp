// Standing segments where following one person at a time goes wrong easily: each of these did.
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/engine/moving_world.h"

namespace muster::testing {
namespace {

using engine::Permission;

class StandingCase : public ::testing::Test {
 protected:
  void declare(const std::string& json) {
    const Status declared = test_.declare(json);
    ASSERT_TRUE(declared) << declared.error().message;
  }

  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    const auto put = test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
    ASSERT_TRUE(put) << where << "\n" << put.error().message;
  }

  void has(const std::string& who, const std::string& attribute, const PlainField& value) {
    Person person{.id = who, .attributes = {}, .events = {}};
    person.attributes[attribute] = value;
    ASSERT_TRUE(test_.profiles({profile_row(person)}));
  }

  void did(const std::string& who, const std::string& name, TimeMs at,
           const PlainFields& properties = {}) {
    const std::string id = who + name + std::to_string(at);
    PlainEvent event{.id = id, .name = name, .time = at, .properties = properties};
    ASSERT_TRUE(test_.events({event_row(who, event)}));
  }

  // As the last commit left it.
  std::uint64_t members_at_once(const std::string& id) {
    const auto size = test_.engine().segment_size(pass<Permission::Query>(), id);
    EXPECT_TRUE(size);
    EXPECT_EQ(size ? size->failure : "", "");
    return size ? size->members : ~0ULL;
  }

  std::uint64_t members(const std::string& id) {
    EXPECT_TRUE(test_.engine().keep_up(pass<Permission::Admin>()));
    return members_at_once(id);
  }

  TestEngine test_{default_rows(), kRandomNow};
};

TEST_F(StandingCase, AnyEventIsAlsoOneOfANewName) {
  did("p", "a", kRandomNow - kDay);
  save("any", "did any event");
  save("many", "count(any event) >= 2");
  EXPECT_EQ(1U, members("any"));
  did("q", "b", kRandomNow - kDay);
  did("p", "b", kRandomNow - kDay);
  EXPECT_EQ(2U, members_at_once("any"));
  EXPECT_EQ(1U, members_at_once("many"));
}

TEST_F(StandingCase, OneOfTwoNamesMayComeLater) {
  declare(R"({"fields": {"b.x": {"type": "string"}}})");
  did("p", "a", kRandomNow - kDay);
  save("either", R"(count(("a" or "b") in last 7d) >= 1)");
  did("q", "b", kRandomNow - kDay);
  EXPECT_EQ(2U, members_at_once("either"));
}

TEST_F(StandingCase, AThingMayBeNamedByItsKind) {
  declare(R"({"entities": {"plan": {"id": "plan_id"}},
              "references": {"profiles.tariff": "plan"}})");
  ASSERT_TRUE(test_.entities("plan", {entity_row("plan", "a", {{"size", text("large")}}),
                                      entity_row("plan", "b", {{"size", text("small")}})}));
  has("p", "tariff", text("a"));
  has("q", "tariff", text("b"));
  save("by_kind", "plan.size = \"large\"");
  save("by_field", "tariff.size = \"large\"");
  EXPECT_EQ(1U, members("by_kind"));
  has("q", "tariff", text("a"));
  EXPECT_EQ(2U, members_at_once("by_field"));
  EXPECT_EQ(2U, members_at_once("by_kind"));
  ASSERT_TRUE(test_.entities("plan", {entity_row("plan", "a", {{"size", text("small")}})}));
  EXPECT_EQ(0U, members_at_once("by_field"));
  EXPECT_EQ(0U, members_at_once("by_kind"));
}

TEST_F(StandingCase, ANewFieldMayTakeWindowsAway) {
  declare(R"({"fields": {"profiles.joined": {"type": "timestamp"}}})");
  did("q", "signup", kRandomNow - kDay);
  has("p", "joined", {false, {Instant{kRandomNow - kDay}}});
  save("s", "joined in last 7d");
  EXPECT_EQ(1U, members("s"));
  did("p", "signup", kRandomNow, {{"joined", {false, {Instant{kRandomNow}}}}});
  EXPECT_EQ(1U, members("s"));
  test_.clock().advance(10 * kDay);
  EXPECT_EQ(0U, members("s"));
}

// A segment whose clock cannot be followed, and others who flip by the same commit.
TEST_F(StandingCase, SuspectsAndTouchedTogether) {
  const std::string idle = "days between last(\"view\") and now > 5";
  for (int i = 0; i < 200; ++i) did("u" + std::to_string(i), "view", kRandomNow - kDay);
  save("idle", idle);
  save("busy", "not (" + idle + ")");
  EXPECT_EQ(0U, members("idle"));
  test_.clock().advance(10 * kDay);
  EXPECT_EQ(200U, members("idle"));
  for (int i = 199; i >= 0; i -= 3) {
    did("u" + std::to_string(i), "view", kRandomNow + 9 * kDay);
  }
  EXPECT_EQ(133U, members_at_once("idle"));
  EXPECT_EQ(67U, members_at_once("busy"));
  test_.clock().advance(10 * kDay);
  EXPECT_EQ(200U, members("idle"));
}

// The product of the huge leaves its bits for one person, whom the other condition keeps out.
TEST_F(StandingCase, WhatFailsForSomebodyIsAskedAsAWholeUntilItDoesNot) {
  const auto whole = [](std::int64_t number) {
    return PlainField{false, {Value{Decimal{number, 0}}}};
  };
  for (const char* who : {"p", "q"}) has(who, "country", text("US"));
  has("r", "country", text("DE"));
  did("p", "spend", kRandomNow - kDay, {{"amount", whole(7)}});
  const std::string where =
      "country = \"US\" and sum(amount * amount * amount of \"spend\" in last 30d) > 2";
  save("s", where);
  EXPECT_EQ(1U, members("s"));
  did("r", "spend", kRandomNow - 29 * kDay, {{"amount", whole(900'000'000'000'000'000)}});
  did("q", "spend", kRandomNow - kDay, {{"amount", whole(9)}});
  for (const TimeMs later : {TimeMs{0}, 2 * kDay, 2 * kDay}) {
    test_.clock().advance(later);
    ASSERT_TRUE(test_.engine().keep_up(pass<Permission::Admin>()));
    const auto size = test_.engine().segment_size(pass<Permission::Query>(), "s");
    const auto asked = test_.members(question(where));
    ASSERT_EQ(asked.has_value(), size->failure.empty()) << size->failure;
    if (asked) {
      EXPECT_EQ(asked->size(), size->members);
    }
  }
  EXPECT_EQ(2U, members("s")) << "what overflowed has left the window";
}

}  // namespace
}  // namespace muster::testing
