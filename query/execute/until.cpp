// Until when an answer about one person holds when nothing more is learned of them.
//
// With the clock alone an answer can only change when an end of a window passes a time that is
// stored of the person, or an event dated ahead comes true. Ends only move forward, so the next
// such moment of each is found by halving; at the earliest the person is asked again, and so on
// until the answer is another one.
#include <algorithm>

#include "query/execute/budget.h"
#include "query/execute/moving_end.h"
#include "query/plan/bound.h"
#include "query/query.h"

namespace muster::query {
namespace {

constexpr TimeMs kHorizonMs = 20LL * 366 * kDayMs;
// Moments at which the person is asked again at most: each binds the question anew.
constexpr int kMomentsMax = 1'000;
// Different windows of one question that are followed at most.
constexpr std::size_t kWindowsMax = 256;
constexpr TimeMs kNever = kAfterAllTimes;

// All times and days that are stored of a person.
struct StoredTimes {
  std::vector<TimeMs> times, event_times;
  std::vector<Date> days;

  void add(const Value& value) {
    if (const auto* time = std::get_if<Instant>(&value)) times.push_back(time->ms);
    if (const auto* day = std::get_if<Date>(&value)) days.push_back(*day);
  }
};

void add_event(const index::EventTable& table, const index::EventRun& run, std::uint32_t row,
               StoredTimes& into) {
  into.event_times.push_back(run.time.at(row));
  for (const auto& [name, property] : table.properties) {
    const Type type = property->type.type;
    if (type != Type::Timestamp && type != Type::Date) continue;
    if (property->type.list || property->number >= run.properties.size()) continue;
    const auto& column = run.properties[property->number];
    if (!column || !column->has(row)) continue;
    into.add(property->value_of_key(column->values.at(row), column->scale));
  }
}

StoredTimes stored_times(const index::Generation& generation, index::Ordinal ordinal) {
  StoredTimes found;
  for (const auto& [name, attribute] : generation.profiles.attributes) {
    if (attribute->type.type != Type::Timestamp && attribute->type.type != Type::Date) continue;
    for (const Value& value : attribute->values(ordinal)) found.add(value);
  }
  for (const auto& [name, table] : generation.events) {
    const index::EventBlock* const block = table->block(ordinal / index::kBlockSize);
    if (block == nullptr) continue;
    const auto who = static_cast<std::uint16_t>(ordinal % index::kBlockSize);
    for (const auto& run : block->runs) {
      for (const std::uint32_t row : run->rows_of(who)) add_event(*table, *run, row, found);
    }
  }
  return found;
}

// One end of a window, or a moment some time ago: where it stands, and what it may pass.
class End {
 public:
  End(const ClockUse::Moving& moving, bool is_from, const StoredTimes& stored)
      : moving_(moving), is_from_(is_from) {
    if (moving.is_anniversary) {
      days_ = stored.days;
      for (const TimeMs time : stored.times) days_.push_back(moving.zone.day_of(time));
      for (const TimeMs time : stored.event_times) days_.push_back(moving.zone.day_of(time));
      return;
    }
    passed_ = stored.times;
    passed_.insert(passed_.end(), stored.event_times.begin(), stored.event_times.end());
    for (const Date day : stored.days) passed_.push_back(moving.zone.start_of(day));
    std::sort(passed_.begin(), passed_.end());
  }

  // The first moment after `now` at which it has passed one more; kNever within the horizon.
  TimeMs next(TimeMs now) const {
    const TimeMs here = at(now);
    // The beginning has passed a time when it is behind it, the end when it has reached it.
    const TimeMs wanted = is_from_ ? first_from(here) + 1 : first_from(here + 1);
    if (wanted >= kNever || at(now + kHorizonMs) < wanted) return kNever;
    return first_moment_at(moving_, is_from_, wanted, now, now + kHorizonMs);
  }

 private:
  TimeMs at(TimeMs now) const { return end_at(moving_, is_from_, now); }

  // The first stored time, or day of a year to come, from a moment on.
  TimeMs first_from(TimeMs moment) const {
    if (!moving_.is_anniversary) {
      const auto found = std::lower_bound(passed_.begin(), passed_.end(), moment);
      return found == passed_.end() ? kNever : *found;
    }
    if (moment <= kTimeMin || moment >= kTimeMax) return kNever;
    TimeMs first = kNever;
    const int year = civil_of(moving_.zone.day_of(moment)).year;
    for (const Date day : days_) {
      for (const int in : {year, year + 1, year + 2}) {
        first = std::min(first, first_start_from(moment, civil_of(day), in).value_or(kNever));
      }
    }
    return first;
  }

  // 29 February is kept on a day beside it in other years: both are looked at.
  std::optional<TimeMs> first_start_from(TimeMs moment, CivilDay day, int year) const {
    const Date first = date_of({.year = year, .month = day.month, .day = std::min(day.day, 28U)});
    const auto offset = static_cast<std::int32_t>(day.day - std::min(day.day, 28U));
    for (const std::int32_t days : {offset - 1, offset, offset + 1}) {
      const TimeMs start = moving_.zone.start_of(Date{first.days + days});
      if (start >= moment) return start;
    }
    return std::nullopt;
  }

  const ClockUse::Moving moving_;
  const bool is_from_;
  std::vector<TimeMs> passed_;  // Ascending.
  std::vector<Date> days_;
};

Until not_known(std::string why) { return {.at = {}, .unknown = std::move(why)}; }

}  // namespace

Result<Until> until_when(const BoundQuery& query, index::Ordinal ordinal, const BindAt& bind_at,
                         const Budget& budget) {
  if (!query.clock_use.beyond_windows.empty()) return not_known(query.clock_use.beyond_windows);
  const std::vector<ClockUse::Moving> windows = different_windows(query.clock_use, kWindowsMax);
  if (windows.size() > kWindowsMax) return not_known("it has more than 256 different windows");
  const StoredTimes stored = stored_times(*query.generation, ordinal);
  std::vector<End> ends;
  for (const ClockUse::Moving& moving : windows) {
    for (const bool is_from : {true, false}) ends.emplace_back(moving, is_from, stored);
  }
  const auto too_long = [] { return not_known("finding it takes longer than is allowed"); };
  const auto holds = contains(query, ordinal, budget);
  if (!holds && exhausted(budget)) return too_long();
  if (!holds) return holds.error();
  TimeMs now = query.now;
  for (int moments = 0; moments < kMomentsMax; ++moments) {
    TimeMs next = kNever;
    for (const End& end : ends) next = std::min(next, end.next(now));
    if (next == kNever) return Until{};
    if (exhausted(budget)) return too_long();
    now = next;
    TRY_ASSIGN(const BoundQueryPtr then, bind_at(now));
    const auto holds_then = contains(*then, ordinal, budget);
    if (!holds_then && exhausted(budget)) return too_long();
    if (!holds_then) return holds_then.error();
    if (*holds_then != *holds) return Until{.at = now, .unknown = ""};
  }
  return not_known("more than 1,000 moments would have to be looked at");
}

}  // namespace muster::query
