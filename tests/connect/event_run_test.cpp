// A sync of events: each change of the segment once, in order for each person, through kills.
#include "connect/event_run.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/time.h"
#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::Crash;
using testing::World;

class Events : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.people.segments["buyers"];
    for (index::Ordinal i = 0; i < 40; ++i) {
      world_.people.add(i, "p" + std::to_string(i) + "@example.com");
    }
    world_.people.move("buyers", 39, true, 5);  // Before the sync: not told.
    world_.open();
  }
  // Somebody comes or goes, now and then in another segment.
  void stir(int changes) {
    for (int i = 0; i < changes; ++i) {
      const auto ordinal = static_cast<index::Ordinal>(random_.next() % 30);
      if (random_.next() % 4 == 0) {
        world_.people.move("others", ordinal, true, ++time_);
        continue;
      }
      const bool enters = !world_.people.segments["buyers"].contains(ordinal);
      world_.people.move("buyers", ordinal, enters, ++time_);
      expected_["p" + std::to_string(ordinal)].push_back(
          std::string(enters ? "Audience Entered " : "Audience Exited ") + to_rfc3339(time_));
    }
  }
  void listen() {
    world_.receiver.reacts = [this](const std::string& id, const boost::json::value& body) {
      if (faulty_ && random_.next() % 4 == 0) {
        return Receiver::Reaction{.takes = false,
                                  .answer = {.kind = AnswerKind::Status, .status = 500}};
      }
      if (seen_.insert(id).second) note(body);
      return Receiver::Reaction{};
    };
  }
  void note(const boost::json::value& body) {
    EXPECT_EQ("audience.events", body.at("type").as_string());
    for (const boost::json::value& member : body.at("members").as_array()) {
      told_[std::string(member.at("id").as_string())].push_back(
          std::string(member.at("event").as_string()) + " " +
          std::string(member.at("timestamp").as_string()));
    }
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  }

  World world_;
  SeededRandom random_{7};
  TimeMs time_ = 1'600'000'000'000;
  bool faulty_ = false;
  std::set<std::string> seen_;
  std::map<std::string, std::vector<std::string>> expected_, told_;
};

TEST_F(Events, EachChangeIsToldOnceAndInOrder) {
  listen();
  world_.define(R"(,"batch_size":5)", R"(,"mode":"events")");
  stir(200);
  run();
  EXPECT_EQ(expected_, told_);
  stir(50);
  run();
  EXPECT_EQ(expected_, told_);
  EXPECT_EQ(0, world_.receiver.changed_bodies);
  const auto body = boost::json::parse(world_.receiver.messages.begin()->second.body);
  EXPECT_EQ("event", body.at("members").at(0).at("reason").as_string());
}

TEST_F(Events, FaultsAndKillsLoseAndDisorderNothing) {
  listen();
  faulty_ = true;
  world_.define(R"(,"batch_size":5,"max_attempts":50)",
                R"(,"mode":"events","schedule":{"every":"1h"})");
  for (int round = 0; round < 40; ++round) {
    stir(20);
    world_.store.crash_at = world_.store.appends + 1 + static_cast<int>(random_.next() % 12);
    world_.store.crash = static_cast<Crash>(random_.next() % 3);
    for (int i = 0; i < 60 && !world_.store.down; ++i) {
      if (world_.exporter->work_once()) continue;
      const auto due = world_.exporter->next_due();
      if (due) world_.clock.set(std::max(world_.clock.now(), *due));
    }
    world_.restart();
  }
  faulty_ = false;
  for (int i = 0; i < 2'000; ++i) {
    if (!world_.exporter->work_once()) world_.clock.set(world_.clock.now() + 60'000);
  }
  EXPECT_EQ(expected_, told_);
}

TEST_F(Events, WhoWaitsInADeadLetterIsNotOvertaken) {
  int answers = 0;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = ++answers > 2,
                              .answer = {.kind = AnswerKind::Status,
                                         .status = answers > 2 ? 200 : 500}};
  };
  world_.define(R"(,"max_attempts":2,"retry_schedule_ms":[0,10])", R"(,"mode":"events")");
  world_.people.move("buyers", 1, true, 10);
  run();
  EXPECT_EQ(RunState::Incomplete, world_.newest().state);
  world_.people.move("buyers", 2, true, 11);
  world_.people.move("buyers", 1, false, 12);
  run();
  EXPECT_EQ((std::vector<std::string>{"add p1", "remove p1", "add p2"}), world_.receiver.order);
}

