#include "base/timed_mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace muster {
namespace {

using std::chrono::milliseconds;

TEST(TimedMutex, IsHeldByOneAtATime) {
  TimedMutex mutex;
  int sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&mutex, &sum, t] {
        for (int i = 0; i < 1'000; ++i) {
          std::unique_lock lock(mutex, std::defer_lock);
          if (t % 2 == 0) {
            lock.lock();
          } else {
            ASSERT_TRUE(lock.try_lock_until(TimedMutex::Clock::now() + std::chrono::minutes(1)));
          }
          ++sum;
        }
      });
    }
  }
  EXPECT_EQ(4'000, sum);
}

TEST(TimedMutex, IsWaitedForUntilTheDeadline) {
  TimedMutex mutex;
  std::unique_lock held(mutex);
  std::jthread([&mutex] {
    const auto deadline = TimedMutex::Clock::now() + milliseconds(5);
    EXPECT_FALSE(mutex.try_lock_until(deadline));
    EXPECT_GE(TimedMutex::Clock::now(), deadline);
  }).join();
  held.unlock();
  std::jthread([&mutex] {
    EXPECT_TRUE(mutex.try_lock_until(TimedMutex::Clock::now() - milliseconds(1)));  // It is free.
    mutex.unlock();
  }).join();
}

}  // namespace
}  // namespace muster
