// Lives of whole engines from seeds (tests/simulation/world.h).
//
//   MUSTER_CASES=2000 MUSTER_SEED=1 simulation_tests     2,000 lives, from seed 1 on
//   MUSTER_SABOTAGE=drop-record ...                      a promise is broken on purpose
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/simulation/world.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

constexpr int kSteps = 60;
constexpr int kSabotagedLivesMax = 200;
constexpr int kMoreLivesMax = 200;

std::string last_lines(const World& world) {
  constexpr std::size_t kLinesMax = 40;
  const auto& trace = world.trace();
  std::string text;
  for (std::size_t i = trace.size() - std::min(trace.size(), kLinesMax); i < trace.size(); ++i) {
    text += trace[i] + '\n';
  }
  return text;
}

TEST(Simulation, NoLifeBreaksAPromise) {
  const char* const word = std::getenv("MUSTER_SABOTAGE");
  const Sabotage sabotage = sabotage_of(word == nullptr ? "" : word);
  const int wanted = cases_of_run(20, 6);
  std::map<std::string, std::uint64_t> tally;
  // Whatever the seeds are: a retention that never retires, and a compaction that takes nothing
  // out, prove nothing. A short run goes on until it has seen both.
  const auto has_seen = [&] {
    return wanted < 20 || (tally["batches put back"] > 0 && tally["lines taken out"] > 0);
  };
  int lives = 0;
  for (; lives < wanted || (!has_seen() && lives < wanted + kMoreLivesMax); ++lives) {
    const std::uint64_t seed = seed_of_run() + static_cast<std::uint64_t>(lives);
    World world(seed, sabotage);
    const std::string broken = world.live(kSteps);
    for (const auto& [what, times] : world.tally()) tally[what] += times;
    ASSERT_EQ("", broken) << "play it again with MUSTER_CASES=1 MUSTER_SEED=" << seed << "\n"
                          << last_lines(world);
  }
  EXPECT_TRUE(has_seen());
  std::cout << lives << " lives from seed " << seed_of_run() << ":";
  for (const auto& [what, times] : tally) std::cout << ' ' << times << ' ' << what << ';';
  std::cout << '\n';
}

TEST(Simulation, TheSameSeedGivesTheSameTrace) {
  for (std::uint64_t i = 0; i < 2; ++i) {
    World one(seed_of_run() + i), two(seed_of_run() + i), other(seed_of_run() + i + 1'000'000);
    one.live(kSteps);
    two.live(kSteps);
    other.live(kSteps);
    EXPECT_EQ(one.trace(), two.trace()) << "MUSTER_SEED=" << seed_of_run() + i;
    EXPECT_NE(one.trace(), other.trace());
  }
}

// The word of a sabotage is that of tools/torture.
class SabotagedSimulation : public ::testing::TestWithParam<const char*> {};

// Each breach of a promise is seen, whatever it is.
TEST_P(SabotagedSimulation, IsSeen) {
  for (int i = 0; i < kSabotagedLivesMax; ++i) {
    World world(seed_of_run() + static_cast<std::uint64_t>(i), sabotage_of(GetParam()));
    if (!world.live(kSteps).empty()) return;
  }
  FAIL() << GetParam() << " was not seen in " << kSabotagedLivesMax << " lives";
}

INSTANTIATE_TEST_SUITE_P(Each, SabotagedSimulation,
                         ::testing::Values("early-ack", "drop-record", "skip-expiry",
                                           "bad-checksum"),
                         [](const auto& named) {
                           std::string name = named.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace muster::testing
