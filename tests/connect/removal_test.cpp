// What becomes of people who were erased: in no delivery that begins later, removed wherever they
// are or may be, by a name that is kept for it, and told of in a receipt.
#include "connect/removal_outbox.h"

#include <gtest/gtest.h>

#include "tests/connect/export_world.h"
#include "tests/connect/journal_bytes.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using testing::Crash;
using testing::Receiver;
using testing::World;

constexpr TimeMs kDay = 86'400'000;
using Told = std::vector<std::string>;

Receiver::Reaction refuse(int status) {
  return {.takes = false, .answer = {.kind = AnswerKind::Status, .status = status}};
}

index::Bitmap only(index::Ordinal ordinal) {
  return index::Bitmap::from_sorted(std::vector<index::Ordinal>{ordinal});
}

class Removals : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.people.add_buyers(0, 20);
    world_.open();
  }
  void start() { ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers")); }
  void run() {
    start();
    world_.work();
  }
  // Until so many deliveries were tried.
  void deliver(int deliveries) {
    while (world_.receiver.deliveries < deliveries) ASSERT_TRUE(world_.exporter->work_once());
  }
  void work_now() {
    while (world_.exporter->work_once()) {
    }
  }
  // One attempt at the first batch, which nobody received.
  void begin_refused() {
    world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
      return refuse(500);
    };
    start();
    deliver(1);
    work_now();
  }
  bool has_p7(const Receiver::Message& message) {
    return message.body.find("\"p7\"") != std::string::npos;
  }

  World world_;
};

TEST_F(Removals, ABatchThatWasNotReceivedIsCutAnewUnderANewId) {
  world_.define(R"(,"retry_schedule_ms":[0,1000])");
  begin_refused();
  EXPECT_TRUE(world_.erase(7).empty()) << "nothing is owed: it never came there";
  world_.receiver.reacts = nullptr;
  world_.work();
  EXPECT_EQ(19U, world_.receiver.holds.size());
  EXPECT_EQ(2U, world_.receiver.messages.size());
  for (const auto& [id, message] : world_.receiver.messages) {
    EXPECT_EQ(message.taken, !has_p7(message));
  }
  const RunCounts counts = world_.newest().counts;
  EXPECT_EQ(19U, counts.sent);
  EXPECT_EQ(1U, counts.unidentifiable);
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  EXPECT_EQ(2U, world_.newest().attempts) << "the schedule of attempts goes on";
}

TEST_F(Removals, ABatchThatMayHaveBeenReceivedStaysAndTheRemovalFollows) {
  world_.define(R"(,"retry_schedule_ms":[0,1000])");
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = true, .answer = {.kind = AnswerKind::Ambiguous}};
  };
  start();
  deliver(1);
  work_now();
  EXPECT_EQ(Told{"buyers"}, world_.erase(7));
  EXPECT_EQ(Told{"buyers pending"}, world_.removals(7));
  EXPECT_TRUE(world_.removals(8).empty());
  world_.receiver.reacts = nullptr;
  world_.work();
  EXPECT_EQ(2U, world_.receiver.messages.size()) << "the same again, and the removal";
  EXPECT_EQ(0, world_.receiver.changed_bodies);
  EXPECT_EQ("remove p7", world_.receiver.order.back());
  EXPECT_EQ(19U, world_.receiver.holds.size());
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(7));
}

// What stands in between says that it got no answer; the receiver took it all the same.
TEST_F(Removals, WhatAGatewayAnsweredMayHaveCome) {
  for (const int status : {408, 502, 504}) {
    SCOPED_TRACE(status);
    World world;
    world.people.add(7, "p7@example.com");
    world.people.segments["buyers"].add(7);
    world.open();
    world.define(R"(,"retry_schedule_ms":[0,1000])");
    world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
      return Receiver::Reaction{.takes = true,
                                .answer = {.kind = AnswerKind::Status, .status = status}};
    };
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    while (world.receiver.deliveries == 0) ASSERT_TRUE(world.exporter->work_once());
    while (world.exporter->work_once()) {
    }
    EXPECT_EQ(Told{"buyers"}, world.erase(7));
    world.receiver.reacts = nullptr;
    world.work();
    EXPECT_TRUE(world.receiver.holds.empty());
    EXPECT_EQ(Told{"buyers confirmed"}, world.removals(7));
  }
}

