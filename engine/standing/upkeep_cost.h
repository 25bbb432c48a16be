// How long the upkeep of saved segments takes, and whose it is.
//
// What is done for all of them together is timed as a whole and shared out now and then: asking
// people at conditions by how many were asked, half to each of two segments with a condition;
// working segments out by how many people that was for.
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>

namespace muster::engine {

class UpkeepCost {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = std::chrono::nanoseconds;

  // Adds the time from its making to its end to `sum`.
  class Watch {
   public:
    explicit Watch(Time& sum) : sum_(sum) {}
    ~Watch() { sum_ += Clock::now() - begun_; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Time& sum_;
    const Clock::time_point begun_ = Clock::now();
  };

  Time asking{0}, settling{0};  // Since they were shared out last.

  // Whether to share out by now: it takes a look at every segment.
  bool is_due() const { return Clock::now() - shared_ >= kShareEvery; }
  void shared() {
    asking = settling = Time(0);
    shared_ = Clock::now();
  }

 private:
  static constexpr std::chrono::seconds kShareEvery{1};
  Clock::time_point shared_ = Clock::now();
};

}  // namespace muster::engine
