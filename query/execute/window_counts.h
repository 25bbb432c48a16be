// Who has so many events in a window: `count(e in last 30d) >= 3`, `did`, `did not`.
//
// The window is a stretch of each run's rows. Whole days, weeks and months of it are added up from
// their bit planes (index/event_periods.h), the rows between them raise byte counters, and one pass
// over both tells who passes. A few rows are looked at twice instead, and nothing else is touched.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "query/execute/aggregate.h"
#include "query/execute/selection.h"

namespace muster::query {

// How many events are asked for.
struct CountRange {
  std::uint32_t low = 0, high = 0;  // Both belong.
};

// The counts that a test lets through, when they are one range and the aggregate one that
// WindowCounts answers: a plain count, without `per` and without `at first`.
std::optional<CountRange> range_of_counts(const BoundNode& test);

class WindowCounts {
 public:
  // Sets the bit of everybody in the block whose number of events is in the range and clears the
  // others; people without events are looked at too.  Nothing when counts above 254 would have to
  // be told apart: the caller has another way.
  // Cost: about 0.5 ns a row at the edges, 0.2 us a plane between them, and 2 us.
  struct Answer {
    bool failed = false;  // An exact number left its bits: the answer is void.
  };
  std::optional<Answer> select(const BoundAggregate& aggregate, const index::Generation& generation,
                               std::uint32_t block, CountRange range, index::MutableBlock out);

 private:
  struct Stretch {
    const index::EventRun* run;
    std::uint32_t first, last;
  };

  void find_rows(const BoundAggregate& aggregate, std::uint32_t block);
  bool count_filtered(const BoundAggregate& aggregate, const index::Generation& generation,
                      std::uint32_t block);
  void count_all();
  void select_any(index::MutableBlock out) const;
  void select_few(CountRange range, index::MutableBlock out);
  void select_all(CountRange range, index::MutableBlock out);
  void raise(std::span<const std::uint16_t> people);

  std::vector<Stretch> stretches_;
  std::uint64_t rows_ = 0;       // In the window, before `where`.
  std::uint64_t count_max_ = 0;  // Nobody has more.
  // Pieces of the window: rows one by one, and planes.
  std::vector<std::span<const std::uint16_t>> by_row_;
  std::vector<index::BitPlanes> addends_;
  std::vector<std::uint8_t> counters_;  // By person, all 0 between calls; empty before the first.
  std::vector<index::Plane> sums_;
  std::vector<std::uint16_t> passing_;  // Who, of rows that passed `where`.
};

}  // namespace muster::query
