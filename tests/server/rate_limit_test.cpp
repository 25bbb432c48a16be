// Requests a second of one key.
#include "server/rate_limit.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

constexpr TimeMs kNow = 1'750'000'000'000;

int taken_at(RateLimit& limit, TimeMs now, int tries) {
  int taken = 0;
  for (int i = 0; i < tries; ++i) taken += limit.take(now) ? 0 : 1;
  return taken;
}

TEST(RateLimit, ASecondsWorthAtOnceAndThenThePace) {
  RateLimit limit(10);
  EXPECT_EQ(10, taken_at(limit, kNow, 50));
  EXPECT_EQ(std::chrono::milliseconds(100), limit.take(kNow).value());
  EXPECT_EQ(0, taken_at(limit, kNow + 99, 5));
  EXPECT_EQ(1, taken_at(limit, kNow + 100, 5));
  EXPECT_EQ(5, taken_at(limit, kNow + 600, 50));
  EXPECT_EQ(10, taken_at(limit, kNow + 60'000, 50));  // No more than that is saved up.
}

TEST(RateLimit, TheSlowestAndTheFastest) {
  RateLimit slow(1);
  EXPECT_EQ(1, taken_at(slow, kNow, 5));
  EXPECT_EQ(1, taken_at(slow, kNow + 1'000, 5));
  RateLimit fast(kRateMax);
  EXPECT_EQ(1'000, taken_at(fast, kNow, 1'000));
  RateLimit uneven(400'000);  // Two and a half microseconds each.
  EXPECT_EQ(400'000, taken_at(uneven, kNow, 500'000));
}

TEST(RateLimit, AClockSetBackLocksNobodyOut) {
  RateLimit limit(2);
  EXPECT_EQ(2, taken_at(limit, kNow, 5));
  EXPECT_EQ(2, taken_at(limit, kNow - 3'600'000, 5));
}

}  // namespace
}  // namespace muster::server
