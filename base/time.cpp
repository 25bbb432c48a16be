#include "base/time.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <exception>
#include <new>

#include "base/check.h"

namespace muster {
namespace {

using LocalMs = date::local_time<std::chrono::milliseconds>;
using SystemMs = date::sys_time<std::chrono::milliseconds>;

// The compiled tz database lists changes up to this year; later ones would follow its rules, which
// the library does not read.
constexpr int kListedYearMax = 2037;
// Enough years for the first of January and of March to fall on every weekday, and none of a rule
// that has ended since.
constexpr int kListedYearMin = kListedYearMax - 10;

constexpr int kYearMin = 1678;
constexpr int kYearMax = 2261;

const date::time_zone* zone_of(const void* zone) {
  return static_cast<const date::time_zone*>(zone);
}

// Reads a text from left to right; the first thing that does not fit makes it failed.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  int digits(std::size_t count) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!at_digit()) {
        failed_ = true;
        return 0;
      }
      number = number * 10 + (text_[at_++] - '0');
    }
    return number;
  }
  bool skip(char c) {
    if (failed_ || at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!skip(c)) failed_ = true;
  }
  bool at_digit() const {
    return !failed_ && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
  }
  bool at_end() const { return at_ == text_.size(); }
  bool failed() const { return failed_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

std::optional<Date> scan_date(Scanner& scanner) {
  const int year = scanner.digits(4);
  scanner.expect('-');
  const int month = scanner.digits(2);
  scanner.expect('-');
  const int day = scanner.digits(2);
  if (scanner.failed() || year < kYearMin || year > kYearMax) return std::nullopt;
  const date::year_month_day civil{date::year(year), date::month(static_cast<unsigned>(month)),
                                   date::day(static_cast<unsigned>(day))};
  if (!civil.ok()) return std::nullopt;
  return Date{static_cast<std::int32_t>(date::sys_days(civil).time_since_epoch().count())};
}

// Hours, minutes and the optional rest of a second, in milliseconds.
std::optional<TimeMs> scan_time_of_day(Scanner& scanner) {
  const int hour = scanner.digits(2);
  scanner.expect(':');
  const int minute = scanner.digits(2);
  int second = 0;
  TimeMs fraction_ms = 0;
  if (scanner.skip(':')) {
    second = scanner.digits(2);
    if (scanner.skip('.')) {
      if (!scanner.at_digit()) return std::nullopt;
      TimeMs unit = 100;  // What the next digit is worth; nothing after the third.
      while (scanner.at_digit()) {
        fraction_ms += unit * scanner.digits(1);
        unit /= 10;
      }
    }
  }
  if (scanner.failed() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return hour * kHourMs + minute * 60 * kSecondMs + second * kSecondMs + fraction_ms;
}

struct Offset {
  bool is_local = false;
  TimeMs ms = 0;
};

std::optional<Offset> scan_offset(Scanner& scanner) {
  if (scanner.at_end()) return Offset{.is_local = true};
  if (scanner.skip('Z') || scanner.skip('z')) return Offset{};
  const bool east = scanner.skip('+');
  if (!east && !scanner.skip('-')) return std::nullopt;
  const int hours = scanner.digits(2);
  scanner.expect(':');
  const int minutes = scanner.digits(2);
  if (scanner.failed() || hours > 23 || minutes > 59) return std::nullopt;
  const TimeMs ms = hours * kHourMs + minutes * 60 * kSecondMs;
  return Offset{.ms = east ? ms : -ms};
}

Error unknown_zone(std::string_view name) {
  return {ErrorCode::InvalidArgument,
          fmt::format("unknown time zone '{}': use a name of the tz database, such as "
                      "'America/New_York', or 'UTC'",
                      name.substr(0, 64))};
}

Date floor_to_day(TimeMs ms) {
  const TimeMs days = ms / kDayMs - (ms % kDayMs < 0 ? 1 : 0);
  return Date{static_cast<std::int32_t>(days)};
}

Date first_of(int year, unsigned month) {
  return date_of({.year = year, .month = month, .day = 1});
}

// How far to move a time after the listed years back, so that the same part of the year falls on
// the same weekdays in a listed one: rules name Sundays of a month.
TimeMs beyond_listed(TimeMs time) {
  const CivilDay civil = civil_of(floor_to_day(time));
  if (civil.year <= kListedYearMax) return 0;
  const unsigned month = civil.month < 3 ? 1 : 3;  // So that 29 February does not matter.
  const Date begin = first_of(civil.year, month);
  for (int year = kListedYearMin; year <= kListedYearMax; ++year) {
    const std::int32_t days = begin.days - first_of(year, month).days;
    if (days % 7 == 0) return TimeMs{days} * kDayMs;
  }
  CHECK(!"every weekday begins some listed year");
}

// With leading zeros.  Requires value < 10^digits.
template <std::size_t digits>
void append_digits(std::string& out, unsigned value) {
  std::array<char, digits> text;
  for (std::size_t i = digits; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text.data(), digits);
}

void append_date(std::string& out, Date day) {
  const CivilDay civil = civil_of(day);
  if (civil.year < 0 || civil.year > 9'999) {
    out += fmt::format("{:04}", civil.year);
  } else {
    append_digits<4>(out, static_cast<unsigned>(civil.year));
  }
  append_digits<2>(out += '-', civil.month);
  append_digits<2>(out += '-', civil.day);
}

}  // namespace

Result<Zone> Zone::named(std::string_view name) {
  Zone zone;
  if (name == "UTC") return zone;
  // The library throws for unknown names and for a tz database that cannot be read.
  try {
    zone.zone_ = date::locate_zone(std::string(name));
  } catch (const std::bad_alloc&) {
    throw;  // The zone may be known all the same.
  } catch (const std::exception&) {
    return unknown_zone(name);
  }
  zone.name_ = std::string(name);
  return zone;
}

TimeMs Zone::to_utc(TimeMs local) const {
  if (zone_ == nullptr) return local;
  const TimeMs moved = beyond_listed(local);
  const LocalMs time{std::chrono::milliseconds(local - moved)};
  // For a local time that does not exist, both choices give the moment of the change.
  return zone_of(zone_)->to_sys(time, date::choose::earliest).time_since_epoch().count() + moved;
}

TimeMs Zone::start_of(Date day) const {
  return to_utc(TimeMs{day.days} * kDayMs);
}

Date Zone::day_of(TimeMs time) const {
  if (zone_ == nullptr) return floor_to_day(time);
  const TimeMs moved = beyond_listed(time);
  const SystemMs moment{std::chrono::milliseconds(time - moved)};
  return floor_to_day(zone_of(zone_)->to_local(moment).time_since_epoch().count() + moved);
}

std::optional<Date> parse_date(std::string_view text) {
  Scanner scanner(text);
  const auto day = scan_date(scanner);
  return scanner.at_end() ? day : std::nullopt;
}

std::optional<TimeMs> parse_time(std::string_view text, const Zone& zone) {
  Scanner scanner(text);
  const auto day = scan_date(scanner);
  if (!day) return std::nullopt;
  if (!scanner.skip('T') && !scanner.skip('t') && !scanner.skip(' ')) return std::nullopt;
  const auto time_of_day = scan_time_of_day(scanner);
  if (!time_of_day) return std::nullopt;
  const auto offset = scan_offset(scanner);
  if (!offset || !scanner.at_end()) return std::nullopt;
  const TimeMs local = TimeMs{day->days} * kDayMs + *time_of_day;
  const TimeMs time = offset->is_local ? zone.to_utc(local) : local - offset->ms;
  if (time < kTimeMin || time > kTimeMax) return std::nullopt;
  return time;
}

std::string to_string(Date day) {
  std::string text;
  append_date(text, day);
  return text;
}

std::string to_rfc3339(TimeMs time) {
  const Date day = floor_to_day(time);
  const auto ms = static_cast<unsigned>(time - TimeMs{day.days} * kDayMs);
  std::string text;
  text.reserve(sizeof "YYYY-MM-DDThh:mm:ss.mmmZ");
  append_date(text, day);
  append_digits<2>(text += 'T', ms / 3'600'000);
  append_digits<2>(text += ':', ms / 60'000 % 60);
  append_digits<2>(text += ':', ms / 1'000 % 60);
  if (ms % 1'000 != 0) append_digits<3>(text += '.', ms % 1'000);
  return text += 'Z';
}

CivilDay civil_of(Date day) {
  const date::year_month_day civil{date::sys_days(date::days(day.days))};
  return {.year = static_cast<int>(civil.year()),
          .month = static_cast<unsigned>(civil.month()),
          .day = static_cast<unsigned>(civil.day())};
}

Date date_of(CivilDay day) {
  const date::year_month_day civil{date::year(day.year), date::month(day.month),
                                   date::day(day.day)};
  CHECK(civil.ok());
  return Date{static_cast<std::int32_t>(date::sys_days(civil).time_since_epoch().count())};
}

unsigned weekday_of(Date day) {
  return date::weekday(date::sys_days(date::days(day.days))).iso_encoding();
}

}  // namespace muster
