// How much memory the index takes, looked at now and then: adding it up goes through every page.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace muster::engine {

class MemoryGauge {
 public:
  // What `add_up` said last, at most kOld ago.
  template <typename AddUp>
  std::uint64_t bytes(const AddUp& add_up) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    auto seen = seen_at_.load(std::memory_order_relaxed);
    // One of those who find it old looks; the others take what is there.
    if ((seen == 0 || now - seen > kOld.count()) &&
        seen_at_.compare_exchange_strong(seen, now, std::memory_order_relaxed)) {
      bytes_.store(add_up(), std::memory_order_relaxed);
    }
    return bytes_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::chrono::nanoseconds kOld = std::chrono::milliseconds(100);

  std::atomic<std::chrono::nanoseconds::rep> seen_at_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace muster::engine
