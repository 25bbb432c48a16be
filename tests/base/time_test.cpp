#include "base/time.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "tests/support/random.h"
#include "tests/support/shared_data.h"

namespace muster {
namespace {

Zone zone(const std::string& name) {
  auto found = Zone::named(name);
  EXPECT_TRUE(found) << name;
  return found ? *found : Zone();
}

TEST(Time, ReadsRfc3339AndWritesItBack) {
  struct Case {
    std::string text, written;
  };
  const Case cases[] = {
      {"2018-01-01T05:00:00Z", "2018-01-01T05:00:00Z"},
      {"2018-01-01t05:00:00z", "2018-01-01T05:00:00Z"},
      {"2018-01-01 05:00:00", "2018-01-01T05:00:00Z"},
      {"2018-01-01T05:00", "2018-01-01T05:00:00Z"},
      {"2018-01-01T05:00+02:00", "2018-01-01T03:00:00Z"},
      {"2018-01-01T05:00:00-05:30", "2018-01-01T10:30:00Z"},
      {"2018-01-01T05:00:00.5Z", "2018-01-01T05:00:00.500Z"},
      {"2018-01-01T05:00:00.1239999999999Z", "2018-01-01T05:00:00.123Z"},
      {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
      {"1678-01-01T00:00:00Z", "1678-01-01T00:00:00Z"},
      {"2261-12-31T23:59:59.999Z", "2261-12-31T23:59:59.999Z"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto time = parse_time(c.text, Zone());
    ASSERT_TRUE(time);
    EXPECT_EQ(c.written, to_rfc3339(*time));
  }
}

TEST(Time, RefusesWhatIsNoTime) {
  for (const std::string text :
       {"", "now", "2018-01-01", "2018-01-01T", "2018-01-01T5:00", "2018-01-01T05:00:00.Z",
        "2018-01-01T24:00:00Z", "2018-01-01T23:60:00Z", "2016-12-31T23:59:60Z",
        "2018-01-01T05:00:00+24:00", "2018-01-01T05:00:00+2:00", "2018-01-01T05:00:00Zx",
        "2018-02-30T05:00:00Z", "2018-01-01  05:00:00", "1677-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z", "1678-01-01T00:00:00+01:00", "2261-12-31T23:59:59-01:00"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(std::nullopt, parse_time(text, Zone()));
  }
}

// What Muster does with the texts whose verdict is a choice: leap seconds and years outside
// 1678 to 2261 are refused, a time without a zone is local, a bare number is no time text.
TEST(Time, AgreesWithTheSharedVerdicts) {
  RETURN_WITHOUT_SHARED_DATA();
  const std::map<std::string, bool> chosen = {{"2016-12-31T23:59:60Z", false},
                                              {"1969-12-31T23:59:59Z", true},
                                              {"0000-01-01T00:00:00Z", false},
                                              {"9999-12-31T23:59:59Z", false},
                                              {"2024-01-01", true},
                                              {"2024-01-01 00:00:00", true},
                                              {"1700000000", false},
                                              {"1700000000000", false},
                                              {"-1", false},
                                              {"253402300800", false},
                                              {"1e10", false}};
  std::ifstream file(*testing::shared_data() / "data/hostile/text/timestamps.json");
  std::stringstream text;
  text << file.rdbuf();
  const auto cases = boost::json::parse(text.str()).as_array();
  ASSERT_FALSE(cases.empty());
  for (const auto& entry : cases) {
    const std::string raw(entry.at("raw").as_string());
    const std::string verdict(entry.at("verdict").as_string());
    SCOPED_TRACE(raw);
    const bool accepted = parse_time(raw, Zone()).has_value() || parse_date(raw).has_value();
    if (verdict == "documented") {
      ASSERT_TRUE(chosen.contains(raw));
      EXPECT_EQ(chosen.at(raw), accepted);
    } else {
      EXPECT_EQ(verdict == "accept", accepted);
    }
  }
}

TEST(Time, LocalTimesUseTheZone) {
  const Zone paris = zone("Europe/Paris");
  EXPECT_EQ("2011-06-01T06:30:00Z", to_rfc3339(*parse_time("2011-06-01T08:30", paris)));
  EXPECT_EQ("2011-12-01T07:30:00Z", to_rfc3339(*parse_time("2011-12-01T08:30", paris)));
  EXPECT_EQ("2011-06-01T08:30:00Z", to_rfc3339(*parse_time("2011-06-01T08:30Z", paris)));
}

TEST(Zone, DaysBeginAtLocalMidnightAndMayHave23Or25Hours) {
  const Zone paris = zone("Europe/Paris");
  const Date spring = *parse_date("2024-03-31");
  const Date autumn = *parse_date("2024-10-27");
  EXPECT_EQ("2024-03-30T23:00:00Z", to_rfc3339(paris.start_of(spring)));
  EXPECT_EQ(23 * kHourMs, paris.start_of({spring.days + 1}) - paris.start_of(spring));
  EXPECT_EQ(25 * kHourMs, paris.start_of({autumn.days + 1}) - paris.start_of(autumn));
}

TEST(Zone, TwiceIsTheEarlierAndNeverIsTheChange) {
  const Zone paris = zone("Europe/Paris");
  EXPECT_EQ("2024-10-27T00:30:00Z", to_rfc3339(*parse_time("2024-10-27T02:30", paris)));
  EXPECT_EQ("2024-03-31T01:00:00Z", to_rfc3339(*parse_time("2024-03-31T02:30", paris)));
  // Midnight of 2018-11-04 did not exist in Sao Paulo: the day began at 01:00.
  const Zone sao_paulo = zone("America/Sao_Paulo");
  EXPECT_EQ("2018-11-04T03:00:00Z", to_rfc3339(sao_paulo.start_of(*parse_date("2018-11-04"))));
  // Havana's clocks went from 01:00 back to 00:00 on 2018-11-04: midnight came twice.
  const Zone havana = zone("America/Havana");
  EXPECT_EQ("2018-11-04T04:00:00Z", to_rfc3339(havana.start_of(*parse_date("2018-11-04"))));
}

TEST(Zone, RulesGoOnAfterTheYearsThatTheDatabaseLists) {
  const Zone new_york = zone("America/New_York");
  EXPECT_EQ("2037-07-01T04:00:00Z", to_rfc3339(new_york.start_of(*parse_date("2037-07-01"))));
  EXPECT_EQ("2050-07-01T04:00:00Z", to_rfc3339(new_york.start_of(*parse_date("2050-07-01"))));
  EXPECT_EQ("2050-12-01T05:00:00Z", to_rfc3339(new_york.start_of(*parse_date("2050-12-01"))));
  // The second Sunday of March and the first of November.
  const Date spring = *parse_date("2100-03-14");
  const Date autumn = *parse_date("2100-11-07");
  EXPECT_EQ(23 * kHourMs, new_york.start_of({spring.days + 1}) - new_york.start_of(spring));
  EXPECT_EQ(25 * kHourMs, new_york.start_of({autumn.days + 1}) - new_york.start_of(autumn));
  const Zone sydney = zone("Australia/Sydney");
  EXPECT_EQ("2043-12-31T13:00:00Z", to_rfc3339(sydney.start_of(*parse_date("2044-01-01"))));
  for (std::int32_t day = parse_date("2036-01-01")->days; day < parse_date("2110-01-01")->days;
       ++day) {
    ASSERT_EQ(day, new_york.day_of(new_york.start_of({day})).days);
    ASSERT_EQ(day, new_york.day_of(new_york.start_of({day + 1}) - 1).days);
    ASSERT_EQ(day, sydney.day_of(sydney.start_of({day})).days);
  }
}

TEST(Zone, EveryMomentIsInTheDayThatHoldsIt) {
  testing::Random random;
  for (const std::string name : {"UTC", "America/New_York", "Asia/Kathmandu", "Europe/London"}) {
    SCOPED_TRACE(name);
    const Zone here = zone(name);
    for (int i = 0; i < 2'000; ++i) {
      const auto days = static_cast<std::int32_t>(random.below(20'000));
      const TimeMs time = days * kDayMs + static_cast<TimeMs>(random.below(86'400'000));
      const Date day = here.day_of(time);
      ASSERT_LE(here.start_of(day), time);
      ASSERT_GT(here.start_of({day.days + 1}), time);
    }
  }
}

TEST(Zone, UnknownNamesAreRefused) {
  for (const std::string name : {"", "Mars/Olympus", "../etc/passwd", "europe/paris"}) {
    SCOPED_TRACE(name);
    const auto found = Zone::named(name);
    ASSERT_FALSE(found);
    EXPECT_EQ(ErrorCode::InvalidArgument, found.error().code);
  }
}

TEST(Date, CivilFieldsReadBackForEveryDay) {
  const std::int32_t first = parse_date("1678-01-01")->days;
  const std::int32_t last = parse_date("2261-12-31")->days;
  unsigned weekday = weekday_of({first});
  for (std::int32_t day = first; day <= last; ++day) {
    ASSERT_EQ(day, date_of(civil_of({day})).days);
    ASSERT_EQ(day, parse_date(to_string(Date{day}))->days);
    ASSERT_EQ(weekday, weekday_of({day}));
    weekday = weekday % 7 + 1;
  }
  EXPECT_EQ(4U, weekday_of({0}));  // 1970-01-01 was a Thursday.
}

TEST(Date, RefusesDaysThatDoNotExist) {
  for (const std::string text :
       {"2023-02-29", "2024-13-01", "2024-00-01", "2024-01-32", "1900-02-29", "2024-1-01",
        "2024-01-01T", "1677-12-31", "2262-01-01", "20240101"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(std::nullopt, parse_date(text));
  }
}

TEST(Time, IsWrittenInDigitsOfFixedWidth) {
  EXPECT_EQ("1678-01-02T00:00:00.001Z", to_rfc3339(*parse_time("1678-01-02T00:00:00.001Z", {})));
  EXPECT_EQ("2024-03-09T05:06:07.080Z", to_rfc3339(*parse_time("2024-03-09T05:06:07.08Z", {})));
  EXPECT_EQ("1969-12-31T23:59:59.999Z", to_rfc3339(-1));
  EXPECT_EQ("1970-01-01T00:00:00Z", to_rfc3339(0));
  EXPECT_EQ("0001-02-03", to_string(date_of({.year = 1, .month = 2, .day = 3})));
  EXPECT_EQ("9999-12-31", to_string(date_of({.year = 9'999, .month = 12, .day = 31})));
  const Date after{date_of({.year = 9'999, .month = 12, .day = 31}).days + 1};
  EXPECT_EQ("10000-01-01", to_string(after));
}

}  // namespace
}  // namespace muster
