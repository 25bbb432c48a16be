// When a sync runs by itself.
//
//   "schedule": "manual"                                              by call alone
//               {"every": "15m"}                                      so long after the run before
//               {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}  (connect/cron.h)
//               {"continuous": {"debounce": "5s"}}                    after who is in it changed
//
// Continuous: changes are collected for the time of `debounce`, counted from the first of them, so
// that a segment that never rests is sent too.
// Thread safety: immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "connect/cron.h"
#include "connect/document_reader.h"

namespace muster::connect {

inline constexpr TimeMs kScheduleEveryMsMin = 1'000;
inline constexpr TimeMs kScheduleEveryMsMax = 366LL * 86'400'000;
inline constexpr TimeMs kDebounceMsDefault = 5'000;

// At most one of them; none: by call alone.
struct Schedule {
  std::optional<TimeMs> every_ms;
  std::optional<Cron> cron;
  std::optional<TimeMs> debounce_ms;

  // When the next run is due, given when the last one was asked for and when the sync was changed
  // (0: never). Nothing where the clock does not say. A time that passed while nothing ran is due
  // once, at once.
  std::optional<TimeMs> next(TimeMs last_requested, TimeMs changed) const;
};

// The setting "schedule" of a sync.
// Errors: InvalidArgument with the JSON pointer.
Result<Schedule> read_schedule(const DocumentReader& reader);
void write_schedule(JsonWriter& json, const Schedule& schedule);  // With its key.

// "90s", "15m", "12h", "30d", "2w".
std::optional<TimeMs> parse_every(std::string_view text);

}  // namespace muster::connect
