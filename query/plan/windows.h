// Windows of time as ranges of milliseconds, by the clock and the zone of the segment.
//
// Thread safety: any thread.
#pragma once

#include <variant>

#include "base/result.h"
#include "base/time.h"
#include "query/language/ast.h"

namespace muster::query {

// Earlier and later than every stored time.
inline constexpr TimeMs kBeforeAllTimes = -(TimeMs{1} << 60);
inline constexpr TimeMs kAfterAllTimes = TimeMs{1} << 60;

// Both ends belong; empty when from > to.
struct TimeRange {
  TimeMs from = kBeforeAllTimes, to = kAfterAllTimes;
};

// Days, both ends belong.
struct DayRange {
  Date from, to;
};

// Requires no `since` but a literal's.  Errors: InvalidArgument for a literal that is no time.
Result<TimeRange> range_of(const Window& window, TimeMs now, const Zone& zone);

// The days whose first moment lies in the range: what a window means for a date.
DayRange days_starting_in(const TimeRange& range, const Zone& zone);

// Errors: InvalidArgument when the text is no time or day.
Result<std::variant<Date, TimeMs>> moment_of(const TimeLiteral& literal, const Zone& zone,
                                             const Place& place);

// The first day of the calendar unit that holds the day, `back` units earlier (negative: later).
// Requires unit Day to Year and |back| <= kCalendarUnitsMax.
Date start_of_unit(Date day, Unit unit, std::int64_t back);
inline constexpr std::int64_t kCalendarUnitsMax = 300'000;  // More days than times can span.

}  // namespace muster::query
