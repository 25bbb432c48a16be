// A mutex that is waited for until a deadline.
//
// Like std::timed_mutex, which the thread sanitizer of GCC 12 misunderstands: it does not see
// pthread_mutex_clocklock(), and takes each unlock() after it for one of a mutex that is free.
// A condition's wait with a deadline it does see.
// Thread safety: any thread; who locked it unlocks it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace muster {

class TimedMutex {
 public:
  using Clock = std::chrono::steady_clock;

  void lock() {
    std::unique_lock guard(mutex_);
    freed_.wait(guard, [this] { return !is_held_; });
    is_held_ = true;
  }

  // Whether it is held by the caller now; without waiting where the deadline is over and it is
  // held by somebody.
  bool try_lock_until(Clock::time_point deadline) {
    std::unique_lock guard(mutex_);
    if (!freed_.wait_until(guard, deadline, [this] { return !is_held_; })) return false;
    is_held_ = true;
    return true;
  }

  void unlock() {
    {
      const std::scoped_lock guard(mutex_);
      is_held_ = false;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  bool is_held_ = false;
};

}  // namespace muster
