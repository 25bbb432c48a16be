// Arms and holdouts: who is in which, that the ledger counts them, and what came of it.
#include "connect/split.h"

#include <gtest/gtest.h>

#include <cmath>

#include "connect/experiment.h"
#include "connect/planner.h"
#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::World;

constexpr const char* kSplit =
    R"(,"split":{"salt":"spring","arms":[{"name":"a","share":0.5},{"name":"b","share":0.3}],)"
    R"("holdout":0.2,"send":["a"]})";

class Splitting : public ::testing::Test {
 protected:
  void populate(index::Ordinal from, index::Ordinal to) {
    world_.people.add_buyers(from, to);
  }
  void begin(const std::string& sync_members) {
    world_.open();
    world_.define("", sync_members);
  }
  RunView run() {
    EXPECT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
    return world_.newest();
  }
  std::string arm(index::Ordinal ordinal) {
    return world_.exporter->person(world_.pass, "buyers", "p" + std::to_string(ordinal))->arm;
  }
  World world_;
};

TEST_F(Splitting, HoldsOutWhoIsInNoArmThatIsSentAndTheEquationCountsThem) {
  populate(0, 5'000);
  begin(kSplit);
  const RunView first = run();
  EXPECT_EQ(5'000U, first.counts.audience);
  EXPECT_EQ(5'000U, first.counts.sent + first.counts.held_out);
  EXPECT_NEAR(2'500.0, static_cast<double>(first.counts.sent), 150.0);
  EXPECT_TRUE(first.counts.adds_up());
  EXPECT_EQ(first.counts.sent, world_.receiver.holds.size());
  const LedgerView ledger = *world_.exporter->ledger(world_.pass, "buyers");
  EXPECT_EQ(first.counts.held_out, ledger.held_out);
  const PeoplePage page =
      *world_.exporter->people(world_.pass, "buyers", {.state = PersonState::HeldOut});
  for (const PersonView& person : page.people) {
    ASSERT_EQ("in arm '" + person.arm + "'", person.reason);
    ASSERT_NE("a", person.arm);
    ASSERT_FALSE(world_.receiver.holds.contains(person.profile_id));
  }
}

TEST_F(Splitting, KeepsEverybodyInTheirArmThroughRunsRestartsAndSyncs) {
  populate(0, 1'000);
  begin(kSplit);
  run();
  std::vector<std::string> before;
  for (index::Ordinal i = 0; i < 1'000; ++i) before.push_back(arm(i));
  populate(1'000, 1'500);
  world_.restart();
  run();
  world_.restart();
  for (index::Ordinal i = 0; i < 1'000; ++i) ASSERT_EQ(before[i], arm(i));
  EXPECT_NE("", arm(1'200));
  AudienceSplit split{.salt = "spring", .arms = {{"a", 0.5}, {"b", 0.3}}, .holdout = 0.2,
                      .send = {"b"}};
  for (index::Ordinal i = 0; i < 1'000; ++i) {
    ASSERT_EQ(before[i], arm_of(&split, {}, "p" + std::to_string(i)));
  }
}

TEST_F(Splitting, TheAssignmentIsFixedForEver) {
  AudienceSplit split{.salt = "spring", .arms = {{"a", 0.5}, {"b", 0.3}}, .holdout = 0.2,
                      .send = {"a"}};
  std::string arms;
  for (int i = 0; i < 24; ++i) arms += arm_of(&split, {}, "p" + std::to_string(i)).front();
  EXPECT_EQ("hhabbbabbabhhaaaaabbahaa", arms);
}

TEST_F(Splitting, TakesBackWhoIsHeldOutFromNowOn) {
  populate(0, 1'000);
  begin("");
  run();
  ASSERT_EQ(1'000U, world_.receiver.holds.size());
  ASSERT_TRUE(world_.exporter->put_holdout(world_.pass, R"({"salt":"2026","share":0.3})"));
  world_.restart();
  const RunView second = run();
  EXPECT_NEAR(300.0, static_cast<double>(second.counts.held_out), 60.0);
  EXPECT_EQ(second.counts.held_out, second.counts.removals_sent);
  EXPECT_EQ(1'000U - second.counts.held_out, world_.receiver.holds.size());
  EXPECT_TRUE(second.counts.adds_up());
}

TEST_F(Splitting, SaysWhetherTheArmsCameOutAsTheyShould) {
  populate(0, 4'000);
  begin(kSplit);
  run();
  const BalanceView balance = *world_.exporter->balance(world_.pass, "buyers");
  ASSERT_EQ(3U, balance.arms.size());
  EXPECT_EQ(4'000U, balance.people);
  EXPECT_TRUE(balance.balanced()) << to_json(balance);
  BalanceView skewed{.sync = "x", .arms = {{"a", true, 0.5, 2'200}, {"b", true, 0.5, 1'800}}};
  weigh(skewed);
  EXPECT_NEAR(40.0, skewed.chi_square, 1e-9);
  EXPECT_FALSE(skewed.balanced());
}

TEST_F(Splitting, LiftCountsWhatHappenedSinceEachWasAssigned) {
  populate(0, 2'000);
  begin(kSplit);
  const TimeMs began = world_.clock.now();
  run();
  world_.clock.set(began + 86'400'000);
  populate(2'000, 3'000);
  run();
  std::vector<std::string> asked;
  world_.people.matches = [&](const std::string& where) {
    if (where == "everyone") {  // One is gone since.
      return subtract(world_.people.segments["buyers"],
                      index::Bitmap::from_sorted(std::vector<index::Ordinal>{0}));
    }
    asked.push_back(where);
    index::Bitmap reached;  // Half of the arm "a", nobody else; of whoever came first.
    for (index::Ordinal i = 0; i < 2'000; ++i) {
      if (arm(i) == "a" && i % 2 == 0) reached.add(i);
    }
    return reached;
  };
  const auto lift = world_.exporter->lift(world_.pass, "buyers", "\"Order\"");
  ASSERT_TRUE(lift) << lift.error().message;
  ASSERT_EQ(2U, asked.size());
  EXPECT_EQ("did \"Order\" since 2023-11-14T22:13:20Z", asked[0]);
  EXPECT_EQ("did \"Order\" since 2023-11-15T22:13:20Z", asked[1]);
  EXPECT_EQ("holdout", lift->control);
  EXPECT_EQ(0U, lift->held.converted);
  EXPECT_NEAR(600.0, static_cast<double>(lift->held.people), 80.0);
  EXPECT_NEAR(1.0 / 3, lift->treatment.value(), 0.05);
  EXPECT_GT(lift->difference_interval.low, 0.25);
  std::uint64_t people = 0;
  for (const ArmLift& one : lift->arms) people += one.rate.people;
  EXPECT_EQ(2'999U, people);
}

TEST_F(Splitting, LiftSaysWhyThereIsNone) {
  populate(0, 10);
  begin("");
  auto none = world_.exporter->lift(world_.pass, "buyers", "\"Order\"");
  ASSERT_FALSE(none);
  EXPECT_EQ("Sync 'buyers' holds nobody out; give it a \"split\", or PUT /v1/holdout.",
            none.error().message);
  world_.define("", kSplit);
  none = world_.exporter->lift(world_.pass, "buyers", "\"Order\"");
  ASSERT_FALSE(none);
  EXPECT_EQ(ErrorCode::Conflict, none.error().code);
}

// Through kills at every append each confirmed delivery is told once.
TEST_F(Splitting, EveryDeliveryBecomesAnEventOfItsPeople) {
  for (int crash_at = 0; crash_at < 24; ++crash_at) {
    SCOPED_TRACE(crash_at);
    World world;
    for (index::Ordinal i = 0; i < 30; ++i) {
      world.people.add(i, "p@example.com");
      world.people.segments["buyers"].add(i);
    }
    world.open();
    world.define(R"(,"batch_size":5)", std::string(R"(,"contact_history":true)") + kSplit);
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    if (crash_at > 0) world.store.crash_at = world.store.appends + crash_at;
    world.store.crash = static_cast<testing::Crash>(crash_at % 3);
    world.work();
    world.restart();
    world.work();
    std::map<std::string, int> told;
    for (const auto& [id, text] : world.contacts) {
      EXPECT_TRUE(text.starts_with("add ") && text.ends_with(" a")) << text;
      ++told[text.substr(4, text.size() - 6)];
    }
    EXPECT_EQ(world.receiver.holds.size(), told.size());
    for (const auto& [person, count] : told) EXPECT_EQ(1, count) << person;
  }
}

TEST(Experiment, IntervalsAreThoseOfTheirPapers) {
  struct Case {
    Rate first, second;
    double low, high;
  };
  // Newcombe 1998, table II, method 10.
  const Case cases[] = {{{70, 56}, {80, 48}, 0.0524, 0.3339},
                        {{10, 9}, {10, 3}, 0.1705, 0.8090},
                        {{56, 5}, {29, 0}, -0.0381, 0.1926}};
  for (const Case& c : cases) {
    const Interval got = newcombe(c.first, c.second);
    EXPECT_NEAR(c.low, got.low, 5e-5);
    EXPECT_NEAR(c.high, got.high, 5e-5);
  }
  EXPECT_NEAR(0.2366, wilson(5, 10).low, 5e-5);
  EXPECT_NEAR(0.7634, wilson(5, 10).high, 5e-5);
}

TEST(Experiment, ChiSquareIsThatOfTheTables) {
  EXPECT_NEAR(0.05, chi_square_probability(3.841458820694124, 1), 1e-9);
  EXPECT_NEAR(0.05, chi_square_probability(30.14352720564616, 19), 1e-9);
  EXPECT_NEAR(0.95, chi_square_probability(10.11701307, 19), 1e-6);
  EXPECT_EQ(1.0, chi_square_probability(0, 3));
  EXPECT_LT(chi_square_probability(1'000, 1), 1e-200);
}

// What the ledger keeps of runs that assign people is bounded, and loses nobody.
TEST(Cohorts, AreMergedByTwosWhenThereAreMany) {
  Ledger ledger("s");
  for (std::uint64_t run = 1; run <= 3 * kCohortsMax; ++run) {
    RunStarted started{.run = run, .at = static_cast<TimeMs>(run)};
    const index::Bitmap one =
        index::Bitmap::from_sorted(std::vector<index::Ordinal>{static_cast<index::Ordinal>(run)});
    started.audience = one;
    started.held_out.emplace_back("holdout", one);
    started.assigned.emplace_back("holdout", one);
    started.split_key = 7;
    ASSERT_TRUE(ledger.apply(*decode_outcome(encode(started))));
    ASSERT_TRUE(ledger.apply(RunFinished{run, static_cast<TimeMs>(run), ""}));
  }
  EXPECT_LE(ledger.cohorts().size(), kCohortsMax);
  std::uint64_t people = 0;
  TimeMs last = 0;
  for (const Cohort& cohort : ledger.cohorts()) {
    EXPECT_GT(cohort.at, last);
    last = cohort.at;
    for (const auto& [arm, members] : cohort.arms) people += members.count();
  }
  EXPECT_EQ(3 * kCohortsMax, people);
}

// Records of before the split, byte for byte, still say the same.
// What a version before wrote of a run: no arms, no changes, no erasure.
TEST(OutcomeRecord, FieldsThatCameLaterMayBeMissing) {
  RunStarted started{.run = 4, .at = 9};
  started.audience.add(3);
  started.already.add(3);
  std::string before = encode(started);
  before.resize(before.size() - 8);  // Eight fields since format 2, a byte each where empty.
  before[0] = 1;
  const auto read = decode_outcome(before);
  ASSERT_TRUE(read);
  EXPECT_EQ(0U, std::get<RunStarted>(*read).split_key);
  started.split_key = 5;
  started.held_out.emplace_back("a", started.audience);
  const std::string with = encode(started);
  EXPECT_EQ(before.substr(1), with.substr(1, before.size() - 1));
  const auto both = decode_outcome(with);
  ASSERT_TRUE(both);
  EXPECT_EQ(5U, std::get<RunStarted>(*both).split_key);
  EXPECT_EQ(1U, std::get<RunStarted>(*both).held_out.size());
  EXPECT_EQ(1U, std::get<RunStarted>(*both).held_out[0].second.count());
  const auto whole = decode_outcome(encode(RunRequested{7, 8, true, {}}));
  ASSERT_TRUE(whole);
  EXPECT_TRUE(std::get<RunRequested>(*whole).whole);
  const auto usual = decode_outcome(encode(RunRequested{7, 8, false, {}}));
  EXPECT_FALSE(std::get<RunRequested>(*usual).whole);
}

}  // namespace
}  // namespace muster::connect
