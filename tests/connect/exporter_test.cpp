#include "connect/exporter.h"

#include <gtest/gtest.h>

#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;

// A world with the people 0 to count-1 in the segment "buyers".
void populate(World& world, index::Ordinal count) {
  world.people.add_buyers(0, count);
}

Receiver::Reaction status(int code, std::string retry_after = "") {
  return {.takes = code >= 200 && code < 300,
          .answer = {.kind = AnswerKind::Status, .status = code,
                     .retry_after = std::move(retry_after)}};
}

std::uint64_t run(World& world) {
  const auto number = world.exporter->start_run(world.pass, "buyers");
  EXPECT_TRUE(number) << number.error().message;
  world.work();
  return *number;
}

TEST(Exporter, SendsEverybodyOnceAndTheSecondRunSendsNothing) {
  World world;
  populate(world, 2'500);
  world.open();
  world.define();
  EXPECT_EQ(1U, run(world));
  EXPECT_EQ(world.wanted(world.people.segments["buyers"]), world.receiver.holds);
  EXPECT_EQ(3, world.receiver.deliveries);
  const RunView first = world.newest();
  EXPECT_EQ(RunState::Finished, first.state);
  EXPECT_EQ(2'500U, first.counts.sent);
  EXPECT_EQ("run 1 of buyers (finished): audience 2500 = sent 2500 + already there 0 + held out 0 "
            "+ excluded 0 + unidentifiable 0 + rejected 0 + pending 0; removals 0 = sent 0 + "
            "rejected 0 + pending 0: adds up",
            ledger_line(first));
  EXPECT_EQ(2U, run(world));
  EXPECT_EQ(3, world.receiver.deliveries);
  EXPECT_EQ(2'500U, world.newest().counts.already_there);
}

TEST(Exporter, SendsWhoCameWhoChangedAndWhoLeft) {
  World world;
  populate(world, 100);
  world.open();
  world.define(R"(,"batch_size":7)");
  run(world);
  world.people.add(100, "new@example.com");
  world.people.segments["buyers"].add(100);
  world.people.fields[5]["email"] = "moved@example.com";
  world.people.fields.erase(6);
  world.people.segments["buyers"].remove(7);
  world.people.segments["buyers"].remove(8);
  world.people.ids.erase(8);  // Gone altogether: known from what was sent.
  world.people.fields.erase(8);
  world.receiver.order.clear();
  run(world);
  EXPECT_EQ((std::vector<std::string>{"remove p7", "remove p8", "add p100", "change p5",
                                      "change p6"}),
            world.receiver.order);
  EXPECT_EQ(world.wanted(world.people.segments["buyers"]), world.receiver.holds);
  const RunCounts counts = world.newest().counts;
  EXPECT_EQ(99U, counts.audience);
  EXPECT_EQ(3U, counts.sent);
  EXPECT_EQ(96U, counts.already_there);
  EXPECT_EQ(2U, counts.removals_sent);
}

TEST(Exporter, KeepsOutWhoIsExcludedOrCannotBeNamed) {
  World world;
  populate(world, 20);
  world.people.segments["unsubscribed"].add(3);
  world.people.fields.erase(4);
  world.open();
  world.define("", R"(,"exclude":["unsubscribed"],"identify_by":["mail"])");
  run(world);
  EXPECT_FALSE(world.receiver.holds.contains("p3"));
  EXPECT_FALSE(world.receiver.holds.contains("p4"));
  EXPECT_EQ(1U, world.newest().counts.excluded);
  EXPECT_EQ(1U, world.newest().counts.unidentifiable);
  EXPECT_EQ(18U, world.newest().counts.sent);
  const auto excluded = world.exporter->person(world.pass, "buyers", "p3");
  EXPECT_EQ(PersonState::Excluded, excluded->state);
  EXPECT_EQ("in segment 'unsubscribed'", excluded->reason);
  // Who was sent before and is excluded or nameless now is taken back.
  world.people.segments["unsubscribed"].add(9);
  world.people.fields.erase(10);
  run(world);
  EXPECT_FALSE(world.receiver.holds.contains("p9"));
  EXPECT_FALSE(world.receiver.holds.contains("p10"));
  EXPECT_EQ(2U, world.newest().counts.removals_sent);
}

TEST(Exporter, HalvesARejectedBatchUntilTheBadRecordStandsAlone) {
  World world;
  populate(world, 100);
  world.open();
  world.define();
  world.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    for (const boost::json::value& member : body.at("members").as_array()) {
      if (member.at("id").as_string() == "p37") return status(422);
    }
    return status(200);
  };
  run(world);
  EXPECT_EQ(99U, world.receiver.holds.size());
  EXPECT_EQ(99U, world.newest().counts.sent);
  EXPECT_EQ(1U, world.newest().counts.rejected);
  EXPECT_LE(world.receiver.deliveries, 15);
  const auto person = world.exporter->person(world.pass, "buyers", "p37");
  EXPECT_EQ(PersonState::Rejected, person->state);
  EXPECT_EQ("HTTP 422: HTTP 422", person->reason);
  world.receiver.reacts = nullptr;
  world.receiver.order.clear();
  run(world);  // Rejected people are tried again, only they.
  EXPECT_EQ(std::vector<std::string>{"add p37"}, world.receiver.order);
  EXPECT_EQ(PersonState::Sent, world.exporter->person(world.pass, "buyers", "p37")->state);
}

TEST(Exporter, TriesAgainByScheduleWithTheSameIdAndBytes) {
  World world;
  populate(world, 3);
  world.open();
  world.define();
  std::vector<TimeMs> at;
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    at.push_back(world.clock.now());
    return at.size() < 4 ? status(500) : status(200);
  };
  run(world);
  ASSERT_EQ(4U, at.size());
  const TimeMs expected[] = {5'000, 300'000, 1'800'000};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_GE(at[i + 1] - at[i], expected[i]);
    EXPECT_LE(at[i + 1] - at[i], expected[i] * 6 / 5);
  }
  EXPECT_EQ(1U, world.receiver.messages.size());
  EXPECT_EQ(0, world.receiver.changed_bodies);
}

