// Documents that change while runs, deliveries and other changes are under way.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;

constexpr const char* kSecret = R"(,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")";
// How long somebody else has at a planted moment: plenty, where nothing keeps them waiting.
constexpr std::chrono::milliseconds kMeanwhile{300};

class ExporterDocuments : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.people.add_buyers(0, 6);
    world_.open();
    world_.define();
    put_destination("b");
  }

  void put_destination(const std::string& id) {
    const auto put = world_.exporter->put_destination(
        world_.pass, id,
        R"({"kind":"webhook","url":"https://b.example.com/in")" + std::string(kSecret) + "}");
    ASSERT_TRUE(put) << put.error().message;
  }
  auto put_sync(const std::string& id, const std::string& destination,
                const std::string& members = "") {
    return world_.exporter->put_sync(
        world_.pass, id,
        R"({"segment":"buyers","destination":")" + destination + "\"" + members + "}");
  }
  // Once, at this step, while another thread does `what`; joined by done().
  void meanwhile(const std::string& step, std::function<void()> what) {
    world_.store.meanwhile = [this, step, what = std::move(what)](const std::string& here) {
      if (here != step || begun_.exchange(true)) return;
      other_ = std::async(std::launch::async, what);
      other_.wait_for(kMeanwhile);
    };
  }
  void done() {
    ASSERT_TRUE(other_.valid()) << "the planted moment never came";
    other_.get();
    world_.store.meanwhile = nullptr;
  }

  World world_;
  std::atomic<bool> begun_{false};
  std::future<void> other_;
};

// A run that began between check and change would deliver to the one and be booked for the other.
TEST_F(ExporterDocuments, NothingBeginsWhileASyncMoves) {
  meanwhile("put sync buyers", [this] {
    EXPECT_FALSE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  });
  const auto moved = put_sync("buyers", "b");
  ASSERT_TRUE(moved) << moved.error().message;
  done();
  EXPECT_EQ(0, world_.receiver.deliveries);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  world_.work();
  EXPECT_EQ(6U, world_.newest().counts.sent);
  // One that holds people stays.
  EXPECT_FALSE(put_sync("buyers", "crm"));
}

TEST_F(ExporterDocuments, ASyncDoesNotMoveDuringItsRun) {
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  const auto moved = put_sync("buyers", "b");
  ASSERT_FALSE(moved);
  EXPECT_TRUE(moved.error().message.starts_with("/destination: a run of sync 'buyers' to 'crm'"))
      << moved.error().message;
  world_.work();
  EXPECT_EQ(6U, world_.newest().counts.sent);
}

// A move that is refused by its version leaves the sync as it was.
TEST_F(ExporterDocuments, AMoveThatIsNotStoredEndsItsReservation) {
  const auto moved = world_.exporter->put_sync(
      world_.pass, "buyers", R"({"segment":"buyers","destination":"b"})", 99);
  EXPECT_EQ(ErrorCode::Conflict, moved.error().code);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  world_.work();
  EXPECT_EQ(6U, world_.newest().counts.sent);
}

// Two first puts of one sync: what the later one writes must not stand in the run of the other, or
// the next start finds a journal that makes no sense.
TEST_F(ExporterDocuments, CrossedFirstPutsLeaveAJournalThatIsRead) {
  meanwhile("append sync:x", [this] {
    EXPECT_TRUE(put_sync("x", "crm", R"(,"mode":"events")"));
    world_.people.move("buyers", 3, false, world_.clock.now());
    EXPECT_TRUE(world_.exporter->start_run(world_.pass, "x"));
    for (int i = 0; i < 2; ++i) world_.exporter->work_once();
  });
  EXPECT_TRUE(put_sync("x", "crm", R"(,"mode":"events")"));
  done();
  world_.restart();
}

