// Whether times can be chosen, one per step, in strict order and within their limits.
//
// One pass per step over sorted times: for every time of a step, the latest start among the times
// of the step before that it may follow.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <span>
#include <vector>

#include "base/clock.h"

namespace muster::query {

// Times ascending, those of `without` too.
struct TimedStep {
  std::span<const TimeMs> times;
  std::span<const TimeMs> without;  // None of these strictly between this step and the one before.
  TimeMs within = 0;                // Since the step before.
};

class StepTimes {
 public:
  // Whether t1 < t2 < ... can be chosen, the last at most `within` after the first.
  // Requires a step.
  bool can_be_chosen(std::span<const TimedStep> steps, TimeMs within);
  // Such a choice, one time per step; empty when there is none.
  std::vector<TimeMs> chosen(std::span<const TimedStep> steps, TimeMs within);

 private:
  // A time of a step, and the latest first step of a chain that ends with it.
  struct Chain {
    TimeMs time = 0, start = 0;
  };
  void begin(const TimedStep& first, std::vector<Chain>& chains) const;
  void extend(const std::vector<Chain>& chains, const TimedStep& step, std::vector<Chain>& longer);

  std::vector<Chain> now_, next_;
  std::vector<Chain> best_;  // Starts falling: a queue, from some index on.
};

}  // namespace muster::query
