#include "query/plan/anniversary.h"

#include "base/check.h"

namespace muster::query {
namespace {

// Years in which a stored day can lie.
constexpr int kFirstYear = 1677, kLastYear = 2262;
// A window of so many days holds an anniversary of every day: from one to the next it is at most
// so long.
constexpr std::int32_t kYearDaysMax = 366;

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

bool is_29_february(const CivilDay& day) { return day.month == 2 && day.day == 29; }

Date anniversary_in(int year, CivilDay day) {
  if (is_29_february(day) && !is_leap(year)) day.day = 28;
  day.year = year;
  return date_of(day);
}

void add_day(const CivilDay& day, std::vector<Range>& days) {
  const Int128 number = date_of(day).days;
  days.push_back({number, number});
}

// The days whose anniversary in that year is the one given.
void add_days_of(Date anniversary, std::vector<Range>& days) {
  const CivilDay civil = civil_of(anniversary);
  const bool stands_for_29 = civil.month == 2 && civil.day == 28 && !is_leap(civil.year);
  for (int year = kFirstYear; year <= std::min(civil.year - 1, kLastYear); ++year) {
    if (!is_29_february(civil) || is_leap(year)) {
      add_day({.year = year, .month = civil.month, .day = civil.day}, days);
    }
    if (stands_for_29 && is_leap(year)) add_day({.year = year, .month = 2, .day = 29}, days);
  }
}

// The last day whose first anniversary is not after `to`.
Int128 last_day_before(Date to) {
  const CivilDay civil = civil_of(to);
  const bool is_28_february = civil.month == 2 && civil.day == 28;
  if (is_28_february && is_leap(civil.year - 1)) {
    return date_of({.year = civil.year - 1, .month = 2, .day = 29}).days;
  }
  return anniversary_in(civil.year - 1, civil).days;
}

RangeSet days_with_anniversary(const DayRange& among) {
  if (among.to.days < among.from.days) return {};
  if (among.to.days - among.from.days + 1 >= kYearDaysMax) {
    return RangeSet::at_most(last_day_before(among.to));
  }
  std::vector<Range> days;
  for (Date day = among.from; day.days <= among.to.days; ++day.days) add_days_of(day, days);
  return RangeSet::of(std::move(days));
}

// The moments of those local days.
RangeSet moments_of(const RangeSet& days, const Zone& zone) {
  std::vector<Range> moments;
  for (const Range& range : days.ranges()) {
    const bool is_open = range.low <= -kWideMax;
    const auto first = static_cast<std::int32_t>(is_open ? 0 : range.low);
    const auto last = static_cast<std::int32_t>(range.high);
    moments.push_back({is_open ? range.low : Int128{zone.start_of(Date{first})},
                       zone.start_of(Date{last + 1}) - 1});
  }
  return RangeSet::of(std::move(moments));
}

}  // namespace

bool has_anniversary(Date day, const DayRange& among) {
  const CivilDay civil = civil_of(day);
  // The last one that is not too late decides.
  int year = civil_of(among.to).year;
  if (anniversary_in(year, civil).days > among.to.days) --year;
  return year > civil.year && anniversary_in(year, civil).days >= among.from.days;
}

Condition anniversary_condition(ValueKind kind, const TimeRange& range, const Zone& zone) {
  CHECK(kind == ValueKind::Time || kind == ValueKind::Date);
  RangeSet keys = days_with_anniversary(days_starting_in(range, zone));
  if (kind == ValueKind::Time) keys = moments_of(keys, zone);
  Condition condition;
  condition.kind = kind;
  condition.ranges = [keys = std::move(keys)](std::uint8_t) { return keys; };
  return condition;
}

}  // namespace muster::query