// An append that was done although it failed is done again: it says the same.
TEST_F(Removals, ACutThatIsWrittenTwiceIsOneCut) {
  world_.define(R"(,"retry_schedule_ms":[0,1000])");
  begin_refused();
  world_.erase(7);
  world_.store.crash_at = world_.store.appends + 1;
  world_.store.crash = Crash::AfterAppend;
  while (!world_.store.down) ASSERT_TRUE(world_.exporter->work_once());
  world_.store.down = false;  // The program goes on.
  world_.receiver.reacts = nullptr;
  world_.work();
  std::set<std::string> next;
  int cuts = 0;
  for (const std::string& payload : world_.store.streams["sync:buyers"]) {
    const OutcomeRecord record = *decode_outcome(payload);
    const auto* const cut = std::get_if<Recut>(&record);
    if (cut == nullptr) continue;
    ++cuts;
    next.insert(cut->next.id);
  }
  EXPECT_EQ(2, cuts);
  EXPECT_EQ(1U, next.size());
  world_.restart();
  EXPECT_EQ(19U, world_.receiver.holds.size());
  run();
  EXPECT_EQ(19U, world_.newest().counts.already_there);
}

// One batch that nobody can read any more: the others go on, and so does what is owed.
TEST_F(Removals, ADamagedBatchStopsNobodyElse) {
  world_.define(R"(,"batch_size":5,"max_attempts":1)");
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return refuse(500);
  };
  run();
  ASSERT_EQ(4U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  for (std::string& payload : world_.store.streams["sync:buyers"]) {
    OutcomeRecord record = *decode_outcome(payload);
    auto* const batch = std::get_if<BatchPlanned>(&record);
    if (batch == nullptr || !batch->people.contains(2)) continue;
    batch->packed = "no gzip";
    payload = encode(record);
  }
  world_.restart();
  world_.erase(2);
  world_.erase(7);
  world_.receiver.reacts = nullptr;
  world_.work();
  EXPECT_FALSE(world_.exporter->next_due());
  run();  // It tries dead letters again; those of the damaged one are cut into another.
  EXPECT_EQ(18U, world_.receiver.holds.size());
  EXPECT_FALSE(world_.receiver.holds.contains("p2"));
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_EQ(RunState::Finished, world_.newest().state);
}

// A dead letter loses the person at once, also where nothing may be delivered.
TEST_F(Removals, DeadLettersAreCutWhileTheSyncIsPaused) {
  for (const bool ambiguous : {false, true}) {
    SCOPED_TRACE(ambiguous);
    World world;
    world.people.add_buyers(0, 5);
    world.open();
    world.define(R"(,"max_attempts":1)");
    world.receiver.reacts = [&](const std::string&, const boost::json::value&) {
      return ambiguous ? Receiver::Reaction{.takes = true,
                                            .answer = {.kind = AnswerKind::Ambiguous}}
                       : refuse(500);
    };
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    while (world.exporter->work_once()) {
    }
    const auto before = world.exporter->dead_letters(world.pass, "buyers")->at(0);
    ASSERT_TRUE(world.exporter->pause(world.pass, "buyers"));
    EXPECT_EQ(ambiguous ? 1U : 0U, world.erase(3).size());
    ASSERT_TRUE(world.exporter->replay(world.pass, "buyers", before.message_id));
    while (world.exporter->work_once()) {
    }
    const auto after = world.exporter->dead_letters(world.pass, "buyers")->at(0);
    EXPECT_NE(before.message_id, after.message_id);
    EXPECT_EQ(4U, after.people);
    EXPECT_EQ(1, world.receiver.deliveries);
    world.receiver.reacts = nullptr;
    ASSERT_TRUE(world.exporter->resume(world.pass, "buyers"));
    world.work();  // It is the letter under its new id that was to be sent again.
    EXPECT_TRUE(world.exporter->dead_letters(world.pass, "buyers")->empty());
    EXPECT_FALSE(world.receiver.holds.contains("p3"));
    EXPECT_EQ(4U, world.receiver.holds.size());
    EXPECT_EQ(ambiguous ? Told{"buyers confirmed"} : Told{}, world.removals(3));
  }
}

