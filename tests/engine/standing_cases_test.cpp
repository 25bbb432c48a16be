// Standing segments where following one person at a time goes wrong easily: each of these did.
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/engine/standing_case.h"

namespace muster::testing {
namespace {

using engine::Permission;

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
