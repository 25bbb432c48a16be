// How much memory the index takes, looked at now and then: adding it up goes through every page.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace muster::engine {

class MemoryGauge {
 public:
  // What `add_up` said last, at most kOld ago.
  template <typename AddUp>
  std::uint64_t bytes(const AddUp& add_up) {
    if (is_fresh()) return bytes_;
    std::unique_lock held(mutex_, std::try_to_lock);
    // While one looks, the others take what is there, once there is something.
    if (!held && seen_at_ == 0) held.lock();
    if (held && !is_fresh()) {
      bytes_ = add_up();
      seen_at_ = now();
    }
    return bytes_;
  }

 private:
  using Nanoseconds = std::chrono::nanoseconds::rep;
  static constexpr std::chrono::nanoseconds kOld = std::chrono::milliseconds(100);

  static Nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
  bool is_fresh() const { return seen_at_ != 0 && now() - seen_at_ <= kOld.count(); }

  std::mutex mutex_;  // Held by the one who looks.
  std::atomic<Nanoseconds> seen_at_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace muster::engine
