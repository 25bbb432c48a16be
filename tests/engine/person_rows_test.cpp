// Rows of people and sets of people by condition say the same, whatever came and went.
#include "engine/standing/person_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tests/support/random.h"

namespace muster::testing {
namespace {

using engine::PersonRows;
using index::Bitmap;
using index::Ordinal;

constexpr std::uint32_t kPeople = 3'000;  // Of three pages.

// Rows, and beside them who passes, by column.
struct World {
  Random random{seed_of_run()};
  PersonRows rows;
  std::map<std::uint32_t, std::set<Ordinal>> passes;

  bool add() {
    std::set<Ordinal> people;
    for (std::uint32_t left = random.below(200); left > 0; --left) {
      people.insert(random.below(kPeople));
    }
    const std::vector<Ordinal> sorted(people.begin(), people.end());
    const auto column = rows.add(Bitmap::from_sorted(sorted));
    if (column) {
      EXPECT_TRUE(passes.try_emplace(*column, people).second) << "column " << *column;
    }
    return column.has_value();
  }

  void remove(std::uint32_t column) {
    rows.remove(column);
    passes.erase(column);
  }
  std::uint32_t some_column() {
    return std::next(passes.begin(), random.below(static_cast<std::uint32_t>(passes.size())))
        ->first;
  }

  query::PeopleList some_people(std::uint32_t count) {
    std::set<Ordinal> people;
    while (people.size() < count) people.insert(random.below(kPeople));
    query::PeopleList list;
    list.assign(std::vector<Ordinal>(people.begin(), people.end()));
    return list;
  }

  void flip(std::uint32_t column) {
    const query::PeopleList list = some_people(1 + random.below(300));
    query::PeopleMask changed{};
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (random.below(2) == 0) continue;
      changed[i / 64] |= std::uint64_t{1} << (i % 64);
      const Ordinal person = list.people()[i];
      if (!passes[column].erase(person)) passes[column].insert(person);
    }
    rows.flip(column, list, changed);
  }

  void compare(std::uint32_t count) {
    const query::PeopleList list = some_people(count);
    rows.look_at(list);
    for (const auto& [column, people] : passes) {
      const auto answers = rows.answers(column);
      ASSERT_EQ(list.words(), answers.size());
      for (std::size_t i = 0; i < list.size(); ++i) {
        const bool is = (answers[i / 64] >> (i % 64)) & 1;
        ASSERT_EQ(people.contains(list.people()[i]), is)
            << "person " << list.people()[i] << ", column " << column << " of " << passes.size();
      }
    }
  }
};

TEST(PersonRows, SayWhatSetsSayUpToTheLastColumn) {
  World world;
  for (std::uint32_t columns = 1; columns <= PersonRows::kConditionsMax; ++columns) {
    ASSERT_TRUE(world.add());
    // Where words and rows end.
    const bool is_edge = columns % 64 <= 1 || columns % 64 == 63;
    if (!is_edge) continue;
    for (int i = 0; i < 5; ++i) world.flip(world.some_column());
    world.rows.remove_person(7);
    for (auto& [column, people] : world.passes) people.erase(7);
    for (const std::uint32_t count : {1U, 63U, 64U, 65U, 1'024U}) world.compare(count);
  }
  EXPECT_FALSE(world.add());  // There is none left.
  world.remove(world.some_column());
  EXPECT_TRUE(world.add());
  EXPECT_FALSE(world.add());
  world.compare(300);
}

TEST(PersonRows, ComeAndGoInAnyOrder) {
  World world;
  for (int step = 0; step < 400; ++step) {
    // Many for a while, then few.
    const bool is_odd_one = world.random.below(4) == 0;
    const bool grows = world.passes.empty() || (step / 100 % 2 == 0) != is_odd_one;
    for (std::uint32_t left = world.random.below(9); left > 0; --left) {
      if (grows) {
        world.add();
      } else if (!world.passes.empty()) {
        world.remove(world.some_column());
      }
    }
    if (world.random.below(3) == 0) world.rows.shrink();
    if (!world.passes.empty()) world.flip(world.some_column());
    world.compare(1 + world.random.below(200));
  }
}

TEST(PersonRows, GiveBackWhatIsNotUsed) {
  World world;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(world.add());
  const std::uint64_t few = world.rows.bytes();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(world.add());
  const std::uint64_t many = world.rows.bytes();
  EXPECT_GT(many, 4 * few);
  while (world.passes.size() > 8) world.remove(world.passes.rbegin()->first);
  world.rows.shrink();
  EXPECT_LT(world.rows.bytes(), many / 2);
  world.compare(100);
  while (!world.passes.empty()) world.remove(world.some_column());
  world.rows.shrink();
  EXPECT_LT(world.rows.bytes(), few / 2);
}

}  // namespace
}  // namespace muster::testing
