// How many events each person has in whole days, weeks and months of a run, ready to be added up.
//
// A window covers few periods whole; their counts are added as bits (kernels: add_planes), and
// only the rows before, between and behind are gone through one by one. Periods are 1, 8 and 64
// days long, counted from 1970, and are stretches of the run's rows: edges stay exact.
//
// A period's counts are bit planes, as many as pay: plane j holds bit j of min(events, 2^planes-1)
// of every person, 8 KiB each; the few events beyond are listed. A period is kept when that takes
// at most 4 bytes an event: from 2,048 events on, that is when 3 % of the people did something.
// Runs of less than 16,384 rows have none. A frequent event has periods of all three lengths,
// together about 4 to 6 bytes an event.
// Source: vertical counters and carry-save adders as in Rinfret, O'Neil, O'Neil, "Bit-sliced
// index arithmetic", 2001.
// Thread safety: immutable.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "index/event_times.h"
#include "index/kernels/kernels.h"

namespace muster::index {

// A bit of every person of a block.
struct alignas(64) Plane {
  std::array<std::uint64_t, kBlockWords> words = {};
};

struct EventPeriod {
  std::uint32_t first = 0, last = 0;  // Its rows are [first, last) of the run.
  std::vector<Plane> planes;          // Never empty.
  std::vector<std::uint16_t> rest;    // Who: one entry per event beyond the planes.
};

class EventPeriods {
 public:
  static constexpr std::size_t kLengths = 3;

  EventPeriods() = default;  // None.
  // Of a run: person and times by row.
  // Cost: about 10 ns a row and length when the run is large enough to have any.
  EventPeriods(std::span<const std::uint16_t> person, const EventTimes& times);

  // By rows, those of one length; the longest first.
  const std::vector<EventPeriod>& of_length(std::size_t length) const { return by_length_[length]; }
  std::size_t bytes() const;  // On the heap.

 private:
  std::array<std::vector<EventPeriod>, kLengths> by_length_;
};

// Covers rows [first, last) of a run with whole periods, long ones first, and calls
// visit_period(period) or visit_rows(first, last) for each piece, each row being in one.
template <typename VisitPeriod, typename VisitRows>
void cover(const EventPeriods& periods, std::uint32_t first, std::uint32_t last,
           const VisitPeriod& visit_period, const VisitRows& visit_rows, std::size_t length = 0) {
  if (first == last) return;
  if (length == EventPeriods::kLengths) {
    visit_rows(first, last);
    return;
  }
  const auto& all = periods.of_length(length);
  auto next = std::partition_point(
      all.begin(), all.end(), [first](const EventPeriod& period) { return period.first < first; });
  for (; next != all.end() && next->last <= last; ++next) {
    cover(periods, first, next->first, visit_period, visit_rows, length + 1);
    visit_period(*next);
    first = next->last;
  }
  cover(periods, first, last, visit_period, visit_rows, length + 1);
}

}  // namespace muster::index
