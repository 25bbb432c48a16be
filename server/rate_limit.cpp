#include "server/rate_limit.h"

#include <algorithm>

namespace muster::server {

namespace {

constexpr std::int64_t kBurstNs = 1'000'000'000;

}  // namespace

std::optional<std::chrono::microseconds> RateLimit::take(TimeMs now) {
  const std::int64_t now_ns = now * 1'000'000;
  std::int64_t paced = paced_ns_.load();
  while (true) {
    // More than a burst ahead of the clock: the clock was set back.
    const std::int64_t from = paced > now_ns + 2 * kBurstNs ? now_ns : std::max(paced, now_ns);
    const std::int64_t next = from + step_ns_;
    if (next > now_ns + kBurstNs) {
      // Rounded up: a moment too early would be one too early again.
      return std::chrono::microseconds((next - now_ns - kBurstNs + 999) / 1'000);
    }
    if (paced_ns_.compare_exchange_weak(paced, next)) return std::nullopt;
  }
}

}  // namespace muster::server
