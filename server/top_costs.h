// Which few of many causes cost the most, as counters that never go back.
//
// There may be any number of saved segments, and a monitor keeps each series for ever: so only the
// costliest have a counter of their own, and all the rest share one. A cause keeps its counter
// until it is gone, or another one has cost twice as much.
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace muster::server {

class TopCosts {
 public:
  // Requires own_max > 0.
  explicit TopCosts(std::size_t own_max) : own_max_(own_max) {}

  // What each has cost in all by now. One that is below what it was has begun anew.
  // Cost: O(causes log causes).
  void update(const std::map<std::string, double>& totals);

  // Of those that have a counter: what was added to it. At most own_max.
  const std::map<std::string, double>& own() const { return own_; }
  // Of all others, and of all while they had none.
  double other() const { return other_; }

 private:
  // Gives the cause a counter where it has cost enough; returns whether it has one.
  bool promote(const std::string& cause, const std::map<std::string, double>& totals);

  const std::size_t own_max_;
  std::map<std::string, double> seen_;  // The totals of the last update().
  std::map<std::string, double> own_;
  double other_ = 0;
};

}  // namespace muster::server