TEST(Exporter, CompressesWhenAskedAndKeepsThoseBytes) {
  World world;
  populate(world, 50);
  world.open();
  world.define(R"(,"gzip":true,"retry_schedule_ms":[0,10])");
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    return status(world.receiver.deliveries == 1 ? 500 : 200);
  };
  run(world);
  EXPECT_EQ(2, world.receiver.deliveries);
  EXPECT_EQ(0, world.receiver.changed_bodies);
  EXPECT_EQ("\x1f\x8b", world.receiver.messages.begin()->second.body.substr(0, 2));
  EXPECT_EQ(50U, world.receiver.holds.size());
}

TEST(Exporter, GoesOnAfterTheJournalWasFullForAWhile) {
  World world;
  populate(world, 30);
  world.open();
  world.define(R"(,"batch_size":10)");
  // The answer to the second delivery comes while nothing can be written.
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    world.store.down = world.receiver.deliveries == 2;
    return status(200);
  };
  ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
  while (!world.store.down) ASSERT_TRUE(world.exporter->work_once());
  EXPECT_EQ("The power is off.", world.newest().last_error);
  world.store.down = false;
  world.work();
  EXPECT_EQ(3, world.receiver.deliveries);
  EXPECT_EQ(0, world.receiver.duplicates);
  EXPECT_EQ(30U, world.newest().counts.sent);
  world.restart();
  EXPECT_EQ(30U, world.newest().counts.sent);
}

// An answer that is in the ledger and not in the journal would be forgotten by the next start, and
// its batch sent again.
TEST(Exporter, WritesLaterWhatItKnewWhenMemoryRanOut) {
  World world;
  populate(world, 30);
  world.open();
  world.define(R"(,"batch_size":10)");
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    if (world.receiver.deliveries == 2) world.store.throw_at = world.store.appends + 1;
    return status(200);
  };
  run(world);
  EXPECT_EQ(0, world.store.throw_at) << "it was thrown";
  EXPECT_EQ(3, world.receiver.deliveries);
  EXPECT_EQ(30U, world.newest().counts.sent);
  world.restart();
  EXPECT_EQ(RunState::Finished, world.newest().state);
  EXPECT_EQ(30U, world.newest().counts.sent);
  world.work();
  EXPECT_EQ(3, world.receiver.deliveries);
}

// An answer that could not be dealt with is dealt with later: else its delivery is under way for
// ever, and its run too.
TEST(Exporter, DealsLaterWithAnAnswerForWhichThereWasNoMemory) {
  World world;
  populate(world, 5);
  world.open();
  world.define();
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    world.store.puts_that_throw = 1;
    return status(410);
  };
  run(world);
  EXPECT_EQ(0, world.store.puts_that_throw);
  EXPECT_TRUE(world.exporter->destination(world.pass, "crm")->disabled);
  ASSERT_TRUE(world.exporter->cancel(world.pass, "buyers"));
  world.work();
  EXPECT_EQ(RunState::Cancelled, world.newest().state);
}

