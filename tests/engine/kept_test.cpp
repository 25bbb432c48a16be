// Kept predicates: whatever is written and however the clock moves, a question answered with them
// names the same people as one that reads the events.
//
// MUSTER_CASES=n takes n steps a population instead of 25; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "base/time.h"
#include "tests/engine/moving_world.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

using engine::Permission;

const int kStepsOfRun = cases_of_run(25, 8);

std::uint64_t kept_nodes(const engine::PlanNode& node) {
  std::uint64_t found = node.method == "kept predicate" ? 1 : 0;
  for (const engine::PlanNode& child : node.children) found += kept_nodes(child);
  return found;
}

TEST(Kept, AnswersAsTheEventsDo) {
  Random random;
  std::uint64_t kept = 0;
  for (int world = 0; world < 4; ++world) {
    MovingWorld pair(random, kMovingConditions, 15);
    for (int step = 0; step < kStepsOfRun && !::testing::Test::HasFailure(); ++step) {
      pair.step();
      const auto moments = pair.moments();
      for (std::size_t i = 0; i < pair.wheres().size(); ++i) {
        engine::Question asked = question(pair.wheres()[i]);
        if (i % 2 == 0 && random.below(2) == 0) {
          asked.where = "in segment \"s" + std::to_string(i) + "\"";
        }
        for (const auto& as_of : moments) {
          asked.as_of = as_of;
          engine::Question fresh = asked;
          fresh.from_kept = false;
          const auto members = pair.test().members(asked), expected = pair.test().members(fresh);
          const auto count = pair.test().count(asked);
          ASSERT_TRUE(members && expected && count)
              << asked.where << "\n" << pair.wheres()[i] << "\n"
              << (members ? "" : members.error().message);
          EXPECT_EQ(*expected, *members)
              << pair.wheres()[i] << "\nstep " << step << " of world " << world << ", as of "
              << (as_of ? to_rfc3339(*as_of) : "now, " + to_rfc3339(pair.test().engine().now()));
          EXPECT_EQ(expected->size(), *count) << pair.wheres()[i];
        }
      }
    }
    for (const std::string& where : pair.wheres()) {
      const auto plan = pair.test().engine().plan(pass<Permission::Query>(), question(where));
      ASSERT_TRUE(plan) << where;
      kept += kept_nodes(plan->root);
    }
  }
  EXPECT_GT(kept, 60U) << "hardly anything was kept: nothing has been compared";
}

// Beside a writer and a moving clock every answer is one that some moment had: everybody is an
// old hand or has been seen within the last hour, never both and never neither.
TEST(Kept, ReadersBesideAWriterAndTheClock) {
  constexpr int kSteps = 40, kReaders = 3;
  SeededRandom random(seed_of_run());
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed_of_run()));
  TestEngine test(private_rows(), kRandomNow);
  std::atomic<std::uint64_t> next_id = 0;
  const auto write_once = [&] {
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i) {
      const TimeMs time = test.engine().now() - static_cast<TimeMs>(random.below(7'200'000));
      rows.push_back(event_row("p" + std::to_string(random.below(300)),
                               {.id = "e" + std::to_string(next_id++),
                                .name = "visit",
                                .time = time,
                                .properties = {}}));
    }
    ASSERT_TRUE(test.events(rows));
    test.clock().advance(static_cast<TimeMs>(random.below(60'000)));
  };
  const auto count = [&](const std::string& where, engine::CountAnswer* whole = nullptr) {
    const auto answer = test.engine().count(pass<Permission::Query>(), question(where));
    EXPECT_TRUE(answer) << where;
    if (whole != nullptr && answer) *whole = *answer;
    return answer ? answer->count : 0;
  };
  const auto read_once = [&] {
    engine::CountAnswer all;
    const std::string seen = "did \"visit\" in last 1h", gone = "last(\"visit\") before 1h ago";
    const std::string never = "count(\"visit\") = 0";
    EXPECT_EQ(count(seen + " or " + gone + " or " + never, &all), all.universe);
    EXPECT_EQ(0U, count("(" + seen + ") and " + gone));
    EXPECT_EQ(0U, count("(" + seen + " or " + gone + ") and " + never));
    EXPECT_EQ(0U, count("sequence(\"visit\" then \"visit\") and count(\"visit\") < 2"));
  };
  write_once();
  std::atomic<bool> done = false;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        while (!done) read_once();
      });
    }
    for (int step = 0; step < kSteps; ++step) write_once();
    done = true;
  }
  read_once();
  engine::Question fresh = question("did \"visit\" in last 1h");
  const auto kept = test.count(fresh);
  fresh.from_kept = false;
  EXPECT_EQ(test.count(fresh).value(), kept.value());
}

}  // namespace
}  // namespace muster::testing
