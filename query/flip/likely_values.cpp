#include "query/flip/likely_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "query/plan/windows.h"

namespace muster::query {
namespace {

constexpr TimeMs kHourMs = 3'600'000;

// Adds values, each once, up to the limit.
template <typename T>
class Pool {
 public:
  void add(const T& value) {
    if (values_.size() >= kLikelyMax) return;
    if (std::find(values_.begin(), values_.end(), value) == values_.end()) {
      values_.push_back(value);
    }
  }
  std::vector<T> take() { return std::move(values_); }
  const std::vector<T>& values() const { return values_; }

 private:
  std::vector<T> values_;
};

// Calls visit(value) for everything that the person has anywhere.
template <typename Visit>
void for_each_value(const index::PersonRecord& person, const Visit& visit) {
  const auto take = [&](const index::FieldValues& fields) {
    for (const auto& [name, field] : fields) {
      for (const Value& value : field.values) visit(value);
    }
  };
  take(person.attributes);
  for (const index::EventRecord& event : person.events) take(event.properties);
}

std::vector<Decimal> numbers_of(const Hints& hints, const index::PersonRecord& person) {
  std::vector<Decimal> numbers;
  for (const Literal& literal : hints.literals) {
    if (const auto* number = std::get_if<Decimal>(&literal)) numbers.push_back(*number);
    if (const auto* real = std::get_if<double>(&literal); real && std::abs(*real) < 1e12) {
      numbers.push_back({static_cast<std::int64_t>(std::floor(*real)), 0});
    }
  }
  numbers.push_back({0, 0});
  for_each_value(person, [&](const Value& value) {
    if (const auto* number = std::get_if<Decimal>(&value)) numbers.push_back(*number);
    if (const auto* real = std::get_if<double>(&value); real && std::abs(*real) < 1e12) {
      numbers.push_back({static_cast<std::int64_t>(std::floor(*real)), 0});
    }
  });
  for (const std::int64_t power : {10LL, 1'000LL, 100'000LL, 10'000'000LL, 1'000'000'000LL}) {
    numbers.push_back({power, 0});
    numbers.push_back({-power, 0});
  }
  return numbers;
}

// The number at a scale, rounded down; nothing when it does not fit.
std::optional<std::int64_t> floor_at(Decimal number, std::uint8_t scale) {
  if (number.scale <= scale) return mantissa_at(number, scale);
  const std::int64_t divisor = power_of_ten(number.scale - scale);
  const std::int64_t whole = number.mantissa / divisor;
  return whole - (number.mantissa % divisor < 0 ? 1 : 0);
}

std::vector<Value> likely_numbers(const index::FieldType& type, const Hints& hints,
                                  const index::PersonRecord& person) {
  const std::uint8_t scale = type.type == Type::Decimal ? type.scale : 0;
  const std::int64_t one = power_of_ten(scale);
  Pool<std::int64_t> pool;
  for (const Decimal& number : numbers_of(hints, person)) {
    const auto floor = floor_at(number, scale);
    if (!floor || std::abs(*floor) > std::numeric_limits<std::int64_t>::max() / 4) continue;
    for (const std::int64_t near : {*floor, *floor + 1, *floor - 1, *floor + one, *floor - one}) {
      pool.add(near);
    }
  }
  std::vector<Value> values;
  for (const std::int64_t mantissa : pool.values()) {
    if (type.type == Type::Double) {
      values.emplace_back(static_cast<double>(mantissa));
    } else {
      values.emplace_back(Decimal{mantissa, scale});
    }
  }
  return values;
}

std::vector<Value> likely_reals(const Hints& hints, const index::PersonRecord& person) {
  std::vector<Value> values;
  const auto take = [&](double real) {
    for (const double near : {real, real + 0.25, real - 0.25}) values.emplace_back(near);
  };
  for (const Literal& literal : hints.literals) {
    if (const auto* real = std::get_if<double>(&literal)) take(*real);
    if (const auto* number = std::get_if<Decimal>(&literal)) {
      const auto divisor = static_cast<double>(power_of_ten(number->scale));
      take(static_cast<double>(number->mantissa) / divisor);
    }
  }
  for_each_value(person, [&](const Value& value) {
    if (const auto* real = std::get_if<double>(&value)) take(*real);
  });
  const auto whole = likely_numbers({Type::Double}, hints, person);
  values.insert(values.end(), whole.begin(), whole.end());
  if (values.size() > kLikelyMax) values.resize(kLikelyMax);
  return values;
}

std::vector<Value> likely_texts(const Hints& hints, const index::PersonRecord& person) {
  Pool<std::string> pool;
  for (const Literal& literal : hints.literals) {
    if (const auto* text = std::get_if<std::string>(&literal)) pool.add(*text);
  }
  const auto mentioned = pool.values();
  pool.add("none of them");
  for_each_value(person, [&](const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) pool.add(*text);
  });
  for (const std::string& text : mentioned) {
    pool.add(text + "x");
    pool.add("x" + text);
  }
  pool.add("");
  std::vector<Value> values;
  for (std::string& text : pool.take()) values.emplace_back(std::move(text));
  return values;
}

std::vector<Value> likely_days(const Hints& hints, const index::PersonRecord& person,
                               const Clock& clock) {
  Pool<std::int32_t> pool;
  const auto take = [&](Date day) {
    for (const std::int32_t near : {day.days, day.days - 1, day.days + 1}) pool.add(near);
  };
  for_each_value(person, [&](const Value& value) {
    if (const auto* day = std::get_if<Date>(&value); day && pool.values().size() < kLikelyMax / 4) {
      take(*day);
    }
  });
  for (const TimeMs time : likely_times(hints, person, clock)) take(clock.zone.day_of(time));
  std::vector<Value> values;
  for (const std::int32_t day : pool.values()) values.emplace_back(Date{day});
  return values;
}

void add_moments_of_windows(const Hints& hints, const Clock& clock, Pool<TimeMs>& pool) {
  for (const Window& window : hints.windows) {
    if (window.since && window.since->kind != NodeKind::LiteralValue) continue;
    const auto range = range_of(window, clock.now, clock.zone);
    if (!range) continue;
    const TimeMs from = std::max(range->from, clock.now - 3 * 366 * kDayMs);
    const TimeMs to = std::min(range->to, clock.now + 366 * kDayMs);
    pool.add(std::min(to, clock.now));
    for (const TimeMs time : {from, from + (to - from) / 2, from - 1, to, to + 1, from + 1}) {
      pool.add(time);
      for (int years = 1; hints.has_anniversaries && years < 5; ++years) {
        pool.add(time - years * 365 * kDayMs - kDayMs);
        pool.add(time - years * 365 * kDayMs);
      }
    }
  }
}

void add_moments_of_parts(const Hints& hints, const Clock& clock, Pool<TimeMs>& pool) {
  for (const Literal& literal : hints.literals) {
    const auto* number = std::get_if<Decimal>(&literal);
    if (!number || number->scale != 0 || number->mantissa < 1'700 || number->mantissa > 2'200) {
      continue;
    }
    const auto new_year = parse_date(std::to_string(number->mantissa) + "-01-01");
    if (new_year) pool.add(clock.zone.start_of({new_year->days + 180}));
  }
  for (int i = 1; i < 24; ++i) pool.add(clock.now - i * kHourMs);
  for (int i = 1; i < 31; ++i) pool.add(clock.now - i * kDayMs);
  for (int i = 1; i < 13; ++i) pool.add(clock.now - i * 30 * kDayMs);
  for (int i = 2; i < 10; ++i) pool.add(clock.now - i * 366 * kDayMs);
}

}  // namespace

std::vector<TimeMs> likely_times(const Hints& hints, const index::PersonRecord& person,
                                 const Clock& clock) {
  Pool<TimeMs> pool;
  add_moments_of_windows(hints, clock, pool);
  for (const Literal& literal : hints.literals) {
    const auto* time = std::get_if<TimeLiteral>(&literal);
    if (time == nullptr) continue;
    const auto moment = moment_of(*time, clock.zone, {});
    if (!moment) continue;
    const Date* const day = std::get_if<Date>(&*moment);
    const TimeMs start = day ? clock.zone.start_of(*day) : std::get<TimeMs>(*moment);
    for (const TimeMs near : {start, start - 1, start + 1}) pool.add(near);
    if (day) pool.add(clock.zone.start_of({day->days + 1}));
  }
  for (const TimeMs near : {clock.now, clock.now - 1'000, clock.now - kDayMs, clock.now + 1}) {
    pool.add(near);
  }
  if (hints.has_date_parts) add_moments_of_parts(hints, clock, pool);
  const auto take = [&](TimeMs time) {
    for (const TimeMs near : {time, time - 1, time + 1}) pool.add(near);
    for (const TimeMs span : hints.spans) {
      pool.add(time + span);
      pool.add(time - span);
    }
  };
  for (auto event = person.events.rbegin(); event != person.events.rend(); ++event) {
    take(event->time);
  }
  for_each_value(person, [&](const Value& value) {
    if (const auto* time = std::get_if<Instant>(&value)) take(time->ms);
    if (const auto* day = std::get_if<Date>(&value)) take(clock.zone.start_of(*day));
  });
  auto times = pool.take();
  std::erase_if(times, [](TimeMs time) { return time < kTimeMin || time > kTimeMax; });
  return times;
}

std::vector<Value> likely_values(const index::FieldType& type, const Hints& hints,
                                 const index::PersonRecord& person, const Clock& clock) {
  std::vector<Value> values;
  switch (type.type) {
    case Type::Bool: return {true, false};
    case Type::Int:
    case Type::Decimal: return likely_numbers(type, hints, person);
    case Type::Double: return likely_reals(hints, person);
    case Type::String: return likely_texts(hints, person);
    case Type::Date: return likely_days(hints, person, clock);
    case Type::Timestamp:
      for (const TimeMs time : likely_times(hints, person, clock)) {
        values.emplace_back(Instant{time});
      }
      return values;
    case Type::Geo:
      for (const GeoPoint& point : hints.points) values.emplace_back(point);
      return values;
    case Type::Json: return {};
  }
  return values;
}

}  // namespace muster::query
