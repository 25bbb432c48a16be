#include "tests/support/naive_scope.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "base/time.h"

namespace muster::testing {
namespace {

using query::Unit;
using query::Window;
using query::WindowKind;

std::string joined(std::span<const std::string> names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ".") + name;
  return out;
}

const PlainField* field_named(const PlainFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : &found->second;
}

PlainField one(Value value) { return {.list = false, .values = {std::move(value)}}; }

// A field found in the data, or made up: the id, the time, the name.
using Found = std::optional<PlainField>;

Found copy_of(const PlainField* field) {
  return field == nullptr ? std::nullopt : std::optional(*field);
}

// The rest of `path` at the entity its first name refers to.
Found referred(const Scope& scope, const std::string& table, const PlainFields& fields,
               const query::Path& path) {
  const std::string& first = path.names.front();
  for (const auto& [key, entity] : scope.data->references) {
    if (!key.starts_with(table + ".")) continue;
    const std::string field = key.substr(table.size() + 1);
    if (first != entity && first != field) continue;
    const PlainField* id = field_named(fields, field);
    if (id == nullptr) return std::nullopt;
    const auto rows = scope.data->entities.find(entity);
    if (rows == scope.data->entities.end()) return std::nullopt;
    const auto row = rows->second.find(std::get<std::string>(id->values.front()));
    if (row == rows->second.end()) return std::nullopt;
    return copy_of(field_named(row->second, joined(std::span(path.names).subspan(1))));
  }
  return std::nullopt;
}

bool some_event_has(const Scope& scope, const std::string& property) {
  for (const auto& [key, unused] : scope.data->fields) {
    if (!key.starts_with("profiles.") && key.ends_with("." + property)) return true;
  }
  return false;
}

Found person_field(const Scope& scope, const query::Path& path) {
  const std::string whole = joined(path.names);
  if (whole == "profile_id") return one(scope.person->id);
  if (path.names.size() > 1 && !scope.data->fields.contains("profiles." + whole)) {
    return referred(scope, "profiles", scope.person->attributes, path);
  }
  return copy_of(field_named(scope.person->attributes, whole));
}

Found event_field(const Scope& scope, const query::Path& path) {
  const PlainEvent& event = *scope.event;
  const auto step = scope.steps.find(path.names.front());
  if (step != scope.steps.end() && path.names.size() > 1) {
    Scope earlier = scope;
    earlier.event = step->second;
    return event_field(earlier, query::Path{{path.names.begin() + 1, path.names.end()}});
  }
  const std::string whole = joined(path.names);
  if (whole == "ts") return one(Instant{event.time});
  if (whole == "type") return one(event.name);
  if (whole == "event_id") return event.id.empty() ? std::nullopt : std::optional(one(event.id));
  if (path.names.size() == 1 || some_event_has(scope, whole)) {
    return copy_of(field_named(event.properties, whole));
  }
  if (path.names.front() == "profile") {
    return person_field(scope, query::Path{{path.names.begin() + 1, path.names.end()}});
  }
  return referred(scope, event.name, event.properties, path);
}

Found field_at(const Scope& scope, const query::Path& path) {
  if (scope.object != nullptr) return copy_of(field_named(*scope.object, joined(path.names)));
  return scope.event != nullptr ? event_field(scope, path) : person_field(scope, path);
}

// The first day of the calendar unit that `day` is in, moved by `units` of them.
Date unit_start(Date day, Unit unit, std::int64_t units) {
  CivilDay civil = civil_of(day);
  const auto months = [&civil](std::int64_t first_month, std::int64_t by) {
    const std::int64_t index = civil.year * 12LL + first_month - 1 + by;
    return date_of({static_cast<int>(index / 12), static_cast<unsigned>(index % 12 + 1), 1});
  };
  switch (unit) {
    case Unit::Day: return Date{day.days + static_cast<std::int32_t>(units)};
    case Unit::Week: {
      const int monday = day.days - static_cast<int>(weekday_of(day)) + 1;
      return Date{monday + static_cast<std::int32_t>(7 * units)};
    }
    case Unit::Month: return months(civil.month, units);
    case Unit::Quarter: return months((civil.month - 1) / 3 * 3 + 1, 3 * units);
    case Unit::Year: return months(1, 12 * units);
    default: CHECK(!"calendar windows count days to years");
  }
}

std::int64_t milliseconds(const query::Duration& duration) {
  switch (duration.unit) {
    case Unit::Second: return duration.amount * 1'000;
    case Unit::Minute: return duration.amount * 60'000;
    case Unit::Hour: return duration.amount * 3'600'000;
    case Unit::Day: return duration.amount * 86'400'000;
    case Unit::Week: return duration.amount * 604'800'000;
    default: CHECK(!"durations count seconds to weeks");
  }
}

// Whole local units from the one `first` away from today's up to the one `end` away, without it.
Span whole_units(const Scope& scope, Unit unit, std::int64_t first, std::int64_t end) {
  const Date today = scope.zone->day_of(scope.context->now);
  return {.from = scope.zone->start_of(unit_start(today, unit, first)),
          .before = scope.zone->start_of(unit_start(today, unit, end))};
}

TimeMs moment_of(const NaiveValue& time, const NaiveZone& zone) {
  if (const Instant* instant = std::get_if<Instant>(&time)) return instant->ms;
  return zone.start_of(std::get<Date>(time));
}

}  // namespace

