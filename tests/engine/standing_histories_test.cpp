// Standing segments of people with long histories, and of more conditions than a person's row
// holds: those who are in them are those whom a fresh question finds, and nobody else.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/engine/standing_case.h"
#include "tests/support/random.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

const std::vector<std::string> kWheres = {
    "did \"view\" in last 7d",
    "count(\"view\" in last 7d) >= 20 and not did \"buy\" in last 1d",
    "count(\"buy\" in last 30d) between 40 and 90",
    "count(\"buy\" between 30d and 7d ago) >= 50 or count(\"view\") > 400",
    "count(\"view\" in last 90d) = count(\"buy\" in last 30d)",
    "sum(amount of \"buy\" in last 30d) > 300",
    "sum(amount of \"buy\" between 60d and 1d ago) between 200 and 500.5",
    "sum(amount of \"buy\") > 1000 and sum(weight of \"buy\" in last 7d) < 0",
    "sum(weight of \"buy\" in last 14d) != 0 and count(\"buy\" today) <= 3",
    "count(\"view\" before 60d ago) >= 100",
};

// With the conditions that they share: more than a row has columns.
constexpr int kSegments = 480;

class StandingHistories : public StandingCase {
 protected:
  // Of few people, who have hundreds each; some ahead of time, some without an amount.
  void add_events(std::uint32_t count, std::uint32_t people, bool has_cents) {
    std::vector<Row> rows;
    const TimeMs now = test_.engine().now();
    const std::uint8_t scale = has_cents ? 2 : 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const bool is_ahead = random_.below(20) == 0;
      const TimeMs ago = static_cast<TimeMs>(random_.below(100)) * (kDay / 2);
      PlainEvent event{.id = "e" + std::to_string(++events_),
                       .name = random_.below(2) == 0 ? "buy" : "view",
                       .time = is_ahead ? now + random_.below(kDay) : now - ago,
                       .properties = {}};
      if (random_.below(4) != 0) {
        const Decimal amount{static_cast<int>(random_.below(1'000)), scale};
        event.properties["amount"] = {false, {amount}};
      }
      // What is added up leaves 64 bits.
      const bool is_huge = is_huge_ && random_.below(3) == 0;
      const std::int64_t weight = is_huge ? 4'000'000'000'000'000'000 : random_.below(9) - 4LL;
      event.properties["weight"] = {false, {Decimal{weight, 0}}};
      rows.push_back(event_row("p" + std::to_string(random_.below(people)), event));
    }
    ASSERT_TRUE(test_.events(rows));
  }

  void compare() {
    ASSERT_TRUE(test_.engine().keep_up(pass<engine::Permission::Admin>()));
    for (const auto& [id, where] : saved_) compare_people(id, where);
  }

  void put(const std::string& id, const std::string& where) {
    save(id, where);
    saved_[id] = where;
  }

  void forget(const std::string& id) {
    remove(id);
    saved_.erase(id);
  }

  // What upkeep takes.
  std::uint64_t bytes() {
    for (const engine::MemoryPart& part : test_.engine().memory()) {
      if (part.part == "standing") return part.bytes;
    }
    return 0;
  }

  Random random_{seed_of_run()};
  std::uint64_t events_ = 0;
  bool is_huge_ = false;  // Some weights of those to come.
  std::map<std::string, std::string> saved_;
};

TEST_F(StandingHistories, AreWhatAFreshQuestionSays) {
  // Of one person alone, too: whatever they have is theirs.
  const std::uint32_t people = random_.below(4) == 0 ? 1 : 2 + random_.below(60);
  add_events(6'000, people, false);
  for (std::size_t i = 0; i < kWheres.size(); ++i) put("s" + std::to_string(i), kWheres[i]);
  compare();
  for (int step = 0; step < 20 && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step) + ", " + std::to_string(people) + " people");
    is_huge_ = step == 15;
    add_events(random_.below(3) == 0 ? 1'000 : 1 + random_.below(10), people, step > 8);
    if (step % 2 == 0) test_.clock().advance(1 + random_.below(kDay));
    compare();
  }
}

TEST_F(StandingHistories, OfMoreConditionsThanARowHolds) {
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) {
    Person person{.id = "p" + std::to_string(i), .attributes = {}, .events = {}};
    person.attributes["age"] = {false, {Decimal{i % 70, 0}}};
    rows.push_back(profile_row(person));
  }
  ASSERT_TRUE(test_.profiles(rows));
  add_events(2'000, 200, false);
  const auto where = [](int i) {
    // A condition of its own, and one of 70 that segments share.
    return "count(\"buy\" in last " + std::to_string(24 * 7 + i) + "h) >= " +
           std::to_string(1 + i % 5) + (i % 3 == 0 ? " or " : " and ") +
           "not age = " + std::to_string(i % 70);
  };
  for (int i = 0; i < kSegments; ++i) put("s" + std::to_string(i), where(i));
  compare();
  for (int step = 0; step < 3 && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    add_events(1 + random_.below(300), 200, true);
    test_.clock().advance(random_.below(3 * kDay));
    compare();
    // Some go and some others come in their places.
    for (int i = step; i < kSegments; i += 4) {
      const std::string id = "s" + std::to_string(i);
      if (!saved_.contains(id)) continue;
      if (i % 8 == step) {
        forget(id);
      } else if (i % 5 == 0) {
        put(id, where(kSegments + i));
      }
    }
  }
  // What nobody asks for any more takes nothing.
  const std::uint64_t all = bytes();
  while (!saved_.empty()) forget(saved_.rbegin()->first);
  EXPECT_LT(bytes(), all / 20);
  put("s", where(1));
  compare();
}

}  // namespace
}  // namespace muster::testing