TEST_F(Removals, TheNameIsKeptApartFromTheJournalUntilItIsConfirmed) {
  world_.define();
  run();
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  world_.erase(7);
  EXPECT_EQ(1U, testing::compact(world_, only(7)).needed) << "the name is not kept yet";
  EXPECT_GT(testing::records_with(world_, "p7@example.com"), 0U);
  work_now();
  const testing::Compacted meanwhile = testing::compact(world_, only(7));
  EXPECT_EQ(1U, meanwhile.needed) << "the sealed name alone";
  EXPECT_EQ(1U, meanwhile.changed);
  EXPECT_EQ(0U, testing::records_with(world_, "p7@example.com"));
  EXPECT_EQ(0U, testing::records_with(world_, "\"p7\""));
  world_.restart();
  ASSERT_TRUE(world_.exporter->resume(world_.pass, "buyers"));
  work_now();
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(7));
  EXPECT_EQ(0U, testing::compact(world_, only(7)).needed);
  EXPECT_EQ(0U, testing::records_with(world_, "\"p7\""));
  EXPECT_EQ(0U, testing::records_with(world_, "enc:v1:"));
}

TEST_F(Removals, AfterThirtyDaysItIsGivenUpAndSaidSo) {
  world_.define();
  run();
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return refuse(410);
  };
  world_.erase(7);
  work_now();
  EXPECT_TRUE(world_.exporter->destination(world_.pass, "crm")->disabled);
  world_.restart();
  world_.clock.set(world_.clock.now() + 29 * kDay);
  work_now();
  EXPECT_EQ(Told{"buyers pending"}, world_.removals(7));
  EXPECT_GT(*world_.exporter->next_due(), world_.clock.now());
  world_.clock.set(*world_.exporter->next_due());
  work_now();
  EXPECT_EQ(Told{"buyers given_up"}, world_.removals(7));
  EXPECT_FALSE(world_.exporter->removals("p7").front().reason.empty());
  EXPECT_FALSE(world_.exporter->next_due());
  world_.restart();
  work_now();
  EXPECT_EQ(Told{"buyers given_up"}, world_.removals(7));
}

TEST_F(Removals, WhoWasAppendedIsRemovedToo) {
  world_.define("", R"(,"mode":"append")");
  run();
  EXPECT_EQ(Told{"buyers"}, world_.erase(7));
  world_.work();
  EXPECT_EQ("remove p7", world_.receiver.order.back());
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(7));
  run();
  EXPECT_EQ(21U, world_.receiver.order.size());
}

TEST_F(Removals, ASyncOfEventsTellsOfItOnceAndGoesOn) {
  world_.define("", R"(,"mode":"events")");
  for (index::Ordinal i = 0; i < 8; ++i) world_.people.move("buyers", i, true, 5);
  run();
  world_.people.move("buyers", 1, false, 6);
  world_.people.move("buyers", 7, false, 7);  // As the engine notes it: somebody erased has left.
  world_.people.changes.back().second.profile_id.clear();
  EXPECT_EQ(Told{"buyers"}, world_.erase(7));
  world_.work();
  run();
  world_.people.move("buyers", 2, false, 8);
  run();
  EXPECT_EQ((Told{"remove p7", "remove p1", "remove p2"}),
            Told(world_.receiver.order.begin() + 8, world_.receiver.order.end()));
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(7));
  for (const auto& [id, message] : world_.receiver.messages) {
    if (message.body.find("\"remove\"") == std::string::npos || !has_p7(message)) continue;
    EXPECT_NE(std::string::npos, message.body.find("\"Audience Exited\"")) << message.body;
  }
}

