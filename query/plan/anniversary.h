// Anniversaries: the same day of a later year; that of 29 February is 28 February in common years.
//
// The day itself is no anniversary, nor is any day before it.
// Thread safety: any thread.
#pragma once

#include "query/plan/condition.h"

namespace muster::query {

// Whether some anniversary of the day lies among the days.  Cost: two look-ups in the calendar.
bool has_anniversary(Date day, const DayRange& among);

// A date, or the local day of a time, has an anniversary among the days that begin in the range.
// Requires kind Time or Date.
Condition anniversary_condition(ValueKind kind, const TimeRange& range, const Zone& zone);

}  // namespace muster::query
