#include "connect/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace muster::connect {
namespace {

// 29 February is at most eight years apart (1896 and 1904).
constexpr int kDaysAheadMax = 9 * 366;
constexpr std::size_t kItemsMax = 60;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};

struct Field {
  std::string_view what;
  unsigned least, most;
  std::span<const std::string_view> names;  // Of `least` and those after it.
};
constexpr std::array<Field, 5> kFields{Field{"minute", 0, 59, {}}, Field{"hour", 0, 23, {}},
                                       Field{"day of month", 1, 31, {}},
                                       Field{"month", 1, 12, kMonths},
                                       Field{"day of week", 0, 7, kWeekdays}};

std::vector<std::string_view> parts_of(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos || parts.size() > kItemsMax) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words = parts_of(text, ' ');
  std::erase(words, std::string_view());
  return words;
}

std::optional<unsigned> value_of(const Field& field, std::string_view text) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    const auto is_same = [](char a, char b) { return (a | 0x20) == b; };
    const std::string_view name = field.names[i];
    if (std::equal(text.begin(), text.end(), name.begin(), name.end(), is_same)) {
      return field.least + static_cast<unsigned>(i);
    }
  }
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fits = failed == std::errc() && end == text.data() + text.size() &&
                    value >= field.least && value <= field.most;
  return fits ? std::optional(value) : std::nullopt;
}

// item := ("*" | value | value "-" value) ["/" step]
std::optional<std::uint64_t> bits_of(const Field& field, std::string_view item) {
  unsigned step = 1;
  const std::size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    const auto steps = value_of({"step", 1, field.most, {}}, item.substr(slash + 1));
    if (!steps) return std::nullopt;
    step = *steps;
    item = item.substr(0, slash);
  }
  unsigned first = field.least;
  unsigned last = field.most;
  if (item != "*") {
    const std::size_t dash = item.find('-');
    const auto from = value_of(field, item.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : value_of(field, item.substr(dash + 1));
    if (!from || !to || *from > *to) return std::nullopt;
    first = *from;
    // "5/15" is from 5 on.
    last = dash == std::string_view::npos && slash != std::string_view::npos ? field.most : *to;
  }
  std::uint64_t bits = 0;
  for (unsigned value = first; value <= last; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

Result<std::uint64_t> read_field(const Field& field, std::string_view text) {
  std::uint64_t all = 0;
  for (const std::string_view item : parts_of(text, ',')) {
    const auto bits = bits_of(field, item);
    if (!bits) {
      const std::string shown = is_utf8(item) ? std::string(item) : "...";
      return Error{ErrorCode::InvalidArgument,
                   "'" + shown + "' is no " + std::string(field.what) + " from " +
                       std::to_string(field.least) + " to " + std::to_string(field.most) +
                       ", range of them, or step."};
    }
    all |= *bits;
  }
  return all;
}

bool has(std::uint64_t bits, unsigned value) { return (bits >> value & 1U) != 0; }

}  // namespace

Result<Cron> Cron::parse(std::string_view text, std::string_view timezone) {
  const std::vector<std::string_view> words = words_of(text);
  if (text.size() > kCronBytesMax || words.size() != kFields.size()) {
    return Error{ErrorCode::InvalidArgument,
                 "five fields like \"0 9 * * 1-5\" belong here: minute, hour, day of month, "
                 "month, day of week."};
  }
  Cron cron;
  cron.text_ = text;
  TRY_ASSIGN(cron.zone_, Zone::named(timezone));
  TRY_ASSIGN(cron.minutes_, read_field(kFields[0], words[0]));
  TRY_ASSIGN(cron.hours_, read_field(kFields[1], words[1]));
  TRY_ASSIGN(cron.days_, read_field(kFields[2], words[2]));
  TRY_ASSIGN(cron.months_, read_field(kFields[3], words[3]));
  TRY_ASSIGN(cron.weekdays_, read_field(kFields[4], words[4]));
  if (has(cron.weekdays_, 7)) cron.weekdays_ |= 1U;  // Both are Sunday.
  cron.any_day_ = words[2] == "*";
  cron.any_weekday_ = words[4] == "*";
  if (!cron.next_within(0, kDaysAheadMax)) {
    return Error{ErrorCode::InvalidArgument, "there is no such day in any month."};
  }
  return cron;
}

bool Cron::is_on(Date day) const {
  const CivilDay civil = civil_of(day);
  if (!has(months_, civil.month)) return false;
  const bool by_day = has(days_, civil.day);
  const bool by_weekday = has(weekdays_, weekday_of(day) % 7);
  if (any_day_ || any_weekday_) return by_day && by_weekday;
  return by_day || by_weekday;
}

std::optional<TimeMs> Cron::next_within(TimeMs after, int days_max) const {
  Date day = zone_.day_of(after);
  for (int i = 0; i < days_max; ++i, ++day.days) {
    if (!is_on(day)) continue;
    for (unsigned hour = 0; hour < 24; ++hour) {
      if (!has(hours_, hour)) continue;
      for (unsigned minute = 0; minute < 60; ++minute) {
        if (!has(minutes_, minute)) continue;
        const TimeMs local = day.days * kDayMs + hour * kHourMs + minute * 60 * kSecondMs;
        const TimeMs at = zone_.to_utc(local);
        if (at > after) return at;
      }
    }
  }
  return std::nullopt;
}

TimeMs Cron::next(TimeMs after) const {
  // What parse() found once comes again within the same number of days.
  return next_within(after, kDaysAheadMax).value_or(kTimeMax);
}

}  // namespace muster::connect