std::vector<NaiveValue> naive_path(const Scope& scope, const query::Path& path) {
  std::vector<NaiveValue> out;
  const Found field = field_at(scope, path);
  if (!field) return out;
  for (const Value& value : field->values) out.push_back(naive_value(value));
  std::sort(out.begin(), out.end(), naive_less);
  const auto same = [](const NaiveValue& a, const NaiveValue& b) {
    return !naive_less(a, b) && !naive_less(b, a);
  };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

std::vector<PlainFields> naive_objects(const Scope& scope, const query::Path& path) {
  const Found field = field_at(scope, path);
  return field ? field->objects : std::vector<PlainFields>();
}

NaiveValue naive_time(const Scope& scope, const query::TimeLiteral& literal) {
  if (literal.is_date) {
    const auto day = parse_date(literal.text);
    CHECK(day);
    return *day;
  }
  // Read as UTC twice, once with a zone added: equal means that the text has no zone of its own.
  const auto plain = parse_time(literal.text, Zone());
  CHECK(plain);
  const bool local = parse_time(literal.text + "Z", Zone()).has_value();
  return Instant{local ? scope.zone->utc_of(*plain) : *plain};
}

Span naive_span(const Scope& scope, const Window& window, const NaiveValue& since) {
  const TimeMs now = scope.context->now;
  const auto moment = [&scope](const std::optional<query::TimeLiteral>& literal) {
    return moment_of(naive_time(scope, *literal), *scope.zone);
  };
  switch (window.kind) {
    case WindowKind::InLast: return {.from = now - milliseconds(window.duration), .until = now};
    case WindowKind::InNext: return {.from = now, .until = now + milliseconds(window.duration)};
    case WindowKind::InLastCalendar: {
      Span span = whole_units(scope, window.unit, 1 - window.count, 1);
      return {.from = span.from, .until = now};
    }
    case WindowKind::Today: return whole_units(scope, Unit::Day, 0, 1);
    case WindowKind::Yesterday: return whole_units(scope, Unit::Day, -1, 0);
    case WindowKind::This: return whole_units(scope, window.unit, 0, 1);
    case WindowKind::Last: return whole_units(scope, window.unit, -1, 0);
    case WindowKind::BetweenAgo:
      return {.from = now - milliseconds(window.duration),
              .before = now - milliseconds(window.duration_end)};
    case WindowKind::BeforeAgo: return {.before = now - milliseconds(window.duration)};
    case WindowKind::From: {
      Span span{.from = moment(window.time)};
      if (window.time_end) span.before = moment(window.time_end);
      return span;
    }
    case WindowKind::Before: return {.before = moment(window.time)};
    case WindowKind::On: {
      const Date day = std::get<Date>(naive_time(scope, *window.time));
      return {.from = scope.zone->start_of(day),
              .before = scope.zone->start_of(Date{day.days + 1})};
    }
    case WindowKind::Since:
      if (std::holds_alternative<Missing>(since)) return {.empty = true};
      return {.from = moment_of(since, *scope.zone), .until = now};
  }
  CHECK(!"every window has a span");
}

}  // namespace muster::testing
