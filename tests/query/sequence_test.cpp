// Sequences: strict order, what stands between, and conditions that name earlier steps.
#include <gtest/gtest.h>

#include "query/execute/step_times.h"
#include "tests/query/query_support.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

// A step with times of its own.
struct OwnedStep {
  std::vector<TimeMs> times, without;
  TimeMs within = 0;
};

std::vector<query::TimedStep> lent(const std::vector<OwnedStep>& steps) {
  std::vector<query::TimedStep> lent;
  for (const OwnedStep& step : steps) {
    lent.push_back({.times = step.times, .without = step.without, .within = step.within});
  }
  return lent;
}

// Every choice of one time per step, as the meaning has it.
bool holds_by_trying(std::span<const OwnedStep> steps, TimeMs within, std::vector<TimeMs> chosen) {
  if (chosen.size() == steps.size()) return chosen.back() - chosen.front() <= within;
  const OwnedStep& step = steps[chosen.size()];
  for (const TimeMs time : step.times) {
    if (!chosen.empty()) {
      const TimeMs before = chosen.back();
      const bool is_blocked = std::any_of(step.without.begin(), step.without.end(), [&](TimeMs t) {
        return before < t && t < time;
      });
      if (time <= before || time - before > step.within || is_blocked) continue;
    }
    std::vector<TimeMs> longer = chosen;
    longer.push_back(time);
    if (holds_by_trying(steps, within, std::move(longer))) return true;
  }
  return false;
}

std::vector<TimeMs> random_times(Random& random, std::uint32_t most) {
  std::vector<TimeMs> times(random.below(most + 1));
  for (TimeMs& time : times) time = random.below(20);
  std::sort(times.begin(), times.end());
  return times;
}

TEST(Sequences, AreFoundExactlyWhenSomeChoiceExists) {
  Random random;
  query::StepTimes step_times;
  int found = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<OwnedStep> steps(1 + random.below(4));
    for (OwnedStep& step : steps) {
      step.times = random_times(random, 5);
      step.without = random_times(random, 2);
      step.within = 1 + random.below(20);
    }
    const TimeMs within = random.below(24);
    const bool expected = holds_by_trying(steps, within, {});
    ASSERT_EQ(expected, step_times.can_be_chosen(lent(steps), within));
    const std::vector<TimeMs> chosen = step_times.chosen(lent(steps), within);
    ASSERT_EQ(expected ? steps.size() : 0, chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      ASSERT_TRUE(std::count(steps[i].times.begin(), steps[i].times.end(), chosen[i]) > 0);
      steps[i].times = {chosen[i]};
    }
    ASSERT_TRUE(chosen.empty() || holds_by_trying(steps, within, {}));
    found += expected ? 1 : 0;
  }
  EXPECT_GT(found, 1'000);
  EXPECT_LT(found, 19'000);
}

World campaigns() {
  World world;
  for (const char* id : {"ana", "bo", "cy", "dee"}) world.person(id);
  const auto at = [&](const char* id, const char* name, const char* day, const char* campaign) {
    world.event(id, name, "2024-06-" + std::string(day) + "T10:00:00Z", {{"c", text(campaign)}});
  };
  // ana redeems what she received; bo another one; cy before receiving; dee at the same time.
  at("ana", "received", "01", "x");
  at("ana", "received", "02", "y");
  at("ana", "visited", "03", "z");
  at("ana", "redeemed", "08", "y");
  at("bo", "received", "01", "x");
  at("bo", "redeemed", "04", "y");
  at("cy", "redeemed", "01", "x");
  at("cy", "received", "02", "x");
  at("dee", "received", "05", "x");
  at("dee", "redeemed", "05", "x");
  return world;
}

TEST(Sequences, AreStrictlyInOrder) {
  World world = campaigns();
  EXPECT_EQ("ana bo", world.ask("sequence(\"received\" then \"redeemed\")"));
  EXPECT_EQ("cy", world.ask("sequence(\"redeemed\" then \"received\")"));
  EXPECT_EQ("ana", world.ask("sequence(\"received\" then \"received\")"));
  EXPECT_EQ("bo cy dee", world.ask("not sequence(\"received\" then \"visited\")"));
}

TEST(Sequences, CountBothEndsOfWithin) {
  World world = campaigns();
  EXPECT_EQ("bo", world.ask("sequence(\"received\" then within 3d \"redeemed\")"));
  EXPECT_EQ("ana bo", world.ask("sequence(\"received\" then within 6d \"redeemed\")"));
  EXPECT_EQ("bo", world.ask("sequence(\"received\" then within 518399s \"redeemed\")"));
  EXPECT_EQ("ana", world.ask("sequence(\"received\" then \"visited\" then \"redeemed\") "
                             "within 6d"));
  EXPECT_EQ("nobody", world.ask("sequence(\"received\" then \"visited\" then \"redeemed\") "
                                "within 5d"));
}

TEST(Sequences, HoldAllStepsInTheirWindow) {
  World world = campaigns();
  EXPECT_EQ("ana", world.ask("sequence(\"received\" then \"redeemed\") in last 14d"));
  EXPECT_EQ("ana bo", world.ask("sequence(\"received\" then \"redeemed\") in last 15d"));
}

TEST(Sequences, LetNothingBetweenThatIsRuledOut) {
  World world = campaigns();
  EXPECT_EQ("bo", world.ask("sequence(\"received\" then without (\"visited\") \"redeemed\")"));
  EXPECT_EQ("ana bo", world.ask("sequence(\"received\" then without (\"visited\" where "
                                "(c = \"q\")) \"redeemed\")"));
}

TEST(Sequences, MayAskForTheSameProperty) {
  World world = campaigns();
  EXPECT_EQ("ana", world.ask("sequence(a: \"received\" then \"redeemed\" where (c = a.c))"));
  EXPECT_EQ("ana bo",
            world.ask("sequence(a: \"received\" then \"redeemed\" where (c != a.c))"));
  EXPECT_EQ("nobody",
            world.ask("sequence(a: \"received\" then within 5d \"redeemed\" where (a.c = c))"));
  EXPECT_EQ("ana", world.ask("sequence(a: \"received\" then \"visited\" then \"redeemed\" "
                             "where (c = a.c and days between a.ts and ts = 6))"));
  EXPECT_EQ("nobody", world.ask("sequence(a: \"received\" then \"redeemed\" where "
                                "(a.c is missing))"));
  const auto bound = world.bind("sequence(a: \"received\" then \"redeemed\" where (c = b.c))");
  ASSERT_FALSE(bound);
  EXPECT_NE(std::string::npos, bound.error().message.find("no property 'b.c'"));
}

TEST(Sequences, AreRefusedWhenTheyAskForTooMuch) {
  World world;
  world.person("ana");
  for (int i = 0; i < 1'200; ++i) {
    world.event("ana", "tick", "2024-06-01T10:" + std::to_string(10 + i / 60 % 50) + ":" +
                                   std::to_string(10 + i % 50) + "Z",
                {{"n", number(std::to_string(i))}});
  }
  const auto bound = world.bind(
      "sequence(a: \"tick\" then b: \"tick\" where (n > a.n) then \"tick\" where "
      "(n < a.n - b.n - 5000))");
  ASSERT_TRUE(bound);
  const auto counted = query::count(**bound, {}, {});
  ASSERT_FALSE(counted);
  EXPECT_EQ(ErrorCode::LimitExceeded, counted.error().code);
}

}  // namespace
}  // namespace muster::testing