TEST_F(Removals, WhatIsOwedStandsBeforeItsEnd) {
  world_.define();
  run();
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  bool is_first = true;
  world_.store.meanwhile = [&](const std::string& step) {  // Before the receipt is durable.
    if (step != "append erasures" || !std::exchange(is_first, false)) return;
    EXPECT_TRUE(world_.exporter->delete_sync(world_.pass, "buyers"));
  };
  world_.erase(7);
  world_.store.meanwhile = nullptr;
  EXPECT_FALSE(is_first);
  const auto& records = world_.store.streams["erasures"];
  ASSERT_FALSE(records.empty());
  EXPECT_TRUE(std::holds_alternative<RemovalOwed>(*decode_outcome(records.front())));
  const auto before = world_.exporter->removals("p7").at(0);
  world_.restart();
  EXPECT_EQ(before.at, world_.exporter->removals("p7").at(0).at);
  EXPECT_EQ(Told{"buyers given_up"}, world_.removals(7));
}

TEST_F(Removals, ASyncThatIsDeletedGivesThemUp) {
  world_.define();
  run();
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return refuse(500);
  };
  world_.erase(7);
  EXPECT_FALSE(world_.exporter->delete_sync(world_.pass, "buyers")) << "it owes a removal";
  work_now();
  ASSERT_TRUE(world_.exporter->pause(world_.pass, "buyers"));
  ASSERT_TRUE(world_.exporter->delete_sync(world_.pass, "buyers"));
  EXPECT_EQ(Told{"buyers given_up"}, world_.removals(7));
  EXPECT_EQ(0U, testing::compact(world_, only(7)).needed);
  world_.restart();
  EXPECT_EQ("The sync was deleted.", world_.exporter->removals("p7").at(0).reason);
}

// --- Random lives -------------------------------------------------------------------------------

// Everybody is sent while some are erased, under random faults, and the power fails at an append.
class Life {
 public:
  Life(std::uint64_t seed, int crash_at, Crash crash, std::string mode)
      : world_(seed), dice_(seed + 1), crash_at_(crash_at), crash_(crash),
        mode_(std::move(mode)) {}

