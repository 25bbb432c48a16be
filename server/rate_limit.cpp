#include "server/rate_limit.h"

#include <algorithm>

namespace muster::server {

namespace {

constexpr std::int64_t kBurstUs = 1'000'000;

}  // namespace

std::optional<std::chrono::microseconds> RateLimit::take(TimeMs now) {
  const std::int64_t now_us = now * 1'000;
  std::int64_t paced = paced_us_.load();
  while (true) {
    // More than a burst ahead of the clock: the clock was set back.
    const std::int64_t from = paced > now_us + 2 * kBurstUs ? now_us : std::max(paced, now_us);
    const std::int64_t next = from + step_us_;
    if (next > now_us + kBurstUs) return std::chrono::microseconds(next - now_us - kBurstUs);
    if (paced_us_.compare_exchange_weak(paced, next)) return std::nullopt;
  }
}

}  // namespace muster::server
