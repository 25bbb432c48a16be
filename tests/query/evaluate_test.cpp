// Attributes: every kind of leaf over several blocks, erased people and the last partial block.
#include <gtest/gtest.h>

#include "query/execute/selection.h"
#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

// Two blocks; people 10, 20, ... 90 of the second are erased.
constexpr std::uint32_t kPeople = query::kBlockSize + 1'000;

bool is_erased(std::uint32_t i) {
  return i > query::kBlockSize && i <= query::kBlockSize + 90 && i % 10 == 6;
}

World& large_world() {
  static World* const world = [] {
    auto* const made = new World;
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      World::Cells cells{{"parity", text(i % 2 == 0 ? "even" : "odd")},
                         {"n", number(std::to_string(i))},
                         {"name", text("p" + std::to_string(i))}};
      if (i % 3 == 0) cells["third"] = truth(i % 6 == 0);
      if (i % 5 == 0) cells["tags"] = list({text("five"), text("t" + std::to_string(i % 7))});
      made->person("id" + std::to_string(i), cells);
    }
    for (std::uint32_t i = 0; i < kPeople; ++i) {
      if (is_erased(i)) made->erase("id" + std::to_string(i));
    }
    return made;
  }();
  return *world;
}

TEST(Evaluator, CountsLikeALoopOverPeople) {
  struct Case {
    std::string where;
    std::function<bool(std::uint32_t)> expected;
  };
  const auto third = [](std::uint32_t i) { return i % 3 == 0; };
  const Case cases[] = {
      {"everyone", [](auto) { return true; }},
      {"nobody", [](auto) { return false; }},
      {"not nobody", [](auto) { return true; }},
      {"parity = \"even\"", [](auto i) { return i % 2 == 0; }},
      {"parity != \"even\"", [](auto i) { return i % 2 != 0; }},
      {"not (parity = \"even\")", [](auto i) { return i % 2 != 0; }},
      {"n between 65530 and 65600", [](auto i) { return i >= 65'530 && i <= 65'600; }},
      {"n > 65535.5", [](auto i) { return i > 65'535; }},
      {"n in (1, 65536, 66000, 5000000)",
       [](auto i) { return i == 1 || i == 65'536 || i == 66'000; }},
      {"third", [](auto i) { return i % 6 == 0; }},
      {"third = false", [&](auto i) { return third(i) && i % 6 != 0; }},
      {"not third", [](auto i) { return i % 6 != 0; }},
      {"third is missing", [&](auto i) { return !third(i); }},
      {"any tags = \"five\" and parity = \"odd\"", [](auto i) { return i % 10 == 5; }},
      {"all tags in (\"five\", \"t3\")", [](auto i) { return i % 5 == 0 && i % 7 == 3; }},
      {"none tags = \"t3\"", [](auto i) { return !(i % 5 == 0 && i % 7 == 3); }},
      {"tags is present", [](auto i) { return i % 5 == 0; }},
      {"size(tags) * 2 = 4", [](auto i) { return i % 5 == 0; }},
      {"name in (\"p7\", \"p65540\")", [](auto i) { return i == 7 || i == 65'540; }},
      {"name ends with \"99\"", [](auto i) { return i % 100 == 99; }},
      {"profile_id = \"id65537\"", [](auto i) { return i == 65'537; }},
      {"at least 2 of (parity = \"even\", third is present, n < 1000)",
       [&](auto i) { return (i % 2 == 0) + third(i) + (i < 1'000) >= 2; }},
      {"(parity = \"even\" or third is present) and not (n < 60000 or any tags = \"t1\")",
       [&](auto i) {
         return (i % 2 == 0 || third(i)) && !(i < 60'000 || (i % 5 == 0 && i % 7 == 1));
       }},
      {"n + 1 = 2 * n - 65535", [](auto i) { return i == 65'536; }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.where);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < kPeople; ++i) expected += !is_erased(i) && c.expected(i);
    EXPECT_EQ(expected, large_world().count(c.where));
    const auto bound = large_world().bind(c.where);
    ASSERT_TRUE(bound);
    const auto members = query::members(**bound, {}, {});
    ASSERT_TRUE(members);
    EXPECT_EQ(expected, members->count());
    for (std::uint32_t i = 0; i < kPeople; i += i < query::kBlockSize ? 997 : 1) {
      const bool is_in = !is_erased(i) && c.expected(i);
      ASSERT_EQ(is_in, members->contains(i)) << i;
      ASSERT_EQ(is_in, query::contains(**bound, i).value()) << i;
    }
  }
}

TEST(Evaluator, ASampleIsStableAndNested) {
  World& world = large_world();
  const std::uint64_t tenth = world.count("sample 10%");
  EXPECT_NEAR(static_cast<double>(tenth), kPeople / 10.0, 400);
  EXPECT_EQ(tenth, world.count("sample 10% and sample 20%"));
  EXPECT_EQ(0U, world.count("sample 0%"));
  EXPECT_EQ(world.count("everyone"), world.count("sample 100%"));
  const std::uint64_t both = world.count("sample 10% and sample 10% salt \"b\"");
  EXPECT_NEAR(static_cast<double>(both), kPeople / 100.0, 200);
}

TEST(Evaluator, StopsWhenTheBudgetIsSpent) {
  const auto bound = large_world().bind("parity = \"even\"");
  ASSERT_TRUE(bound);
  const std::atomic<bool> cancelled = true;
  const auto refused = query::count(**bound, {.deadline = {}, .cancelled = &cancelled}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::LimitExceeded, refused.error().code);
  const auto late = query::members(
      **bound, {.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1)}, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(ErrorCode::LimitExceeded, late.error().code);
}

TEST(Evaluator, KeepsWhatSeveralPlacesAskFor) {
  World& world = large_world();
  world.segment("odd_third", "third = false and n > 100");
  EXPECT_EQ(world.count("third = false and n > 100"),
            world.count("in segment \"odd_third\" and (in segment \"odd_third\" or n = 7)"));
}

TEST(Evaluator, MissingIsFalseUnderEveryComparison) {
  World world;
  world.person("ana", {{"country", text("FR")}, {"age", number("30")}});
  world.person("bo", {{"country", text("DE")}});
  world.person("cy");
  EXPECT_EQ("bo", world.ask("country != \"FR\""));
  EXPECT_EQ("bo cy", world.ask("not (country = \"FR\")"));
  EXPECT_EQ("bo", world.ask("country not in (\"FR\")"));
  EXPECT_EQ("bo", world.ask("country not contains \"R\""));
  EXPECT_EQ("ana", world.ask("age not between 31 and 40"));
  EXPECT_EQ("cy", world.ask("country is missing"));
  EXPECT_EQ("bo cy", world.ask("age + 1 is missing"));
  EXPECT_EQ("ana", world.ask("age / 2 = 15"));
  EXPECT_EQ("nobody", world.ask("age / 0 = 1 or age / 0 != 1"));
}

TEST(Evaluator, ComparesNumbersExactly) {
  World world([](index::Schema& schema) {
    schema.fields["profiles.rate"] = {.type = {.type = Type::Double}, .declared = true};
  });
  world.person("ana", {{"x", number("1.00")}, {"y", number("1")}, {"rate", real(0.1)}});
  world.person("bo", {{"x", number("1.01")}, {"y", number("2")}, {"rate", real(2.5)}});
  EXPECT_EQ("nobody", world.ask("x = 1.005"));
  EXPECT_EQ("ana", world.ask("x < 1.005"));
  EXPECT_EQ("bo", world.ask("x > 1.005"));
  EXPECT_EQ("ana bo", world.ask("x != 1.005"));
  EXPECT_EQ("ana", world.ask("x = y"));
  EXPECT_EQ("ana", world.ask("x in (1, 1.005)"));
  EXPECT_EQ("ana", world.ask("y = 1.000"));
  EXPECT_EQ("bo", world.ask("y > 1.5"));
  EXPECT_EQ("ana", world.ask("rate = 0.1"));
  EXPECT_EQ("bo", world.ask("rate > 1e0"));
  EXPECT_EQ("ana", world.ask("y = 1e0"));
  EXPECT_EQ("bo", world.ask("rate >= y"));
  EXPECT_EQ("ana bo", world.ask("x < 999999999999"));
}

TEST(Evaluator, SeesGeoPointsAndTexts) {
  World world([](index::Schema& schema) {
    schema.fields["profiles.home"] = {.type = {.type = Type::Geo}, .declared = true};
  });
  world.person("ana", {{"home", point(48.1374, 11.5755)}, {"name", text("Ana MÜLLER")}});
  world.person("bo", {{"home", point(48.3705, 10.8978)}, {"name", text("bo")}});
  EXPECT_EQ("ana", world.ask("home near (48.14, 11.58) within 5 km"));
  EXPECT_EQ("ana bo", world.ask("home near (48.14, 11.58) within 60 km"));
  EXPECT_EQ("ana", world.ask("home near (48.14, 11.58) within 500 m"));
  EXPECT_EQ("ana", world.ask("name contains \"müller\" ignoring case"));
  EXPECT_EQ("nobody", world.ask("name contains \"müller\""));
  EXPECT_EQ("ana", world.ask("name matches \"^A.a\""));
  EXPECT_EQ("bo", world.ask("name not starts with \"A\""));
}

}  // namespace
}  // namespace muster::testing
