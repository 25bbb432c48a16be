// Times of the day and days of the week at which something happens: the five fields of cron, in
// the local time of a zone.
//
//   minute (0-59)  hour (0-23)  day of month (1-31)  month (1-12, jan-dec)
//   day of week (0-7, sun-sat; 0 and 7 are Sunday)
//   field := item {"," item}
//   item  := ("*" | value | value "-" value) ["/" step]
//
// Where both days are restricted, either is enough. A local time that a change of the clock leaves
// out happens at the moment of the change; one that happens twice, the first time alone.
// Source: POSIX.1-2017, "crontab"; the steps and names of Vixie cron.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::connect {

inline constexpr std::size_t kCronBytesMax = 128;

class Cron {
 public:
  // Errors: InvalidArgument, also for days that never come ("0 0 30 2 *") and an unknown zone.
  static Result<Cron> parse(std::string_view text, std::string_view timezone);

  const std::string& text() const { return text_; }
  const std::string& timezone() const { return zone_.name(); }

  // The first time after `after`.
  // Cost: a look at each day until then, nine years at most.
  TimeMs next(TimeMs after) const;

 private:
  std::optional<TimeMs> next_within(TimeMs after, int days_max) const;
  bool is_on(Date day) const;

  std::string text_;
  Zone zone_;
  std::uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // By bit.
  bool any_day_ = false, any_weekday_ = false;  // Written as "*".
};

}  // namespace muster::connect
