#include "query/plan/windows.h"

#include <algorithm>

#include "query/plan/bind_error.h"

namespace muster::query {
namespace {

// The first moment a literal means: a date's is the beginning of the local day.
Result<TimeMs> first_moment(const std::optional<TimeLiteral>& literal, const Zone& zone,
                            const Place& place) {
  CHECK(literal.has_value());
  TRY_ASSIGN(const auto moment, moment_of(*literal, zone, place));
  if (const Date* day = std::get_if<Date>(&moment)) return zone.start_of(*day);
  return std::get<TimeMs>(moment);
}

Result<TimeRange> from_to(const Window& window, const Zone& zone) {
  TRY_ASSIGN(const TimeMs from, first_moment(window.time, zone, window.place));
  if (!window.time_end) return TimeRange{.from = from};
  TRY_ASSIGN(const TimeMs end, first_moment(window.time_end, zone, window.place));
  return TimeRange{.from = from, .to = end - 1};
}

Result<TimeRange> on_day(const Window& window, const Zone& zone) {
  TRY_ASSIGN(const auto moment, moment_of(*window.time, zone, window.place));
  const Date* day = std::get_if<Date>(&moment);
  if (day == nullptr) {
    return error_at(ErrorCode::InvalidArgument, window.place,
                    "'on' takes a day such as 2011-06-01, not a time", "a date");
  }
  return TimeRange{.from = zone.start_of(*day), .to = zone.start_of(Date{day->days + 1}) - 1};
}

Result<TimeRange> since(const Window& window, TimeMs now, const Zone& zone) {
  const auto* literal = std::get_if<TimeLiteral>(&window.since->literals.at(0));
  if (literal == nullptr) {
    return error_at(ErrorCode::InvalidArgument, window.place, "'since' takes a date or a time",
                    "a date or a time");
  }
  TRY_ASSIGN(const TimeMs from, first_moment(*literal, zone, window.place));
  return TimeRange{.from = from, .to = now};
}

// `back` whole calendar units before the current one, up to its end or up to `to`.
TimeRange calendar(TimeMs now, const Zone& zone, Unit unit, std::int64_t back) {
  const Date today = zone.day_of(now);
  return {.from = zone.start_of(start_of_unit(today, unit, back)),
          .to = zone.start_of(start_of_unit(today, unit, back - 1)) - 1};
}

}  // namespace

Result<std::variant<Date, TimeMs>> moment_of(const TimeLiteral& literal, const Zone& zone,
                                             const Place& place) {
  if (literal.is_date) {
    if (const auto day = parse_date(literal.text)) return std::variant<Date, TimeMs>(*day);
  } else if (const auto time = parse_time(literal.text, zone)) {
    return std::variant<Date, TimeMs>(*time);
  }
  return error_at(ErrorCode::InvalidArgument, place,
                  "'" + literal.text + "' is no " + (literal.is_date ? "day" : "time") +
                      " between 1678 and 2261",
                  "a date or a time");
}

Date start_of_unit(Date day, Unit unit, std::int64_t back) {
  CHECK(back <= kCalendarUnitsMax && back >= -kCalendarUnitsMax);
  const auto days = static_cast<std::int32_t>(back);
  if (unit == Unit::Day) return Date{day.days - days};
  if (unit == Unit::Week) {
    return Date{day.days - static_cast<std::int32_t>(weekday_of(day) - 1) - 7 * days};
  }
  const CivilDay civil = civil_of(day);
  std::int64_t month = std::int64_t{civil.year} * 12 + (civil.month - 1);
  switch (unit) {
    case Unit::Month: month -= back; break;
    case Unit::Quarter: month = month - month % 3 - 3 * back; break;
    case Unit::Year: month = month - month % 12 - 12 * back; break;
    default: CHECK(!"a calendar unit is a day or longer");
  }
  // Before the first stored time every day is as good as another.
  month = std::max(month, std::int64_t{1'000} * 12);
  return date_of({.year = static_cast<int>(month / 12),
                  .month = static_cast<unsigned>(month % 12) + 1, .day = 1});
}

Result<TimeRange> range_of(const Window& window, TimeMs now, const Zone& zone) {
  switch (window.kind) {
    case WindowKind::InLast: return TimeRange{.from = now - window.duration.ms(), .to = now};
    case WindowKind::InNext: return TimeRange{.from = now, .to = now + window.duration.ms()};
    case WindowKind::InLastCalendar: {
      if (window.count < 1) {
        return error_at(ErrorCode::InvalidArgument, window.place,
                        "a window needs at least 1 calendar unit", "a number from 1 on");
      }
      const std::int64_t back = std::min(window.count - 1, kCalendarUnitsMax);
      return TimeRange{.from = calendar(now, zone, window.unit, back).from, .to = now};
    }
    case WindowKind::Today: return calendar(now, zone, Unit::Day, 0);
    case WindowKind::Yesterday: return calendar(now, zone, Unit::Day, 1);
    case WindowKind::This: return calendar(now, zone, window.unit, 0);
    case WindowKind::Last: return calendar(now, zone, window.unit, 1);
    case WindowKind::BetweenAgo:
      return TimeRange{.from = now - window.duration.ms(),
                       .to = now - window.duration_end.ms() - 1};
    case WindowKind::BeforeAgo: return TimeRange{.to = now - window.duration.ms() - 1};
    case WindowKind::From: return from_to(window, zone);
    case WindowKind::Before: {
      TRY_ASSIGN(const TimeMs end, first_moment(window.time, zone, window.place));
      return TimeRange{.to = end - 1};
    }
    case WindowKind::On: return on_day(window, zone);
    case WindowKind::Since: return since(window, now, zone);
  }
  CHECK(!"every window has a range");
  return TimeRange{};
}

DayRange days_starting_in(const TimeRange& range, const Zone& zone) {
  // A thousand years either way: no stored day is farther.
  constexpr TimeMs kFar = 1'000 * 366 * kDayMs;
  Date from = zone.day_of(std::clamp(range.from, -kFar, kFar));
  const Date to = zone.day_of(std::clamp(range.to, -kFar, kFar));
  if (zone.start_of(from) < range.from) ++from.days;
  return {.from = from, .to = to};
}

}  // namespace muster::query