// What is stored and what is there are the same, whoever came first.
TEST_F(ExporterDocuments, APutBesideADeletionIsNotLost) {
  meanwhile("put sync buyers", [this] { EXPECT_TRUE(put_sync("buyers", "crm")); });
  EXPECT_TRUE(world_.exporter->delete_sync(world_.pass, "buyers"));
  done();
  EXPECT_FALSE((world_.store.documents[{"sync", "buyers"}].deleted));
  EXPECT_TRUE(world_.exporter->sync(world_.pass, "buyers"));
}

// --- Refresh tokens ------------------------------------------------------------------------------

std::string oauth(const std::string& refresh_token) {
  return R"({"kind":"webhook","url":"https://hooks.example.com/in")" + std::string(kSecret) +
         R"(,"authorization":{"kind":"oauth2","grant":"refresh_token","client_id":"c",)"
         R"("token_url":"https://id.example.com/token","client_secret":"s","refresh_token":")" +
         refresh_token + R"("}})";
}

// The old token may be worth nothing any more: a put that leaves the secrets out keeps the newest.
TEST_F(ExporterDocuments, APutKeepsTheNewestRefreshToken) {
  ASSERT_TRUE(world_.exporter->put_destination(world_.pass, "crm", oauth("first")));
  EXPECT_EQ("first", world_.receiver.token);
  world_.receiver.rotated = "second";
  ASSERT_TRUE(world_.exporter->put_destination(world_.pass, "crm", oauth("***")));
  EXPECT_EQ("second", world_.receiver.token);
  // And one that comes between: it is used at once, and kept by the next delivery.
  world_.store.meanwhile = [this](const std::string& step) {
    if (step == "put destination crm" && !begun_.exchange(true)) world_.receiver.rotated = "third";
  };
  ASSERT_TRUE(world_.exporter->put_destination(world_.pass, "crm", oauth("***")));
  EXPECT_EQ("third", world_.receiver.token);
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  world_.work();
  ASSERT_TRUE(world_.exporter->delete_destination(world_.pass, "b"));
  world_.restart();
  EXPECT_EQ("third", world_.receiver.token);
  // One of the operator's own goes first.
  world_.receiver.rotated = "fourth";
  ASSERT_TRUE(world_.exporter->put_destination(world_.pass, "crm", oauth("mine")));
  EXPECT_EQ("mine", world_.receiver.token);
}

// --- Destinations under their syncs --------------------------------------------------------------

TEST_F(ExporterDocuments, ADestinationStaysOneThatItsSyncsFit) {
  const std::string head = R"({"kind":"webhook","url":"https://hooks.example.com/in","requests":)";
  const auto no_remove = world_.exporter->put_destination(
      world_.pass, "crm", head + R"({"add":{"path":"/{{id}}"}},"fields":{"mail":{}}})");
  ASSERT_FALSE(no_remove);
  EXPECT_EQ(ErrorCode::Conflict, no_remove.error().code);
  EXPECT_TRUE(no_remove.error().message.starts_with("/requests: sync 'buyers' does not fit"))
      << no_remove.error().message;
  const std::string both = R"({"add":{"path":"/{{id}}"},"remove":{"path":"/{{id}}"}})";
  EXPECT_FALSE(world_.exporter->put_destination(world_.pass, "crm", head + both + "}"));
  EXPECT_TRUE(world_.exporter->put_destination(world_.pass, "crm",
                                               head + both + R"(,"fields":{"mail":{}}})"));
  ASSERT_TRUE(put_sync("told", "b", R"(,"mode":"events")"));
  EXPECT_TRUE(world_.exporter->put_destination(world_.pass, "b", head + both + "}"));
  const auto told = world_.exporter->put_destination(
      world_.pass, "b", R"({"kind":"file","directory":"told","format":"ndjson"})");
  ASSERT_FALSE(told);
  EXPECT_TRUE(told.error().message.starts_with("/kind: sync 'told' sends events"))
      << told.error().message;
}

}  // namespace
}  // namespace muster::connect
