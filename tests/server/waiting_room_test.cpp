// Who may wait for workers, with the time told by hand.
#include "server/http/waiting_room.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace muster::server {
namespace {

using std::chrono::milliseconds;
using Time = WaitingRoom::Time;

constexpr Time kBegin = Time(std::chrono::hours(1));
constexpr Time at(int ms) { return kBegin + milliseconds(ms); }

using Places = std::vector<std::unique_ptr<WaitingRoom::Place>>;

void enter(Places& places, WaitingRoom& room, std::uint64_t bytes, Time now) {
  places.push_back(std::make_unique<WaitingRoom::Place>(room, bytes, now));
}

TEST(WaitingRoom, HasSoManyPlacesAndNoMore) {
  WaitingRoom room({.workers = 1, .waiting_max = 2});
  Places places;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(room.is_full(0, at(i)));
    EXPECT_FALSE(room.is_overfull());
    enter(places, room, 0, at(i));
  }
  EXPECT_TRUE(room.is_full(0, at(3)));
  EXPECT_TRUE(room.is_overfull());
  EXPECT_EQ(3U, room.held());
  places[0]->begin(at(3));  // Whom a worker has holds a place, too.
  EXPECT_TRUE(room.is_full(0, at(3)));
  places[0]->leave();
  EXPECT_FALSE(room.is_full(0, at(3)));
  places.clear();
  EXPECT_EQ(0U, room.held());
}

TEST(WaitingRoom, HasSoManyBytesButTakesOneLargeBodyAlone) {
  WaitingRoom room({.workers = 1, .waiting_max = 100, .bytes_max = 1'000});
  Places places;
  EXPECT_FALSE(room.is_full(5'000, at(0)));
  enter(places, room, 600, at(0));
  EXPECT_FALSE(room.is_full(400, at(0)));
  EXPECT_TRUE(room.is_full(401, at(0)));
  // Whoever was let in and has sent the body since stays in.
  EXPECT_FALSE(room.is_overfull());
  enter(places, room, 500, at(0));
  EXPECT_TRUE(room.is_full(1, at(0)));
  places.erase(places.begin());
  EXPECT_FALSE(room.is_full(500, at(0)));
}

TEST(WaitingRoom, ABurstIsTakenInAndAStandingQueueIsNot) {
  WaitingRoom room(
      {.workers = 1, .waiting_max = 1'000, .standing_wait_max = milliseconds(100)});
  Places places;
  for (int i = 0; i < 50; ++i) enter(places, room, 1, at(0));
  EXPECT_FALSE(room.is_full(1, at(999))) << "it has not been there for long";
  // One is served every 25 ms, and as many come: 1.2 s after the first it has never been empty.
  for (int i = 0; i < 48; ++i) {
    places[static_cast<std::size_t>(i)]->begin(at(25 * i));
    places[static_cast<std::size_t>(i)]->leave();
    enter(places, room, 1, at(25 * i));
  }
  EXPECT_TRUE(room.is_full(1, at(1'200)));
  // Those that were let in first are served; who is left came a moment ago.
  for (int i = 48; i < 96; ++i) {
    places[static_cast<std::size_t>(i)]->begin(at(1'210));
    places[static_cast<std::size_t>(i)]->leave();
  }
  EXPECT_FALSE(room.is_full(1, at(1'250)));
  EXPECT_TRUE(room.is_full(1, at(1'300))) << "it stands, and the first has waited for 150 ms";
  // Empty for a moment changes nothing while somebody has to be sent away.
  for (int i = 96; i < 98; ++i) places[static_cast<std::size_t>(i)]->begin(at(1'310));
  enter(places, room, 1, at(1'320));
  EXPECT_FALSE(room.is_full(1, at(1'420)));
  EXPECT_TRUE(room.is_full(1, at(1'800)));
  // After a second without that it is a queue for bursts again.
  places.back()->begin(at(1'810));
  enter(places, room, 1, at(2'900));
  EXPECT_FALSE(room.is_full(1, at(3'500)));
  EXPECT_TRUE(room.is_full(1, at(3'901))) << "until it has stood for a second";
}

TEST(WaitingRoom, WithoutALimitOfTimeAQueueMayStand) {
  WaitingRoom room({.workers = 1, .waiting_max = 10});
  Places places;
  enter(places, room, 1, at(0));
  EXPECT_FALSE(room.is_full(1, at(100'000)));
}

TEST(WaitingRoom, WhoGoesWithoutAWorkerLeavesNothing) {
  WaitingRoom room({.workers = 1, .waiting_max = 1, .bytes_max = 10});
  {
    Places places;
    enter(places, room, 10, at(0));
    EXPECT_TRUE(room.is_full(1, at(0)));
  }
  EXPECT_FALSE(room.is_full(1, at(0)));
  EXPECT_EQ(0U, room.held());
}

TEST(RefusalPace, RepeatedRefusalsAreSpreadOut) {
  RefusalPace pace;
  EXPECT_EQ(milliseconds(0), pace.wait(at(0)));
  EXPECT_EQ(milliseconds(1), pace.wait(at(0)));
  EXPECT_EQ(milliseconds(1), pace.wait(at(1)));
  EXPECT_EQ(milliseconds(0), pace.wait(at(10))) << "what was not used is not saved up";
  EXPECT_EQ(milliseconds(1), pace.wait(at(10)));
  for (int i = 0; i < 10'000; ++i) EXPECT_LE(pace.wait(at(10)), milliseconds(1'000));
  // However many came, nobody waits for longer, and it is over as soon.
  EXPECT_EQ(milliseconds(0), pace.wait(at(1'020)));
}

}  // namespace
}  // namespace muster::server
