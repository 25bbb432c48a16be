// Whether the answers of a route are so quick that whoever reads the connection gives them itself.
//
// Handing a request to a worker and back costs more than a look-up does. But whoever reads waits
// for nobody: after an answer that took long, workers give those of the route for a while.
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace muster::server {

class Quickness {
 public:
  using Time = std::chrono::steady_clock::time_point;

  bool is_quick(Time now) const { return now.time_since_epoch().count() >= slow_until_.load(); }

  // An answer took so much of a processor.
  void note(std::chrono::nanoseconds took, Time now) {
    if (took > kQuickMax) slow_until_.store((now + kSlowTime).time_since_epoch().count());
  }

 private:
  // Ten times a look-up; others who are read by the same thread wait as long at most.
  static constexpr std::chrono::microseconds kQuickMax{500};
  // So that a route that is slow takes half a thousandth of a thread, and some more.
  static constexpr std::chrono::seconds kSlowTime{1};

  std::atomic<Time::rep> slow_until_{0};
};

// What this thread has had of processors: waiting for one is no fault of the answer.
std::chrono::nanoseconds thread_time();

}  // namespace muster::server