// Append removes nobody, also not somebody who is there and can no longer be named.
TEST(Exporter, AppendFromScratchLeavesAloneWhoCannotBeNamedAnyMore) {
  World world;
  populate(world, 10);
  world.open();
  world.define("", R"(,"mode":"append","identify_by":["mail"])");
  run(world);
  world.people.fields.erase(4);
  ASSERT_TRUE(world.exporter->start_whole_run(world.pass, "buyers"));
  world.work();
  EXPECT_EQ(RunState::Finished, world.newest().state);
  EXPECT_EQ(0U, world.newest().counts.removals);
  EXPECT_EQ(9U, world.newest().counts.sent);
  EXPECT_EQ(1U, world.newest().counts.already_there);
  EXPECT_EQ(10U, world.receiver.holds.size());
}

TEST(Exporter, GivesTheWholeDestinationThePeaceItAsksFor) {
  World world;
  populate(world, 30);
  world.open();
  world.define(R"(,"batch_size":10)");
  std::vector<TimeMs> at;
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    at.push_back(world.clock.now());
    return at.size() == 1 ? status(429, "7") : status(200);
  };
  run(world);
  ASSERT_EQ(4U, at.size());
  EXPECT_GE(at[1] - at[0], 7'000);
  EXPECT_EQ(30U, world.newest().counts.sent);
}

TEST(Exporter, NeverFollowsARedirectAndBuriesTheBatchInTheEnd) {
  World world;
  populate(world, 5);
  world.open();
  world.define(R"(,"max_attempts":3,"retry_schedule_ms":[0,10])");
  world.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return status(302);
  };
  run(world);
  EXPECT_EQ(3, world.receiver.deliveries);
  EXPECT_EQ(RunState::Incomplete, world.newest().state);
  EXPECT_EQ(5U, world.newest().counts.pending);
  const auto letters = world.exporter->dead_letters(world.pass, "buyers");
  ASSERT_EQ(1U, letters->size());
  EXPECT_EQ("HTTP 302 (redirects are not followed)", letters->front().last_error);
  const std::string id = letters->front().message_id;

  world.receiver.reacts = nullptr;
  EXPECT_EQ(1U, *world.exporter->replay(world.pass, "buyers", id));
  world.work();
  EXPECT_EQ(1U, world.receiver.messages.size()) << "a replay keeps its id";
  EXPECT_EQ(RunState::Finished, world.newest().state);
  EXPECT_EQ(5U, world.newest().counts.sent);
}

TEST(Exporter, SettlesDeadLettersBeforeTheNextRunPlans) {
  World world;
  populate(world, 5);
  world.open();
  world.define(R"(,"max_attempts":1)");
  world.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = true, .answer = {.kind = AnswerKind::Ambiguous}};
  };
  run(world);
  EXPECT_EQ(5U, world.exporter->ledger(world.pass, "buyers")->unknown);
  EXPECT_EQ(PersonState::Unknown, world.exporter->person(world.pass, "buyers", "p2")->state);
  world.receiver.reacts = nullptr;
  world.people.segments["buyers"].remove(2);
  world.restart();
  run(world);
  EXPECT_EQ(world.wanted(world.people.segments["buyers"]), world.receiver.holds);
  EXPECT_EQ(RunState::Finished, world.newest().state);
  EXPECT_EQ(1U, world.newest().counts.removals_sent);
}

TEST(Exporter, StopsFor410UntilTheDestinationIsPutAgain) {
  World world;
  populate(world, 30);
  world.open();
  world.define(R"(,"batch_size":10)");
  world.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return status(410);
  };
  run(world);
  EXPECT_EQ(1, world.receiver.deliveries);
  EXPECT_TRUE(world.exporter->destination(world.pass, "crm")->disabled);
  EXPECT_EQ(RunState::Blocked, world.newest().state);
  world.restart();
  world.work();
  EXPECT_EQ(1, world.receiver.deliveries);
  world.receiver.reacts = nullptr;
  const std::string shown = world.exporter->destination(world.pass, "crm")->json;
  ASSERT_TRUE(world.exporter->put_destination(world.pass, "crm", shown));
  world.work();
  EXPECT_EQ(30U, world.newest().counts.sent);
  EXPECT_EQ(RunState::Finished, world.newest().state);
}

