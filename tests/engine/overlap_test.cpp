// Overlaps of random segments against plain counts over the same people.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "tests/engine/erased_world.h"

namespace muster::testing {
namespace {

using engine::Permission;

TEST(Overlap, CountsAsAPlainLoopDoes) {
  Random random;
  for (int set = 0; set < 4; ++set) {
    ErasedWorld world(random, 150);
    for (int i = 0; i < 15; ++i) {
      engine::OverlapRequest request{.layers = {}, .question = question(""), .rows_max = 1'000};
      std::vector<std::set<std::string>> members;
      for (std::uint32_t left = 2 + random.below(11); left > 0; --left) {
        const std::string where = random.below(8) == 0 ? "nobody" : world.some_segment();
        request.layers.push_back({"", "s" + std::to_string(left), where});
        members.push_back(world.members(where));
      }
      const auto answer = world.engine().overlap(pass<Permission::Query>(), request);
      ASSERT_TRUE(answer) << answer.error().message;
      std::map<std::vector<std::size_t>, std::uint64_t> expected, told;
      for (const Person& person : world.people().people) {
        std::vector<std::size_t> in;
        for (std::size_t s = 0; s < members.size(); ++s) {
          if (members[s].contains(person.id)) in.push_back(s);
        }
        if (!in.empty()) ++expected[in];
      }
      for (const auto& row : answer->rows) told[row.layers] = row.people;
      EXPECT_EQ(expected, told);
      EXPECT_EQ(told.size(), answer->rows.size());
      EXPECT_TRUE(std::ranges::is_sorted(answer->rows, std::greater<>(),
                                         &engine::OverlapRow::people));
      for (std::size_t a = 0; a < members.size(); ++a) {
        for (std::size_t b = 0; b < members.size(); ++b) {
          const auto both = std::ranges::count_if(
              members[a], [&](const std::string& id) { return members[b].contains(id); });
          EXPECT_EQ(static_cast<std::uint64_t>(both), answer->both[a][b]);
        }
      }
    }
  }
}

TEST(Overlap, TakesSavedSegmentsAndLimitsRows) {
  Random random;
  ErasedWorld world(random, 100);
  ASSERT_TRUE(world.engine().put_segment(pass<Permission::Define>(), "old",
                                         R"({"where": "age > 40", "name": "Old"})"));
  engine::OverlapRequest request{
      .layers = {{"old", "", ""}, {"", "young", "age <= 40"}, {"", "vips", "vip"}},
      .question = question(""),
      .rows_max = 1};
  const auto answer = world.engine().overlap(pass<Permission::Query>(), request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((std::vector<std::string>{"old", "young", "vips"}), answer->names);
  EXPECT_EQ(world.members("age > 40").size(), answer->both[0][0]);
  EXPECT_EQ(0U, answer->both[0][1]);
  EXPECT_EQ(1U, answer->rows.size());
  EXPECT_LT(0U, answer->other_rows);
  EXPECT_EQ(world.members("age is present or vip").size(), answer->in_any);
  EXPECT_EQ(answer->in_any, answer->rows[0].people + answer->other_people);
}

TEST(Overlap, SaysWhatIsWrong) {
  Random random;
  ErasedWorld world(random, 20);
  ASSERT_TRUE(world.engine().put_segment(pass<Permission::Define>(), "buyers",
                                         R"({"where": "everyone", "name": "Buyers"})"));
  using Layers = std::vector<engine::OverlapLayer>;
  const std::pair<Layers, std::string> cases[] = {
      {{{"buyers", "", ""}}, "an overlap is of 2 to 12 segments, and 1 are given"},
      {{{"buyers", "", ""}, {"", "buyers", "vip"}},
       "segments 1 and 2 are both named 'buyers'; the answer tells them apart by name"},
      {{{"buyers", "", ""}, {"buyrs", "", ""}},
       "segment 2, 'buyrs': there is no segment 'buyrs'; did you mean 'buyers'?"},
      {{{"", "a", "vip"}, {"", "b", "vipp"}},
       "segment 2, 'b': line 1, column 1: no attribute 'vipp'; did you mean 'vip'?"}};
  for (const auto& [layers, message] : cases) {
    SCOPED_TRACE(message);
    const auto answer = world.engine().overlap(
        pass<Permission::Query>(), {.layers = layers, .question = question("")});
    ASSERT_FALSE(answer);
    EXPECT_EQ(message, answer.error().message);
  }
}

}  // namespace
}  // namespace muster::testing
