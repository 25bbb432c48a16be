// When syncs run: the five fields of cron, continuous syncs, cancelling, from scratch, previews.
#include "connect/schedule.h"

#include <gtest/gtest.h>

#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;

std::string after(const std::string& cron, const std::string& zone, const std::string& from) {
  const auto parsed = Cron::parse(cron, zone);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return to_rfc3339(parsed->next(*parse_time(from, Zone())));
}

TEST(Cron, FindsTheNextTime) {
  const char* const cases[][3] = {
      // text, from, next; UTC
      {"0 9 * * 1-5", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z"},
      {"*/15 * * * *", "2026-11-20T09:00:00Z", "2026-11-20T09:15:00Z"},
      {"*/15 * * * *", "2026-11-20T09:59:59Z", "2026-11-20T10:00:00Z"},
      {"5/20 * * * *", "2026-11-20T09:26:00Z", "2026-11-20T09:45:00Z"},
      {"30 6 1,15 * *", "2026-11-15T06:30:00Z", "2026-12-01T06:30:00Z"},
      {"0 0 29 2 *", "2026-11-20T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
      {"0 12 * jan-mar sun", "2026-11-20T00:00:00Z", "2027-01-03T12:00:00Z"},
      {"0 12 * * 7", "2026-11-20T00:00:00Z", "2026-11-22T12:00:00Z"},
      // Either day is enough where both are restricted.
      {"0 0 13 * 5", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z"},
      {"0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"},
  };
  for (const auto& [text, from, next] : cases) {
    SCOPED_TRACE(std::string(text) + " from " + from);
    EXPECT_EQ(next, after(text, "UTC", from));
  }
}

// Berlin: at 02:00 on 2026-03-29 it becomes 03:00, at 03:00 on 2026-10-25 it becomes 02:00.
TEST(Cron, KnowsWhatHappensWhenClocksChange) {
  const std::string zone = "Europe/Berlin";
  EXPECT_EQ("2026-03-29T01:00:00Z", after("30 2 * * *", zone, "2026-03-28T12:00:00Z"));
  EXPECT_EQ("2026-03-30T00:30:00Z", after("30 2 * * *", zone, "2026-03-29T01:00:00Z"));
  EXPECT_EQ("2026-10-25T00:30:00Z", after("30 2 * * *", zone, "2026-10-24T12:00:00Z"));
  EXPECT_EQ("2026-10-26T01:30:00Z", after("30 2 * * *", zone, "2026-10-25T00:30:00Z"));
  EXPECT_EQ("2026-11-23T08:00:00Z", after("0 9 * * 1-5", zone, "2026-11-20T08:00:00Z"));
}

TEST(Cron, SaysWhatDoesNotFit) {
  const std::pair<const char*, const char*> cases[] = {
      {"* * * *", "five fields"}, {"60 * * * *", "'60' is no minute from 0 to 59"},
      {"* * 0 * *", "'0' is no day of month"}, {"* * * foo *", "'foo' is no month"},
      {"*/0 * * * *", "'*/0' is no minute"}, {"9-5 * * * *", "'9-5' is no minute"},
      {"0 0 30 2 *", "no such day"}, {"1,,2 * * * *", "'' is no minute"}};
  for (const auto& [text, part] : cases) {
    const auto parsed = Cron::parse(text, "UTC");
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(std::string::npos, parsed.error().message.find(part)) << parsed.error().message;
  }
  EXPECT_FALSE(Cron::parse("* * * * *", "Europe/Atlantis"));
}

class Scheduling : public ::testing::Test {
 protected:
  void SetUp() override {
    add(0, 100);
    world_.open();
  }
  void add(index::Ordinal from, index::Ordinal to) {
    world_.people.add_buyers(from, to);
  }
  void leave(index::Ordinal ordinal) {
    auto& buyers = world_.people.segments["buyers"];
    buyers = subtract(buyers, index::Bitmap::from_sorted(std::vector<index::Ordinal>{ordinal}));
  }
  std::size_t runs() { return world_.exporter->runs(world_.pass, "buyers")->size(); }
  // All that is due without letting more time pass.
  void work_now() {
    while (world_.exporter->work_once()) world_.expect_sums();
  }
  void pass_ms(TimeMs ms) {
    world_.clock.set(world_.clock.now() + ms);
    work_now();
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    work_now();
  }
  World world_;
};

TEST_F(Scheduling, CronRunsAtItsTimesAndOnceForThoseThatWereMissed) {
  world_.clock.set(*parse_time("2026-11-20T08:00:00Z", Zone()));
  world_.define("", R"(,"schedule":{"cron":"0 9 * * 1-5","timezone":"UTC"})");
  work_now();
  // The fake store does not say when a document changed: the first time is long gone.
  const std::size_t before = runs();
  EXPECT_EQ(*parse_time("2026-11-20T09:00:00Z", Zone()), world_.exporter->next_due());
  world_.clock.set(*parse_time("2026-11-20T09:00:00Z", Zone()));
  work_now();
  EXPECT_EQ(before + 1, runs());
  EXPECT_EQ(*parse_time("2026-11-23T09:00:00Z", Zone()), world_.exporter->next_due());
  world_.restart();
  world_.clock.set(*parse_time("2026-12-24T00:00:00Z", Zone()));
  work_now();
  EXPECT_EQ(before + 2, runs());
}

TEST_F(Scheduling, ContinuousCollectsChangesAndSendsThemOnce) {
  world_.define("", R"(,"schedule":{"continuous":{"debounce":"5s"}})");
  pass_ms(1'000);
  EXPECT_EQ(0U, runs());
  pass_ms(5'000);
  EXPECT_EQ(1U, runs());
  pass_ms(60'000);
  EXPECT_EQ(1U, runs());  // Nothing changed.
  for (index::Ordinal i = 100; i < 108; ++i) {  // It never rests, and is sent all the same.
    add(i, i + 1);
    pass_ms(1'000);
  }
  EXPECT_EQ(2U, runs());
  pass_ms(6'000);
  EXPECT_EQ(3U, runs());
  EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
  leave(3);
  add(200, 201);  // As many as before.
  pass_ms(1'000);
  pass_ms(5'000);
  EXPECT_EQ(4U, runs());
  EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
}

TEST_F(Scheduling, FromScratchSendsEverybodyAgainAndRemovesWhoLeft) {
  world_.define();
  run();
  leave(7);
  world_.receiver.holds.clear();  // It lost everything.
  ASSERT_TRUE(world_.exporter->start_whole_run(world_.pass, "buyers"));
  world_.restart();  // What was asked for is durable.
  work_now();
  EXPECT_EQ(99U, world_.newest().counts.sent);
  EXPECT_EQ(1U, world_.newest().counts.removals_sent);
  EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
  run();
  EXPECT_EQ(99U, world_.newest().counts.already_there);
}

TEST_F(Scheduling, CancellingLeavesTheRestToTheNextRun) {
  world_.define(R"(,"batch_size":10)");
  int answered = 0;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    ++answered;
    if (answered == 3) {
      return Receiver::Reaction{.takes = true, .answer = {.kind = AnswerKind::Ambiguous}};
    }
    if (answered == 4) {
      EXPECT_TRUE(world_.exporter->cancel(world_.pass, "buyers"));
    }
    return Receiver::Reaction{};
  };
  run();
  RunView cancelled = world_.newest();
  EXPECT_EQ(RunState::Cancelled, cancelled.state);
  EXPECT_EQ(30U, cancelled.counts.sent);
  EXPECT_EQ(70U, cancelled.counts.pending);
  EXPECT_EQ(4, answered);
  EXPECT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  EXPECT_FALSE(world_.exporter->cancel(world_.pass, "buyers"));
  world_.restart();
  EXPECT_EQ(RunState::Cancelled, world_.newest().state);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  world_.work();
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
  EXPECT_EQ(0, world_.receiver.changed_bodies);
  std::set<std::string> seen;  // The ambiguous batch came twice, as the same message.
  for (const std::string& one : world_.receiver.order) EXPECT_TRUE(seen.insert(one).second) << one;
}

TEST_F(Scheduling, ARunOfADisabledDestinationCanBeCancelled) {
  world_.define();
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false,
                              .answer = {.kind = AnswerKind::Status, .status = 410}};
  };
  run();
  EXPECT_EQ(RunState::Blocked, world_.newest().state);
  ASSERT_TRUE(world_.exporter->cancel(world_.pass, "buyers"));
  work_now();
  EXPECT_EQ(RunState::Cancelled, world_.newest().state);
}

TEST_F(Scheduling, WhoIsErasedIsRemovedAtOnceAndNobodyElseIsTouched) {
  world_.people.segments["unsubscribed"].add(5);
  world_.define("", R"(,"exclude":["unsubscribed"])");
  run();
  ASSERT_TRUE(world_.receiver.holds.contains("p7"));
  EXPECT_TRUE(world_.note_erased(5).empty());
  EXPECT_EQ(std::vector<std::string>{"buyers"}, world_.note_erased(7));
  leave(7);
  world_.people.ids.erase(7);
  add(100, 110);  // Who came meanwhile waits for the next run.
  ASSERT_TRUE(world_.exporter->work_once());  // The request is durable.
  world_.restart();
  work_now();
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_EQ(98U, world_.receiver.holds.size());
  EXPECT_EQ("remove p7", world_.receiver.order.back());
  EXPECT_EQ(1U, world_.newest().counts.removals_sent);
  EXPECT_EQ(0U, world_.newest().counts.audience);
  EXPECT_EQ(PersonState::Excluded, world_.exporter->person(world_.pass, "buyers", "p5")->state);
  run();
  EXPECT_EQ(world_.receiver.holds.size(), 108U);
}

// Somebody who is erased, as the engine then answers.
void erase(World& world, index::Ordinal ordinal) {
  world.people.segments["buyers"].remove(ordinal);
  world.people.ids.erase(ordinal);
}

// What is owed to who was erased outlives the process: it is found in the ledger again.
TEST_F(Scheduling, WhoWasErasedBeforeAStartIsRemovedAfterIt) {
  world_.define();
  run();
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  erase(world_, 7);
  EXPECT_EQ(1U, world_.note_erased(7).size());
  erase(world_, 8);  // The program ends before the exporter hears of it.
  work_now();
  world_.restart();
  work_now();
  EXPECT_TRUE(world_.receiver.holds.contains("p7")) << "the sync is paused";
  ASSERT_TRUE(world_.exporter->resume(world_.pass, "buyers"));
  work_now();
  EXPECT_EQ(98U, world_.receiver.holds.size());
  EXPECT_TRUE(world_.newest().erasure);
  EXPECT_FALSE(world_.exporter->next_due());
}

// A usual run would remove them; where it ends before it has, a run of their own does.
TEST_F(Scheduling, ARunThatIsCancelledDoesNotForgetWhoWasErased) {
  world_.define(R"(,"batch_size":10)");
  run();
  erase(world_, 7);
  world_.note_erased(7);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->cancel(world_.pass, "buyers"));
  work_now();
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_TRUE(world_.newest().erasure);
  // One that ends well leaves nothing to do.
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  erase(world_, 8);
  world_.note_erased(8);
  work_now();
  EXPECT_EQ(98U, world_.receiver.holds.size());
  EXPECT_FALSE(world_.newest().erasure) << "the usual run removed them";
}

// Their row was read, their batch not yet known of: it is cut before it goes.
TEST_F(Scheduling, WhoIsErasedWhileTheirBatchIsMadeIsNotSent) {
  world_.define();
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->work_once());  // It has begun, with nobody in a batch.
  EXPECT_TRUE(world_.note_erased(7).empty());
  work_now();  // The fake still knows them: as a row that was read before.
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_EQ(99U, world_.receiver.holds.size());
  EXPECT_EQ(99U, world_.receiver.order.size());
  EXPECT_EQ(1U, world_.newest().counts.unidentifiable);
}

// Who is left out by a refresh is removed by a run that is asked for, not by a start.
TEST_F(Scheduling, WhoIsLeftOutByARefreshWaitsForARun) {
  world_.define();
  run();
  world_.people.left_out.add(7);
  world_.erase_quietly(7);
  world_.restart();
  work_now();
  EXPECT_TRUE(world_.receiver.holds.contains("p7"));
  run();
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
}

// A run for an erasure leaves alone what it is not about, and cannot be called off.
TEST_F(Scheduling, AnErasureKeepsPendingPeopleAndDeadLettersAndIsNotCancelled) {
  world_.define(R"(,"batch_size":10,"max_attempts":1,"concurrency":1)");
  int answered = 0;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    ++answered;
    if (answered == 3) {
      EXPECT_TRUE(world_.exporter->cancel(world_.pass, "buyers"));
    }
    return answered == 2
               ? Receiver::Reaction{.takes = false, .answer = {.kind = AnswerKind::Status,
                                                               .status = 500}}
               : Receiver::Reaction{};
  };
  run();
  EXPECT_EQ(RunState::Cancelled, world_.newest().state);
  const std::uint64_t pending = world_.exporter->ledger(world_.pass, "buyers")->pending;
  EXPECT_EQ(80U, pending);
  ASSERT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  erase(world_, 7);
  EXPECT_EQ(1U, world_.note_erased(7).size());
  ASSERT_TRUE(world_.exporter->work_once());  // Asked for, not begun.
  EXPECT_FALSE(world_.exporter->cancel(world_.pass, "buyers"));
  work_now();
  EXPECT_TRUE(world_.newest().erasure);
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_EQ(pending, world_.exporter->ledger(world_.pass, "buyers")->pending);
  EXPECT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  EXPECT_EQ(4, answered);
}

// A destination that refuses the removal is asked again an hour later, and not at once.
TEST_F(Scheduling, ARemovalThatIsRefusedIsTriedAgainInAnHour) {
  world_.define();
  run();
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false,
                              .answer = {.kind = AnswerKind::Status, .status = 422}};
  };
  erase(world_, 7);
  world_.note_erased(7);
  work_now();
  EXPECT_EQ(2U, runs());
  pass_ms(3'599'000);
  EXPECT_EQ(2U, runs());
  world_.receiver.reacts = nullptr;
  pass_ms(1'000);
  EXPECT_EQ(3U, runs());
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_FALSE(world_.exporter->next_due());
}

TEST_F(Scheduling, APreviewIsWhatTheRunThenDoes) {
  for (index::Ordinal i = 20; i < 50; ++i) world_.people.segments["unsubscribed"].add(i);
  for (index::Ordinal i = 40; i < 60; ++i) world_.people.segments["bounced"].add(i);
  world_.define(R"(,"batch_size":9)", R"(,"identify_by":["mail"])");
  run();
  ASSERT_EQ(100U, world_.receiver.holds.size());
  world_.define(R"(,"batch_size":9)",
                R"(,"identify_by":["mail"],"exclude":["unsubscribed","bounced"],)"
                R"("split":{"salt":"x","arms":[{"name":"a","share":0.8}],"holdout":0.2})");
  add(100, 130);
  world_.people.fields.erase(129);
  world_.people.fields[0]["email"] = "new@example.com";
  leave(1);
  const std::size_t records = world_.store.streams["sync:buyers"].size();
  const auto preview = world_.exporter->preview(world_.pass, "buyers");
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_EQ(records, world_.store.streams["sync:buyers"].size());
  EXPECT_TRUE(preview->exact);
  ASSERT_EQ(2U, preview->excluded.size());
  EXPECT_EQ(30U, preview->excluded[0].people);
  EXPECT_EQ(20U, preview->excluded[0].only);
  EXPECT_EQ(20U, preview->excluded[1].people);
  EXPECT_EQ(10U, preview->excluded[1].only);
  run();
  const RunCounts counts = world_.newest().counts;
  EXPECT_EQ(preview->audience, counts.audience);
  EXPECT_EQ(preview->added + preview->changed, counts.sent);
  EXPECT_EQ(preview->already_there, counts.already_there);
  EXPECT_EQ(preview->removed, counts.removals_sent);
  EXPECT_EQ(preview->unidentifiable, counts.unidentifiable);
  EXPECT_EQ(40U, counts.excluded);
  ASSERT_EQ(1U, preview->held_out.size());
  EXPECT_EQ(preview->held_out[0].people, counts.held_out);
  EXPECT_GT(preview->added, 0U);
  EXPECT_GT(counts.held_out, 0U);
}

}  // namespace
}  // namespace muster::connect
