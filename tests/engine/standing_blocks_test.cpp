// Standing segments of people of several blocks: what one commit does to thousands of them at once,
// to many of them in several ways, is what a fresh question says.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/standing_case.h"
#include "tests/support/random.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

constexpr std::uint32_t kPeople = 150'000;  // Of three blocks.
constexpr std::size_t kRowsAtOnce = 10'000;

const std::vector<std::string> kWheres = {
    "did \"view\" in last 7d",
    "count(\"view\" in last 7d) >= 2 and not did \"buy\"",
    "count(\"buy\" in last 30d) >= 2 or age > 60",
    "sum(amount of \"buy\" in last 30d) > 20",
    "count(any event in last 1d) >= 3",
    "did \"view\" and did \"buy\" in last 30d and age > 30",
    "everyone",
    "not did \"buy\" in last 1d and age <= 40",
    "last(\"view\") before 2d ago",
};

PlainField number(std::uint32_t value) { return {false, {Decimal{value, 0}}}; }

class StandingBlocks : public StandingCase {
 protected:
  std::string some_person() { return "p" + std::to_string(random_.below(kPeople)); }

  void load_people() {
    for (std::uint32_t first = 0; first < kPeople; first += kRowsAtOnce) {
      std::vector<Row> rows;
      for (std::uint32_t i = first; i < first + kRowsAtOnce; ++i) rows.push_back(person(i));
      ASSERT_TRUE(test_.profiles(rows));
    }
  }

  Row person(std::uint32_t i) {
    Person person{.id = "p" + std::to_string(i), .attributes = {}, .events = {}};
    person.attributes["age"] = number(18 + random_.below(60));
    return profile_row(person);
  }

  // A part of them about a few, who have several.
  void add_events(std::uint32_t count) {
    std::vector<Row> rows;
    const TimeMs now = test_.engine().now();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string who =
          random_.below(3) == 0 ? "p" + std::to_string(500 * random_.below(300)) : some_person();
      PlainEvent event{.id = "e" + std::to_string(++events_),
                       .name = random_.below(3) == 0 ? "buy" : "view",
                       .time = now - static_cast<TimeMs>(random_.below(40)) * (kDay / 4),
                       .properties = {}};
      event.properties["amount"] = number(random_.below(15));
      rows.push_back(event_row(who, event));
    }
    ASSERT_TRUE(test_.events(rows));
  }

  void change_people(std::uint32_t count) {
    std::vector<Row> rows;
    for (std::uint32_t i = 0; i < count; ++i) rows.push_back(person(random_.below(kPeople)));
    ASSERT_TRUE(test_.profiles(rows));
  }

  void compare() {
    ASSERT_TRUE(test_.engine().keep_up(pass<engine::Permission::Admin>()));
    for (std::size_t i = 0; i < kWheres.size(); ++i) {
      compare_people("s" + std::to_string(i), kWheres[i]);
    }
  }

  Random random_{seed_of_run()};
  std::uint64_t events_ = 0;
};

TEST_F(StandingBlocks, AreWhatAFreshQuestionSays) {
  load_people();
  add_events(20'000);
  for (std::size_t i = 0; i < kWheres.size(); ++i) save("s" + std::to_string(i), kWheres[i]);
  for (int step = 0; step < 12 && !HasFailure(); ++step) {
    const std::uint32_t rows = step % 4 == 3 ? 20 : 4'000;
    add_events(rows);
    if (step % 3 == 0) change_people(rows);
    if (step % 2 == 0) test_.clock().advance(kDay / 2 + random_.below(1'000));
    compare();
  }
}

}  // namespace
}  // namespace muster::testing