// The change stream is read once: a run that ends for its dead letters before everybody is in a
// batch leaves the others to the next one, and they are told of before what came later.
TEST_F(Events, WhoWasInNoBatchWhenARunEndedIsToldOfByTheNext) {
  bool is_down = true;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value& body) {
    if (is_down) {
      return Receiver::Reaction{.takes = false,
                                .answer = {.kind = AnswerKind::Status, .status = 500}};
    }
    note(body);
    return Receiver::Reaction{};
  };
  world_.define(R"(,"batch_size":1,"max_attempts":1)", R"(,"mode":"events")");
  for (index::Ordinal i = 0; i < 39; ++i) {
    world_.people.add(100 + i, "q@example.com");
    world_.people.move("buyers", 100 + i, true, ++time_);
    world_.people.move("buyers", i, i % 2 == 0, ++time_);
  }
  run();
  EXPECT_EQ(RunState::Incomplete, world_.newest().state);
  EXPECT_LE(32U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  world_.people.move("buyers", 138, false, ++time_);  // Behind the cursor of that run.
  world_.restart();
  is_down = false;
  run();
  EXPECT_EQ(78U, told_.size());
  run();
  ASSERT_EQ(2U, told_["p138"].size());
  EXPECT_TRUE(told_["p138"][0].starts_with("Audience Entered 20"));
  EXPECT_TRUE(told_["p138"][1].starts_with("Audience Exited 20"));
  EXPECT_EQ(1U, told_["p0"].size());
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  EXPECT_EQ(0, world_.receiver.changed_bodies);
}

// A letter that dies again, and a next change about the same person: the run that was asked for
// has failed and says so, the next one tries again, and the sync can be deleted.
TEST_F(Events, ARunThatADeadLetterHoldsUpFailsAndTheNextTriesAgain) {
  bool is_down = true;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = !is_down, .answer = {.kind = AnswerKind::Status,
                                                            .status = is_down ? 500 : 200}};
  };
  world_.define(R"(,"max_attempts":1)", R"(,"mode":"events")");
  world_.people.move("buyers", 1, true, 10);
  run();
  world_.people.move("buyers", 1, false, 11);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  for (int i = 0; i < 50 && world_.exporter->work_once(); ++i) {
  }
  EXPECT_EQ(RunState::Failed, world_.newest().state);
  EXPECT_NE(std::string::npos, world_.newest().last_error.find("waits for dead letter"));
  is_down = false;
  run();
  EXPECT_EQ((std::vector<std::string>{"add p1", "remove p1"}), world_.receiver.order);
}

