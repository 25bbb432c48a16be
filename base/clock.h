// What time it is: the system's clock, or one that a test sets by hand.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace muster {

// Milliseconds since 1970-01-01T00:00:00Z. The unit of every time in Muster.
using TimeMs = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs now() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimeMs now() const override;
};

// Stands still until it is set.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimeMs now) : now_(now) {}
  TimeMs now() const override { return now_.load(); }
  void set(TimeMs now) { now_.store(now); }
  void advance(TimeMs by) { now_.fetch_add(by); }

 private:
  std::atomic<TimeMs> now_;
};

}  // namespace muster
