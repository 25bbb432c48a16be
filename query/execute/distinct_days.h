// On how many days, or in how many years, people did something: `count("view" per date(ts))`.
//
// Rows lie in order of time, so all runs are gone through day by day, and a person's first row of a
// day counts: what is kept of a person is the last day and how many there were.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "query/execute/date_parts.h"
#include "query/execute/row_filter.h"
#include "query/execute/selection.h"

namespace muster::query {

class DistinctDays {
 public:
  struct Answer {
    bool failed = false;  // An exact number in `where` left its bits: the answer is void.
  };
  // Sets the bit of everybody in the block whose number of days is in the test's ranges and clears
  // the others; without events it is 0.  Nothing for other tests, and where a day comes back
  // (clocks set back at midnight) or there are very many days or runs: the caller has another
  // way.
  // Cost: about 1 ns a row of the window, a search per run and day, and 15 us.
  std::optional<Answer> select(const BoundNode& test, const index::Generation& generation,
                               std::uint32_t block, MutableBlock out);

 private:
  // The rows of a run that are still to come.
  struct Cursor {
    const EventSource* source = nullptr;
    const index::EventRun* run = nullptr;
    DateParts days;
    std::uint32_t next = 0, end = 0;
    std::int64_t day = 0;   // Of row `next`;
    TimeMs day_end = 0;     // from then on it is certainly another.
  };

  bool find_rows(const BoundAggregate& aggregate, std::uint32_t block);
  static void look(Cursor& cursor);
  void count_day(Cursor& cursor, RowFilter& filter);
  void count_rows(const std::uint16_t* person, std::span<const std::uint64_t> passing,
                  std::uint32_t count);

  std::vector<Cursor> cursors_;
  // By person: how many days in the upper half, the number of the last one in the lower half.
  std::vector<std::uint32_t> days_;
  std::uint32_t number_ = 0;  // Of the day at hand, from 1 on.
};

}  // namespace muster::query