  void live() {
    world_.people.add_buyers(0, 24);
    world_.open();
    world_.define(R"(,"batch_size":5,"max_attempts":3,"retry_schedule_ms":[0,1000])",
                  R"(,"mode":")" + mode_ + "\"");
    world_.store.crash_at = crash_at_;
    world_.store.crash = crash_;
    world_.receiver.reacts = [this](const std::string& id, const boost::json::value& body) {
      return receive(id, body);
    };
    for (int round = 0; round < 3; ++round) {
      static_cast<void>(world_.exporter->start_run(world_.pass, "buyers").has_value());
      for (int i = 0; i < 4; ++i) {
        steps(1 + static_cast<int>(dice_.next() % 8));
        if (dice_.next() % 2 == 0) erase(static_cast<index::Ordinal>(dice_.next() % 24));
      }
    }
    faulty_ = false;
    for (int round = 0; round < 2; ++round) {
      steps(20'000);
      static_cast<void>(world_.exporter->start_run(world_.pass, "buyers").has_value());
      steps(20'000);
    }
    judge();
  }
  bool crashed() const { return crashed_; }

 private:
  Receiver::Reaction receive(const std::string& id, const boost::json::value& body) {
    const bool removes = body.at("operation").as_string() == "remove";
    for (const boost::json::value& member : body.at("members").as_array()) {
      const std::string who(member.at("id").as_string());
      if (removes || !erased_ids_.contains(who)) continue;
      EXPECT_TRUE(uncertain_.contains(id)) << who << " is sent after the erasure, by " << id;
    }
    const std::uint64_t bits = faulty_ ? dice_.next() % 8 : 7;
    const bool unclear = bits == 1 || bits == 2;
    if (unclear) uncertain_.insert(id);
    if (bits == 0) return refuse(500);
    if (bits == 3) return refuse(422);
    return {.takes = bits != 1, .answer = {.kind = unclear ? AnswerKind::Ambiguous
                                                           : AnswerKind::Status,
                                           .status = unclear ? 0 : 200}};
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) {
      const bool worked = world_.exporter->work_once();
      world_.expect_sums();
      if (world_.store.down) {
        crashed_ = true;
        note_unfinished();
        world_.restart();
        continue;
      }
      if (worked) continue;
      const auto due = world_.exporter->next_due();
      if (!due) return;
      world_.clock.set(std::max(*due, world_.clock.now()));
    }
  }
  void erase(index::Ordinal ordinal) {
    if (!world_.people.ids.contains(ordinal) || erased_.count() == 8) return;
    erased_.add(ordinal);
    erased_ids_.insert("p" + std::to_string(ordinal));
    world_.erase(ordinal);
    if (!world_.store.down) return;
    crashed_ = true;
    note_unfinished();
    world_.restart();
  }
  // What the journal has as begun and not ended may have been received.
  void note_unfinished() {
    std::set<std::string> begun;
    for (const std::string& payload : world_.store.streams["sync:buyers"]) {
      const OutcomeRecord record = *decode_outcome(payload);
      if (const auto* one = std::get_if<AttemptStarted>(&record)) begun.insert(one->id);
      if (const auto* one = std::get_if<AttemptFailed>(&record)) begun.erase(one->id);
    }
    uncertain_.insert(begun.begin(), begun.end());
  }
  void judge() {
    EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
    EXPECT_EQ(0, world_.receiver.changed_bodies);
    EXPECT_EQ(0, world_.receiver.duplicates);
    for (const index::Ordinal ordinal : erased_.to_vector()) {
      for (const std::string& told : world_.removals(ordinal)) {
        EXPECT_EQ("buyers confirmed", told) << ordinal;
      }
    }
    EXPECT_EQ(0U, testing::compact(world_, erased_).needed);
    for (const std::string& id : erased_ids_) {
      EXPECT_EQ(0U, testing::records_with(world_, "\"" + id + "\"")) << id;
      EXPECT_EQ(0U, testing::records_with(world_, "\"" + id + "@")) << id;
    }
    world_.restart();
    EXPECT_FALSE(world_.exporter->next_due());
  }

  World world_;
  SeededRandom dice_;
  int crash_at_;
  Crash crash_;
  std::string mode_;
  bool faulty_ = true, crashed_ = false;
  index::Bitmap erased_;
  std::set<std::string> erased_ids_, uncertain_;
};

TEST(RemovalLives, NobodyWhoIsErasedIsSentOrLeftWhereverThePowerFails) {
  muster::testing::Random random;
  const std::uint64_t seed = random();
  int crashes = 0;
  for (const Crash crash : {Crash::BeforeAppend, Crash::AfterFirstPayload, Crash::AfterAppend}) {
    for (int at = 1;; ++at) {
      SCOPED_TRACE("append " + std::to_string(at) + ", kind " +
                   std::to_string(static_cast<int>(crash)));
      Life life(seed, at, crash, "diff");
      life.live();
      if (::testing::Test::HasFailure()) return;
      if (!life.crashed()) break;  // Past the last append.
      ++crashes;
    }
  }
  EXPECT_GT(crashes, 60);
}

TEST(RemovalLives, NobodyWhoIsErasedIsSentOrLeftUnderRandomFaults) {
  muster::testing::Random random;
  for (int i = 0; i < 150; ++i) {
    const std::uint64_t seed = random();
    SCOPED_TRACE("life " + std::to_string(seed));
    const int crash_at = i % 3 == 0 ? 0 : static_cast<int>(seed % 80);
    Life(seed, crash_at, Crash::BeforeAppend, i % 2 == 0 ? "append" : "mirror").live();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace muster::connect
