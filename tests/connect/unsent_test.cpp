// Deliveries that were planned and are not begun: what was stored of them is damaged, or somebody
// in them was erased at the last moment; and what no delivery is made of.
#include <gtest/gtest.h>

#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;

class Unsent : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.people.add_buyers(0, 6);
    world_.open();
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  }
  // Puts something else in the place of what the journal has of the batch with this person.
  void damage(index::Ordinal person) {
    for (std::string& payload : world_.store.streams["sync:buyers"]) {
      OutcomeRecord record = *decode_outcome(payload);
      auto* const batch = std::get_if<BatchPlanned>(&record);
      if (batch == nullptr || !batch->people.contains(person)) continue;
      batch->packed.resize(batch->packed.size() / 2);
      payload = encode(record);
    }
  }

  World world_;
};

TEST_F(Unsent, ADamagedBatchEndsAndItsPeopleGoWithTheNextRun) {
  world_.define(R"(,"batch_size":3,"retry_schedule_ms":[0,1000])");
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 500}};
  };
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  while (world_.exporter->work_once()) {
  }
  damage(1);
  world_.receiver.reacts = nullptr;
  world_.restart();
  world_.work();
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  EXPECT_EQ(3U, world_.newest().counts.sent);
  EXPECT_EQ(3U, world_.newest().counts.rejected);
  const PersonView person = *world_.exporter->person(world_.pass, "buyers", "p1");
  EXPECT_EQ(PersonState::Rejected, person.state);
  EXPECT_NE(std::string::npos, person.reason.find("no valid zstd frame")) << person.reason;
  EXPECT_EQ(std::string::npos, person.reason.find("HTTP")) << person.reason;
  run();
  EXPECT_EQ(3U, world_.newest().counts.sent);
  EXPECT_EQ(6U, world_.receiver.holds.size());
}

// Its receiver says which half it does not take, and there are no halves any more.
TEST_F(Unsent, ADamagedBatchThatIsToBeHalvedEnds) {
  world_.define(R"(,"gzip":true)");
  world_.receiver.reacts = [this](const std::string&, const boost::json::value&) {
    world_.receiver.reacts = nullptr;
    return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 500}};
  };
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  while (world_.exporter->work_once()) {
  }
  for (std::string& payload : world_.store.streams["sync:buyers"]) {
    OutcomeRecord record = *decode_outcome(payload);
    if (auto* const batch = std::get_if<BatchPlanned>(&record)) ++batch->member_bytes[0];
    payload = encode(record);
  }
  world_.restart();
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 422}};
  };
  world_.work();
  EXPECT_EQ(6U, world_.newest().counts.rejected);
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  world_.receiver.reacts = nullptr;
  run();
  EXPECT_EQ(6U, world_.receiver.holds.size());
}

// The delivery is prepared, its attempt is being written: then somebody in it is erased.
TEST_F(Unsent, ADeliveryIsNotBegunWithWhoIsErasedAtTheLastMoment) {
  world_.define();
  bool is_erased = false;
  world_.store.meanwhile = [&](const std::string& step) {
    if (is_erased || step != "append sync:buyers") return;
    const auto runs = world_.exporter->runs(world_.pass, "buyers");
    if (runs->front().batches == 0) return;
    is_erased = true;
    world_.erase(2);
  };
  run();
  EXPECT_TRUE(is_erased);
  EXPECT_EQ(1, world_.receiver.deliveries) << "the one that was cut anew";
  EXPECT_EQ(5U, world_.receiver.holds.size());
  EXPECT_FALSE(world_.receiver.holds.contains("p2"));
  EXPECT_EQ(5U, world_.newest().counts.sent);
  EXPECT_EQ(1U, world_.newest().counts.unidentifiable);
  const auto status = world_.exporter->destination_status(world_.pass, "crm");
  EXPECT_EQ(0U, status->in_flight);
  EXPECT_EQ(0U, status->failed) << "no failure of its destination";
}

TEST_F(Unsent, EventsDoNotGoToFiles) {
  ASSERT_TRUE(world_.exporter->put_destination(
      world_.pass, "folder", R"({"kind":"file","directory":"crm","format":"ndjson"})"));
  const auto sync = world_.exporter->put_sync(
      world_.pass, "told",
      R"({"segment":"buyers","destination":"folder","mode":"events","mapping":{"m":"email"}})");
  ASSERT_FALSE(sync);
  EXPECT_EQ(ErrorCode::InvalidArgument, sync.error().code);
  EXPECT_NE(std::string::npos,
            sync.error().message.find("/mode: events do not go to files, and 'folder'"))
      << sync.error().message;
}

}  // namespace
}  // namespace muster::connect
