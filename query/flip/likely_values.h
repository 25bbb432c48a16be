// Values worth trying: those on either side of what a condition draws the line at.
//
// Thread safety: any thread.
#pragma once

#include <vector>

#include "index/person_record.h"
#include "query/flip/hints.h"

namespace muster::query {

// At most so many of a type.
inline constexpr std::size_t kLikelyMax = 160;

// The clock, and the zone of days.
struct Clock {
  TimeMs now = 0;
  Zone zone;
};

// Moments on both sides of the ends of windows, of literals, and of what the person has; those
// that conditions mention first.
std::vector<TimeMs> likely_times(const Hints& hints, const index::PersonRecord& person,
                                 const Clock& clock);

// Values of the type (of an element, for a list); the likeliest first.
std::vector<Value> likely_values(const index::FieldType& type, const Hints& hints,
                                 const index::PersonRecord& person, const Clock& clock);

}  // namespace muster::query
