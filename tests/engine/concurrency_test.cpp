// Readers beside a writer: every answer is of one moment, whatever is being written.
//
// Run under TSan too; the invariants hold at every single snapshot.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/json_writer.h"
#include "base/random.h"
#include "tests/support/random.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::Permission;

constexpr TimeMs kNow = 1'718'452'800'000;

PlainField number(std::int64_t value) { return {.list = false, .values = {Decimal{value, 0}}}; }

// left and right always agree; every person has as many visits as `visits` says.
Row agreeing(const std::string& id, std::int64_t value) {
  return {{"profile_id", PlainField{false, {id}}},
          {"left", number(value)},
          {"right", number(value)}};
}

class Readers : public ::testing::Test {
 protected:
  std::uint64_t count(const std::string& where, engine::CountAnswer* whole = nullptr) {
    const auto answer = test_.engine().count(pass<Permission::Query>(), question(where));
    EXPECT_TRUE(answer) << where << (answer ? "" : answer.error().message);
    if (!answer) return 0;
    if (whole != nullptr) *whole = *answer;
    return answer->count;
  }

  void read_once() {
    EXPECT_EQ(0U, count("left < right or left > right or left is missing and right is present"));
    EXPECT_EQ(0U, count("left >= 5 and not (left >= 5)"));
    engine::CountAnswer all;
    EXPECT_EQ(count("left >= 5 or not (left >= 5)", &all), all.universe);
    EXPECT_EQ(0U, count("count(\"visit\") != sum(one of \"visit\")"));
    EXPECT_EQ(0U, count("did \"visit\" where (one = 2)"));

    look_up();
    const auto members = test_.engine().members(pass<Permission::Members>(), question("left >= 5"));
    ASSERT_TRUE(members);
    const auto ordinals = members->members.to_vector();
    const auto rows = test_.engine().rows(pass<Permission::Members>(), *members, ordinals,
                                          {"left", "right"});
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(members->members.count(), rows->size());
    for (const engine::ProfileRow& row : *rows) {
      ASSERT_EQ(1U, row.values[0].size());
      EXPECT_EQ(row.values[0], row.values[1]);
      EXPECT_GE(std::get<Decimal>(row.values[0][0]).mantissa, 5);
    }
  }

  // One person's attributes, events and segments are of one moment.
  void look_up() {
    const auto profile = test_.engine().profile(pass<Permission::Members>(), "p7");
    if (!profile) return;  // Nobody yet, or erased.
    const bool is_high = std::any_of(
        profile->attributes.begin(), profile->attributes.end(), [](const auto& attribute) {
          return attribute.first == "left" && std::get<Decimal>(attribute.second[0]).mantissa >= 5;
        });
    std::vector<std::string> expected;
    if (!profile->events.empty()) expected.emplace_back("came");
    if (is_high) expected.emplace_back("high");
    EXPECT_EQ(expected, profile->segments);
  }

  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).end_object();
    ASSERT_TRUE(test_.engine().put_segment(pass<Permission::Define>(), id, json.str()));
  }

  void write_once(SeededRandom& random, int step) {
    std::vector<Row> rows, events;
    for (int i = 0; i < 20; ++i) {
      const std::string id = "p" + std::to_string(random.below(300));
      rows.push_back(agreeing(id, static_cast<std::int64_t>(random.below(10))));
      events.push_back(event_row(id, {.id = std::to_string(step) + "." + std::to_string(i),
                                      .name = "visit",
                                      .time = kNow - static_cast<TimeMs>(random.below(1'000)),
                                      .properties = {{"one", number(1)}}}));
    }
    ASSERT_TRUE(test_.profiles(rows));
    ASSERT_TRUE(test_.events(events));
    if (step % 10 == 9) {
      (void)test_.engine().erase(pass<Permission::Define>(),
                                 "p" + std::to_string(random.below(300)));
    }
  }

  TestEngine test_{private_rows(), kNow};
};

TEST_F(Readers, SeeWholeMomentsBesideAWriter) {
  constexpr int kSteps = 60, kReaders = 3;
  SeededRandom random(seed_of_run());
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed_of_run()));
  write_once(random, -1);
  save("high", "left >= 5");
  save("came", "did \"visit\"");
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> reads = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([this, &done, &reads] {
        while (!done) {
          read_once();
          ++reads;
        }
      });
    }
    for (int step = 0; step < kSteps; ++step) {
      write_once(random, step);
      if (step % 20 == 0) save("high", step % 40 == 0 ? "right >= 5" : "left >= 5");
    }
    done = true;
  }
  EXPECT_GT(reads, 0U);
  read_once();
}

TEST_F(Readers, EachSeesItsOwnWritesAtOnce) {
  constexpr int kWriters = 4, kRowsEach = 40;
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([this, w] {
        for (int i = 0; i < kRowsEach; ++i) {
          const std::string id = "w" + std::to_string(w) + "." + std::to_string(i);
          const auto receipt = test_.profiles({agreeing(id, w)});
          ASSERT_TRUE(receipt) << receipt.error().message;
          engine::CountAnswer answer;
          const std::string mine = "left = " + std::to_string(w);
          EXPECT_EQ(static_cast<std::uint64_t>(i + 1), count(mine, &answer));
          EXPECT_GE(answer.snapshot, receipt->sequence);
        }
      });
    }
  }
  EXPECT_EQ(static_cast<std::uint64_t>(kWriters * kRowsEach), count("everyone"));
}

TEST_F(Readers, KeepTheirMomentWhileOthersWrite) {
  SeededRandom random(7);
  write_once(random, 0);
  const auto members = test_.engine().members(pass<Permission::Members>(), question("everyone"));
  ASSERT_TRUE(members);
  const auto ordinals = members->members.to_vector();
  const auto may = pass<Permission::Members>();
  const auto before = test_.engine().rows(may, *members, ordinals, {"left"});
  ASSERT_TRUE(before);
  for (int step = 1; step < 10; ++step) write_once(random, step);
  const auto after = test_.engine().rows(may, *members, ordinals, {"left"});
  ASSERT_TRUE(after);
  ASSERT_EQ(before->size(), after->size());
  for (std::size_t i = 0; i < before->size(); ++i) {
    EXPECT_EQ((*before)[i].profile_id, (*after)[i].profile_id);
    EXPECT_EQ((*before)[i].values, (*after)[i].values);
  }
}

}  // namespace
}  // namespace muster::testing
