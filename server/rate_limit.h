// How many requests a second a key may make.
//
// The generic cell rate algorithm: one number, the time at which all that was taken would have been
// made at the allowed pace. Up to a second's worth may be taken at once.
// Source: ITU-T I.371, annex A, "virtual scheduling algorithm".
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace muster::server {

inline constexpr std::uint64_t kRateMax = 1'000'000;  // Of requests a second: one a microsecond.

class RateLimit {
 public:
  // Requires 1 to kRateMax requests a second.
  explicit RateLimit(std::uint64_t per_second)
      : per_second_(per_second), step_ns_(1'000'000'000 / static_cast<std::int64_t>(per_second)) {}

  std::uint64_t per_second() const { return per_second_; }

  // Takes one, or says how long it is until one may be taken. A clock that was set back by more
  // than a second begins anew.
  std::optional<std::chrono::microseconds> take(TimeMs now);

 private:
  const std::uint64_t per_second_;
  const std::int64_t step_ns_;
  std::atomic<std::int64_t> paced_ns_ = 0;  // When all that was taken would be paced out.
};

}  // namespace muster::server
