// The times of a run of events, ascending.
//
// Cut into pages of 4,096 rows, each packed above its first time: neighbours in time are near each
// other, so that a row takes 4 bytes or less where the whole run would need 8.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "index/packed.h"

namespace muster::index {

class EventTimes {
 public:
  EventTimes() = default;  // Empty.
  // Requires times ascending.
  explicit EventTimes(std::span<const TimeMs> times);

  std::uint32_t size() const { return size_; }
  TimeMs min() const { return pages_.empty() ? 0 : pages_.front().min(); }
  TimeMs max() const { return pages_.empty() ? 0 : pages_.back().max(); }
  // Requires row < size().
  TimeMs at(std::uint32_t row) const {
    CHECK(row < size_);
    return pages_[row / kPageRows].at(row % kPageRows);
  }
  // out[k] = at(first + k).  Requires first + out.size() <= size().
  void read(std::uint32_t first, std::span<TimeMs> out) const;
  // Rows [first, second) whose time is in [from, to], both ends belonging.
  // Cost: O(log size).
  std::pair<std::uint32_t, std::uint32_t> within(TimeMs from, TimeMs to) const;
  std::size_t bytes() const;  // On the heap.

  // Each asks memory, ahead of its use, for what the one before leads to: the ends of the times,
  // where that of a row stands, the time.  Requires row < size().
  void prefetch_ends() const {
    if (size_ == 0) return;
    __builtin_prefetch(&pages_.front());
    __builtin_prefetch(&pages_.back());
  }
  void prefetch_page(std::uint32_t row) const { __builtin_prefetch(&pages_[row / kPageRows]); }
  void prefetch(std::uint32_t row) const { pages_[row / kPageRows].prefetch(row % kPageRows); }

 private:
  static constexpr std::uint32_t kPageRows = 4'096;
  // The first row that is not `before`, which is true of early times and false of later ones.
  template <typename Before>
  std::uint32_t first_not(const Before& before) const;

  std::uint32_t size_ = 0;
  std::vector<PackedInts> pages_;
  std::vector<TimeMs> last_;  // By page: its last time; the search stays in few cache lines.
};

}  // namespace muster::index
