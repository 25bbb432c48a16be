#include "query/plan/windows.h"

#include <gtest/gtest.h>

namespace muster::query {
namespace {

TimeMs at(const std::string& text) { return parse_time(text, Zone()).value(); }

std::string range_text(const Window& window, const std::string& now, const std::string& zone) {
  const auto range = range_of(window, at(now), Zone::named(zone).value());
  if (!range) return range.error().message;
  const auto end = [](TimeMs time) {
    return time <= kBeforeAllTimes || time >= kAfterAllTimes ? "*" : to_rfc3339(time);
  };
  return end(range->from) + " " + end(range->to);
}

TEST(Windows, DaysOfNewYorkHave23And25Hours) {
  const Window today{.kind = WindowKind::Today};
  EXPECT_EQ("2024-03-10T05:00:00Z 2024-03-11T03:59:59.999Z",
            range_text(today, "2024-03-10T12:00:00Z", "America/New_York"));
  EXPECT_EQ("2024-11-03T04:00:00Z 2024-11-04T04:59:59.999Z",
            range_text(today, "2024-11-03T12:00:00Z", "America/New_York"));
}

TEST(Windows, DurationsAreSecondsWhateverTheClocksDo) {
  const Window window{.kind = WindowKind::InLast, .duration = {.amount = 1, .unit = Unit::Day}};
  EXPECT_EQ("2024-03-09T12:00:00Z 2024-03-10T12:00:00Z",
            range_text(window, "2024-03-10T12:00:00Z", "America/New_York"));
}

TEST(Windows, BetweenAgoEndsWhereInLastBegins) {
  const Window between{.kind = WindowKind::BetweenAgo,
                       .duration = {.amount = 90, .unit = Unit::Day},
                       .duration_end = {.amount = 30, .unit = Unit::Day}};
  EXPECT_EQ("2024-03-17T12:00:00Z 2024-05-16T11:59:59.999Z",
            range_text(between, "2024-06-15T12:00:00Z", "UTC"));
  const Window before{.kind = WindowKind::BeforeAgo,
                      .duration = {.amount = 90, .unit = Unit::Day}};
  EXPECT_EQ("* 2024-03-17T11:59:59.999Z", range_text(before, "2024-06-15T12:00:00Z", "UTC"));
}

TEST(Windows, CalendarUnitsAreLocal) {
  struct Case {
    WindowKind kind;
    Unit unit;
    std::string range;
  };
  const Case cases[] = {
      {WindowKind::This, Unit::Week, "2024-06-10T00:00:00Z 2024-06-16T23:59:59.999Z"},
      {WindowKind::Last, Unit::Week, "2024-06-03T00:00:00Z 2024-06-09T23:59:59.999Z"},
      {WindowKind::This, Unit::Month, "2024-06-01T00:00:00Z 2024-06-30T23:59:59.999Z"},
      {WindowKind::Last, Unit::Month, "2024-05-01T00:00:00Z 2024-05-31T23:59:59.999Z"},
      {WindowKind::This, Unit::Quarter, "2024-04-01T00:00:00Z 2024-06-30T23:59:59.999Z"},
      {WindowKind::Last, Unit::Quarter, "2024-01-01T00:00:00Z 2024-03-31T23:59:59.999Z"},
      {WindowKind::This, Unit::Year, "2024-01-01T00:00:00Z 2024-12-31T23:59:59.999Z"},
      {WindowKind::Last, Unit::Year, "2023-01-01T00:00:00Z 2023-12-31T23:59:59.999Z"},
      {WindowKind::Yesterday, Unit::Day, "2024-06-14T00:00:00Z 2024-06-14T23:59:59.999Z"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.range, range_text({.kind = c.kind, .unit = c.unit}, "2024-06-15T12:00:00Z", "UTC"));
  }
}

TEST(Windows, LastCalendarUnitsGoAsFarAsTheCurrentOneHasGone) {
  Window window{.kind = WindowKind::InLastCalendar, .count = 3, .unit = Unit::Month};
  EXPECT_EQ("2023-12-01T00:00:00Z 2024-02-29T12:00:00Z",
            range_text(window, "2024-02-29T12:00:00Z", "UTC"));
  window.count = 0;
  EXPECT_EQ("a window needs at least 1 calendar unit",
            range_text(window, "2024-02-29T12:00:00Z", "UTC"));
  window.count = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ("1000-01-01T00:00:00Z 2024-02-29T12:00:00Z",
            range_text(window, "2024-02-29T12:00:00Z", "UTC"));
}

TEST(Windows, ADateIsItsFirstMoment) {
  const Zone zone = Zone::named("America/New_York").value();
  const TimeRange range{.from = at("2024-06-01T00:00:00Z"), .to = at("2024-06-02T04:00:00Z")};
  const DayRange days = days_starting_in(range, zone);
  EXPECT_EQ("2024-06-01", to_string(days.from));
  EXPECT_EQ("2024-06-02", to_string(days.to));
}

}  // namespace
}  // namespace muster::query