TEST(Exporter, WaitsWhilePausedAndGoesOnWhereItStood) {
  World world;
  populate(world, 30);
  world.open();
  world.define(R"(,"batch_size":10)");
  world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    if (world.receiver.deliveries == 2) {
      EXPECT_TRUE(world.exporter->pause(world.pass, "buyers"));
    }
    return status(200);
  };
  run(world);
  EXPECT_EQ(2, world.receiver.deliveries);
  EXPECT_EQ(RunState::Blocked, world.newest().state);
  EXPECT_EQ(ErrorCode::Conflict, world.exporter->start_run(world.pass, "buyers").error().code);
  world.restart();
  EXPECT_TRUE(world.exporter->sync(world.pass, "buyers")->paused);
  ASSERT_TRUE(world.exporter->resume(world.pass, "buyers"));
  world.work();
  EXPECT_EQ(3, world.receiver.deliveries);
  EXPECT_EQ(30U, world.newest().counts.sent);
}

TEST(Exporter, RunsByItselfWhenTheScheduleSaysSo) {
  World world;
  populate(world, 3);
  world.open();
  world.define("", R"(,"schedule":{"every":"15m"})");
  const TimeMs begin = world.clock.now();
  for (int i = 0; i < 4;) {
    if (world.exporter->work_once()) continue;
    world.clock.set(*world.exporter->next_due());
    ++i;
  }
  const auto runs = world.exporter->runs(world.pass, "buyers");
  ASSERT_EQ(4U, runs->size());
  EXPECT_EQ(begin, runs->back().requested_at);
  EXPECT_EQ(begin + 3 * 900'000, runs->front().requested_at);
}

TEST(Exporter, MirrorSendsTheWholeSetOnceAndAppendNeverTakesBack) {
  World world;
  populate(world, 10);
  world.open();
  world.define();
  run(world);
  ASSERT_TRUE(world.exporter->put_sync(
      world.pass, "buyers",
      R"({"segment":"buyers","destination":"crm","mode":"mirror","mapping":{"mail":"email"}})"));
  run(world);
  EXPECT_EQ(10U, world.newest().counts.sent);
  ASSERT_TRUE(world.exporter->pause(world.pass, "buyers"));
  ASSERT_TRUE(world.exporter->resume(world.pass, "buyers"));
  run(world);
  EXPECT_EQ(10U, world.newest().counts.already_there);
  ASSERT_TRUE(world.exporter->put_sync(
      world.pass, "buyers",
      R"({"segment":"buyers","destination":"crm","mode":"append","mapping":{"mail":"email"}})"));
  world.people.segments["buyers"].remove(1);
  world.people.fields[2]["email"] = "moved@example.com";
  const int before = world.receiver.deliveries;
  run(world);
  EXPECT_EQ(before, world.receiver.deliveries);
  EXPECT_EQ(9U, world.newest().counts.already_there);
}

TEST(Exporter, FailsARunThatCannotBePlannedAndSaysWhy) {
  World world;
  populate(world, 10);
  world.open();
  world.define();
  world.people.segments.erase("buyers");
  run(world);
  EXPECT_EQ(RunState::Failed, world.newest().state);
  EXPECT_EQ("There is no such segment.", world.newest().last_error);
  populate(world, 10);
  EXPECT_EQ(2U, run(world));
  EXPECT_EQ(RunState::Finished, world.newest().state);
}

TEST(Exporter, ForgetsADeletedSyncButNotItsRunNumbers) {
  World world;
  populate(world, 10);
  world.open();
  world.define();
  run(world);
  ASSERT_FALSE(world.exporter->delete_destination(world.pass, "crm"));
  ASSERT_TRUE(world.exporter->delete_sync(world.pass, "buyers"));
  world.define();
  EXPECT_EQ(2U, run(world));
  EXPECT_EQ(10U, world.newest().counts.sent);
  world.restart();
  EXPECT_EQ(1U, world.exporter->runs(world.pass, "buyers")->size());
  ASSERT_TRUE(world.exporter->delete_sync(world.pass, "buyers"));
  EXPECT_TRUE(world.exporter->delete_destination(world.pass, "crm"));
}

TEST(Exporter, ListsThePeopleOfAStatePageByPage) {
  World world;
  populate(world, 25);
  world.open();
  world.define();
  run(world);
  std::vector<std::string> ids;
  PeopleQuery query{.state = PersonState::Sent, .limit = 10};
  for (int pages = 0; pages < 3; ++pages) {
    const auto page = world.exporter->people(world.pass, "buyers", query);
    ASSERT_TRUE(page);
    for (const PersonView& person : page->people) ids.push_back(person.profile_id);
    if (!page->next) break;
    query.from = *page->next;
  }
  EXPECT_EQ(25U, ids.size());
  EXPECT_EQ("p24", ids.back());
  EXPECT_FALSE(world.exporter->person(world.pass, "buyers", "nobody"));
}

}  // namespace
}  // namespace muster::connect