// Nobody delivers for a paused sync: it need not wait for its run to be deleted, and the one of
// the same name that comes after it begins with nothing of that.
TEST_F(Events, APausedSyncIsDeletedInTheMiddleOfItsRun) {
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false,
                              .answer = {.kind = AnswerKind::Status, .status = 500}};
  };
  world_.define("", R"(,"mode":"events")");
  world_.people.move("buyers", 1, true, 10);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  for (int i = 0; i < 50 && world_.exporter->work_once(); ++i) {
  }
  EXPECT_EQ(RunState::Delivering, world_.newest().state);
  EXPECT_FALSE(world_.exporter->delete_sync(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->delete_sync(world_.pass, "buyers"));
  world_.define("", R"(,"mode":"events")");
  // Asked for, and not begun when it is deleted.
  EXPECT_EQ(2U, *world_.exporter->start_run(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->delete_sync(world_.pass, "buyers"));
  world_.define();
  world_.restart();
  EXPECT_TRUE(world_.exporter->runs(world_.pass, "buyers")->empty());
  EXPECT_FALSE(world_.exporter->next_due());
}

TEST_F(Events, WhoIsHeldOutOrExcludedIsNotToldOf) {
  listen();
  world_.people.segments["unsubscribed"].add(0);
  world_.define("", R"(,"mode":"events","exclude":["unsubscribed"],)"
                    R"("split":{"salt":"x","arms":[{"name":"a","share":0.5}],"holdout":0.5})");
  for (index::Ordinal i = 0; i < 30; ++i) world_.people.move("buyers", i, true, 10 + i);
  run();
  const RunCounts counts = world_.newest().counts;
  EXPECT_EQ(30U, counts.audience);
  EXPECT_EQ(1U, counts.excluded);
  EXPECT_GT(counts.held_out, 5U);
  EXPECT_EQ(counts.sent, told_.size());
  for (index::Ordinal i = 0; i < 30; ++i) world_.people.move("buyers", i, false, 100 + i);
  run();
  EXPECT_EQ(counts.sent, world_.newest().counts.removals_sent);
}

TEST_F(Events, OtherModesAndScratchAreRefused) {
  world_.define("", R"(,"mode":"events")");
  EXPECT_FALSE(world_.exporter->start_whole_run(world_.pass, "buyers"));
  const auto turned = world_.exporter->put_sync(world_.pass, "buyers",
                                                R"({"segment":"buyers","destination":"crm"})");
  ASSERT_FALSE(turned);
  EXPECT_EQ(ErrorCode::Conflict, turned.error().code);
  EXPECT_FALSE(world_.exporter->preview(world_.pass, "buyers"));
}

// In words of the destination's own, too.
TEST_F(Events, GoToTemplatesThatNameThem) {
  std::vector<std::string> told;
  world_.receiver.reacts = [&](const std::string&, const boost::json::value& body) {
    for (const boost::json::value& member : body.at("members").as_array()) {
      told.push_back(boost::json::serialize(member));
    }
    return Receiver::Reaction{};
  };
  const std::string request =
      R"({"body":{"operation":"{{operation}}","members":["{{members}}"]},"member":)"
      R"({"id":"{{id}}","em":"{{mail}}","what":"{{change.event}}","at":"{{change.time}}",)"
      R"("why":"{{change.reason}}"}})";
  world_.define(R"(,"fields":{"mail":{}},"requests":{"add":)" + request + R"(,"remove":)" +
                    request + "}",
                R"(,"mode":"events")");
  world_.people.move("buyers", 1, true, 1'600'000'000'000);
  world_.people.move("buyers", 1, false, 1'600'000'001'000);
  run();
  const std::vector<std::string> expected{
      R"({"id":"p1","em":"p1@example.com","what":"Audience Entered",)"
      R"("at":"2020-09-13T12:26:40Z","why":"event"})",
      R"({"id":"p1","em":"p1@example.com","what":"Audience Exited",)"
      R"("at":"2020-09-13T12:26:41Z","why":"event"})"};
  EXPECT_EQ(expected, told);
}

// Nobody knows any more who came and went: members and those who are there are compared.
TEST_F(Events, RowsPastTheirRetentionAreMadeUpForFromTheMembers) {
  world_.define("", R"(,"mode":"events")");
  for (index::Ordinal i = 0; i < 4; ++i) world_.people.move("buyers", i, true, 10);
  run();
  world_.people.move("buyers", 2, false, 11);
  world_.people.move("buyers", 7, true, 12);
  world_.people.changes_kept_from = world_.people.next_offset();
  run();
  EXPECT_EQ((std::vector<std::string>{"remove p2", "add p7", "add p39"}),
            std::vector<std::string>(world_.receiver.order.begin() + 4,
                                     world_.receiver.order.end()));
  EXPECT_NE(std::string::npos, world_.newest().last_error.find("past their retention"));
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  world_.people.move("buyers", 7, false, 13);
  run();
  EXPECT_EQ("remove p7", world_.receiver.order.back());
  EXPECT_EQ(7U, world_.receiver.order.size() - 1);
  EXPECT_EQ("", world_.newest().last_error);
}

}  // namespace
}  // namespace muster::connect
