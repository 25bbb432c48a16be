#include "query/execute/step_times.h"

#include <algorithm>

namespace muster::query {

void StepTimes::begin(const TimedStep& first, std::vector<Chain>& chains) const {
  chains.clear();
  for (const TimeMs time : first.times) chains.push_back({.time = time, .start = time});
}

// Chains one step longer. The times that one may follow only move forward, so the best start among
// them is the front of a queue with falling starts.
void StepTimes::extend(const std::vector<Chain>& chains, const TimedStep& step,
                       std::vector<Chain>& longer) {
  longer.clear();
  best_.clear();
  std::size_t front = 0, next = 0, blockers = 0;
  for (const TimeMs time : step.times) {
    while (next < chains.size() && chains[next].time < time) {
      while (best_.size() > front && best_.back().start <= chains[next].start) best_.pop_back();
      best_.push_back(chains[next++]);
    }
    while (blockers < step.without.size() && step.without[blockers] < time) ++blockers;
    TimeMs earliest = time - step.within;
    if (blockers > 0) earliest = std::max(earliest, step.without[blockers - 1]);
    while (front < best_.size() && best_[front].time < earliest) ++front;
    if (front < best_.size()) longer.push_back({.time = time, .start = best_[front].start});
  }
}

bool StepTimes::can_be_chosen(std::span<const TimedStep> steps, TimeMs within) {
  begin(steps[0], now_);
  for (const TimedStep& step : steps.subspan(1)) {
    if (now_.empty()) return false;
    extend(now_, step, next_);
    std::swap(now_, next_);
  }
  return std::any_of(now_.begin(), now_.end(), [&](const Chain& chain) {
    return chain.time - chain.start <= within;
  });
}

std::vector<TimeMs> StepTimes::chosen(std::span<const TimedStep> steps, TimeMs within) {
  std::vector<std::vector<Chain>> chains(steps.size());
  begin(steps[0], chains[0]);
  for (std::size_t i = 1; i < steps.size(); ++i) extend(chains[i - 1], steps[i], chains[i]);
  const auto last = std::find_if(
      chains.back().begin(), chains.back().end(),
      [&](const Chain& chain) { return chain.time - chain.start <= within; });
  if (last == chains.back().end()) return {};
  std::vector<TimeMs> times(steps.size());
  times.back() = last->time;
  for (std::size_t i = steps.size() - 1; i > 0; --i) {
    // The latest of them with that start is closest: what may follow an earlier one may follow it.
    for (const Chain& chain : chains[i - 1]) {
      if (chain.time < times[i] && chain.start == last->start) times[i - 1] = chain.time;
    }
  }
  return times;
}

}  // namespace muster::query
