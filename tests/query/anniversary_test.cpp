// Anniversaries: the days for a window, the answer for one day, and a walk through the years.
#include <gtest/gtest.h>

#include "query/plan/anniversary.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

Date day(int year, unsigned month, unsigned of_month) {
  return date_of({.year = year, .month = month, .day = of_month});
}

bool by_walking(Date born, const query::DayRange& among) {
  const CivilDay civil = civil_of(born);
  for (int year = civil.year + 1; year < 2'400; ++year) {
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const bool moves = civil.month == 2 && civil.day == 29 && !is_leap;
    const Date each = day(year, civil.month, moves ? 28 : civil.day);
    if (among.from.days <= each.days && each.days <= among.to.days) return true;
  }
  return false;
}

query::TimeRange moments_of(const query::DayRange& among) {
  return {.from = among.from.days * kDayMs, .to = among.to.days * kDayMs};
}

TEST(Anniversaries, OfADayAndOfAllDaysAgree) {
  Random random;
  for (int i = 0; i < 4'000; ++i) {
    const Date from{static_cast<std::int32_t>(random.below(40'000)) - 20'000};
    const std::int32_t lengths[] = {0, 1, 7, 59, 60, 364, 365, 366, 367, 5'000};
    const query::DayRange among{.from = from, .to = Date{from.days + lengths[random.below(10)]}};
    const auto keys =
        query::anniversary_condition(query::ValueKind::Date, moments_of(among), Zone()).ranges(0);
    for (int k = 0; k < 20; ++k) {
      Date born{from.days + static_cast<std::int32_t>(random.below(3'000)) - 2'200};
      if (k < 4) born = day(1996 + 4 * static_cast<int>(random.below(4)), 2, 29);
      if (k >= 4 && k < 8) born = day(2000 + static_cast<int>(random.below(10)), 2, 28);
      const bool expected = by_walking(born, among);
      SCOPED_TRACE(to_string(born) + " among " + to_string(among.from) + " to " +
                   to_string(among.to));
      ASSERT_EQ(expected, query::has_anniversary(born, among));
      ASSERT_EQ(expected, keys.contains(born.days));
    }
  }
}

TEST(Anniversaries, OfTimesAreThoseOfTheirLocalDays) {
  const auto zone = Zone::named("America/New_York");
  ASSERT_TRUE(zone);
  const Date asked = day(2024, 6, 15);
  const query::TimeRange range{.from = zone->start_of(asked),
                               .to = zone->start_of(Date{asked.days + 1}) - 1};
  const auto keys =
      query::anniversary_condition(query::ValueKind::Time, range, *zone).ranges(0);
  const TimeMs begin = zone->start_of(day(2020, 6, 15));
  EXPECT_TRUE(keys.contains(begin));
  EXPECT_FALSE(keys.contains(begin - 1));
  EXPECT_TRUE(keys.contains(begin + kDayMs - 1));
  EXPECT_FALSE(keys.contains(begin + kDayMs));
}

}  // namespace
}  // namespace muster::testing
