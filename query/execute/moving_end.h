// Where an end of a window stands at a moment.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <vector>

#include "query/clock_use.h"
#include "query/plan/windows.h"

namespace muster::query {

// Never decreases with `now`.
inline TimeMs end_at(const ClockUse::Moving& moving, bool is_from, TimeMs now) {
  if (moving.ago) return now - *moving.ago;
  const auto range = range_of(moving.window, now, moving.zone);
  if (!range) return kBeforeAllTimes;  // A literal that was refused when it was bound.
  return is_from ? range->from : range->to;
}

// Equal for equal windows.
std::string key_of(const ClockUse::Moving& moving);

// The windows, each once, and the clock itself: it makes events dated ahead come true.
std::vector<ClockUse::Moving> different_windows(const ClockUse& use, std::size_t limit);

// The first moment after `before`, at most `now`, at which the end stands at `wanted` or behind.
// Requires that it does at `now`.  Cost: O(log(now - before)).
TimeMs first_moment_at(const ClockUse::Moving& moving, bool is_from, TimeMs wanted, TimeMs before,
                       TimeMs now);

}  // namespace muster::query
