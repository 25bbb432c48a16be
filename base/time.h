// Reading and writing times: RFC 3339 texts, dates, and the local days of a zone.
//
// Times are int64 milliseconds UTC from 1678-01-01 to 2261-12-31; finer digits of a second are cut.
// Thread safety: any thread; zones come from the system's tz database, which is read once.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"

namespace muster {

inline constexpr TimeMs kSecondMs = 1'000;
inline constexpr TimeMs kHourMs = 3'600 * kSecondMs;
inline constexpr TimeMs kDayMs = 86'400 * kSecondMs;
inline constexpr TimeMs kTimeMin = -9'214'560'000'000;  // 1678-01-01T00:00:00Z
inline constexpr TimeMs kTimeMax = 9'214'646'400'000 - 1;  // Before 2262-01-01T00:00:00Z.

// A zone of the tz database ("America/New_York"), or UTC.
class Zone {
 public:
  Zone() = default;  // UTC.
  // Errors: InvalidArgument for an unknown name.
  static Result<Zone> named(std::string_view name);

  const std::string& name() const { return name_; }

  // The first moment of a local day. Where midnight does not exist, the first moment after it.
  TimeMs start_of(Date day) const;
  Date day_of(TimeMs time) const;
  // A local time of day to UTC: the earlier moment when it happens twice, the moment of the
  // change when it does not exist.
  TimeMs to_utc(TimeMs local) const;

 private:
  std::string name_ = "UTC";
  const void* zone_ = nullptr;  // date::time_zone of the process-wide database; null: UTC.
};

// YYYY-MM-DD, a day that exists, years 1678 to 2261.
std::optional<Date> parse_date(std::string_view text);

// RFC 3339 date-time ("T", "t" or one space between; seconds optional; fraction of any length;
// zone optional: without it the time is local to `zone`). 24:00, second 60 and offsets beyond
// 23:59 are refused, as are times outside kTimeMin to kTimeMax.
std::optional<TimeMs> parse_time(std::string_view text, const Zone& zone);

std::string to_string(Date day);
// "2018-01-01T05:00:00Z", with ".123" when there are milliseconds.
std::string to_rfc3339(TimeMs time);

// Civil fields of a day in the proleptic Gregorian calendar.
struct CivilDay {
  int year = 1970;
  unsigned month = 1, day = 1;  // From 1.
};
CivilDay civil_of(Date day);
// Requires a day that exists.
Date date_of(CivilDay day);
// 1 is Monday, 7 is Sunday (ISO 8601).
unsigned weekday_of(Date day);

}  // namespace muster
