// Until when an answer holds, held against the answers of other moments.
//
// MUSTER_CASES=n asks n times; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/time.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

const int kCases = cases_of_run(400, 40);

bool is_member(TestEngine& test, engine::Question asked, const std::string& id, TimeMs at) {
  asked.as_of = at;
  const auto members = test.members(asked);
  EXPECT_TRUE(members) << (members ? "" : members.error().message);
  return members && std::binary_search(members->begin(), members->end(), id);
}

// Moments near and far, many of them within days of each other.
TimeMs random_span(Random& random) {
  const TimeMs unit = std::vector<TimeMs>{1'000, 3'600'000, kDayMs, 30 * kDayMs}[random.below(4)];
  return 1 + unit * random.below(40) + random.below(1'000);
}

TEST(Until, IsTheFirstMomentOfAnotherAnswer) {
  Random random;
  int told = 0, changing = 0, cases = 0;
  // One answer in twenty changes: a short run in a hundred would see none.
  const auto has_seen_enough = [&] {
    return cases >= 10 * kCases || (cases >= kCases && changing >= cases / 100);
  };
  while (!has_seen_enough() && !::testing::Test::HasFailure()) {
    const People people = random_people(random, {});
    TestEngine test(default_rows(), kRandomNow);
    ASSERT_TRUE(test.load(people, Declare::Everything, 100));
    RandomSegment segments(random, people);
    for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i, ++cases) {
      engine::Question asked = question(segments.predicate(3), i % 3 == 0 ? "Europe/Berlin" : "");
      asked.as_of = kRandomNow - random_span(random);
      const std::string id = people.people[random.below(people.people.size())].id;
      SCOPED_TRACE(asked.where + "\nof " + id + " as of " + to_rfc3339(*asked.as_of));
      const auto explained = test.engine().explain(
          pass<engine::Permission::Members>(), asked, id, engine::LookForFlip::No);
      ASSERT_TRUE(explained) << explained.error().message;
      if (!explained->until_unknown.empty()) continue;
      ++told;
      if (explained->until) {
        ++changing;
        EXPECT_NE(explained->member, is_member(test, asked, id, *explained->until));
        EXPECT_EQ(explained->member, is_member(test, asked, id, *explained->until - 1));
      }
      const TimeMs end = explained->until.value_or(*asked.as_of + 1'000 * kDayMs);
      for (int probe = 0; probe < 20; ++probe) {
        const TimeMs at = *asked.as_of + random_span(random);
        if (at >= end) continue;
        EXPECT_EQ(explained->member, is_member(test, asked, id, at)) << to_rfc3339(at);
      }
    }
  }
  std::printf("%d cases: told in %d, changing in %d\n", cases, told, changing);
  EXPECT_GE(told, cases / 2);
  EXPECT_GE(changing, cases / 100);
}

Result<engine::Explanation> explained_of(TestEngine& test, const std::string& where) {
  engine::Question asked = question(where);
  asked.as_of = 1'718'452'800'000;  // 2024-06-15T12:00:00Z
  return test.engine().explain(pass<engine::Permission::Members>(), asked, "ana");
}

TEST(Until, IsToldToTheMillisecond) {
  TestEngine test(default_rows(), 1'718'452'800'000);
  ASSERT_TRUE(test.profiles({{{"profile_id", text("ana")}, {"born", text("2000-06-18")}}}));
  ASSERT_TRUE(test.events({{{"profile_id", text("ana")}, {"type", text("order")},
                            {"ts", text("2024-06-10T08:00:00.250Z")}}}));
  const auto until = [&](const std::string& where) {
    const auto explained = explained_of(test, where);
    if (!explained) return explained.error().message;
    if (!explained->until_unknown.empty()) return "unknown: " + explained->until_unknown;
    return explained->until ? to_rfc3339(*explained->until) : std::string("never");
  };
  EXPECT_EQ("2024-06-17T08:00:00.251Z", until("did \"order\" in last 7d"));
  EXPECT_EQ("2024-06-17T08:00:00.251Z", until("did not \"order\" in last 7d"));
  EXPECT_EQ("2024-07-01T00:00:00Z", until("did \"order\" this month"));
  EXPECT_EQ("2024-06-18T00:00:00.001Z", until("anniversary(born) in next 3d"));
  EXPECT_EQ("never", until("did \"order\""));
  EXPECT_EQ("never", until("count(\"order\" in last 7d) >= 2"));
  EXPECT_EQ("2025-02-07T00:00:00.001Z", until("days between born and now > 9000"));
  EXPECT_EQ("2024-06-17T08:00:00.250Z", until("days between last(\"order\") and now >= 7"));
  EXPECT_EQ("2024-06-17T08:00:00.251Z", until("days between last(\"order\") and now <= 7"));
  EXPECT_EQ("2024-06-16T20:00:00.251Z", until("days between now and last(\"order\") < -6.5"));
  EXPECT_EQ("unknown: it calculates with now",
            until("days between born and now > 2 * count(\"order\")"));
}

}  // namespace
}  // namespace muster::testing
