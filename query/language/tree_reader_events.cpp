// Events, windows and sequences from JSON.
#include <fmt/format.h>

#include "query/language/tree_reader.h"
#include "query/language/words.h"

namespace muster::query {

Result<Events> TreeReader::events(const Json& json) {
  TRY(only(json, {"event", "any_event", "at", "where", "per", "having", "window"}));
  return event_fields(json);
}

Result<Events> TreeReader::event_fields(const Json& json) {
  Events events;
  TRY_ASSIGN(events.any_event, flag(json, "any_event"));
  const Json* const names = json.find("event");
  if ((names != nullptr) == events.any_event) {
    return wrong("either 'event' or \"any_event\": true is expected here", "event");
  }
  if (names != nullptr && names->kind == JsonKind::Array) {
    for (const Json& item : names->items) {
      TRY_ASSIGN(std::string name, string_of(item, "an event's name"));
      events.names.push_back(std::move(name));
    }
    if (events.names.empty()) return wrong("'event' names no event", "an event's name");
  } else if (names != nullptr) {
    TRY_ASSIGN(std::string name, string_of(*names, "an event's name"));
    events.names.push_back(std::move(name));
  }
  if (json.find("at") != nullptr) {
    TRY_ASSIGN(const std::string word, string(json, "at"));
    const auto edge = meaning_of(kEdges, word);
    if (!edge) return wrong("'at' is \"first\" or \"last\"", "first or last");
    events.edge = *edge;
  }
  TRY_ASSIGN(events.where, optional_child(json, "where", &TreeReader::predicate));
  TRY_ASSIGN(events.per, optional_child(json, "per", &TreeReader::value));
  TRY_ASSIGN(events.having, optional_child(json, "having", &TreeReader::predicate));
  if (events.having && !events.per) return wrong("'having' needs a 'per'", "per");
  TRY_ASSIGN(events.window, optional_window(json));
  return events;
}

Result<std::optional<Window>> TreeReader::optional_window(const Json& object) {
  const Json* const found = object.find("window");
  if (found == nullptr) return std::optional<Window>();
  const Inside inside(*this, "window");
  TRY_ASSIGN(Window read, window(*found));
  return std::optional<Window>(std::move(read));
}

Result<Window> TreeReader::window(const Json& json) {
  if (json.kind == JsonKind::Object && json.find("from") != nullptr) return window_of_times(json);
  if (json.kind != JsonKind::Object || json.items.size() != 1) {
    return wrong("a window is an object with one member, such as {\"in_last\": \"30d\"}",
                 "a window");
  }
  const Json& body = json.items.front();
  const Inside inside(*this, body.key);
  return window_by_word(body, body.key);
}

// {"from": time} or {"from": time, "to": time}
Result<Window> TreeReader::window_of_times(const Json& json) {
  TRY(only(json, {"from", "to"}));
  Window window{.kind = WindowKind::From};
  TRY_ASSIGN(window.time, time(*json.find("from")));
  if (const Json* const to = json.find("to")) {
    TRY_ASSIGN(window.time_end, time(*to));
  }
  return window;
}

Result<Window> TreeReader::window_by_word(const Json& json, std::string_view word) {
  Window window;
  if (word == "in_last" || word == "in_next" || word == "before_ago") {
    if (word == "in_next") window.kind = WindowKind::InNext;
    if (word == "before_ago") window.kind = WindowKind::BeforeAgo;
    TRY_ASSIGN(window.duration, duration(json));
  } else if (word == "in_last_calendar") {
    TRY(only(json, {"count", "unit"}));
    window.kind = WindowKind::InLastCalendar;
    TRY_ASSIGN(window.count, integer(json, "count", 1));
    TRY_ASSIGN(const Json* const unit, member(json, "unit"));
    TRY_ASSIGN(window.unit, calendar_unit(*unit));
  } else if (word == "today" || word == "yesterday") {
    TRY(only(json, {}));
    window.kind = word == "today" ? WindowKind::Today : WindowKind::Yesterday;
  } else if (word == "this" || word == "last") {
    window.kind = word == "this" ? WindowKind::This : WindowKind::Last;
    TRY_ASSIGN(window.unit, calendar_unit(json));
  } else if (word == "between_ago") {
    window.kind = WindowKind::BetweenAgo;
    if (json.kind != JsonKind::Array || json.items.size() != 2) {
      return wrong("two durations are expected here", "two durations");
    }
    TRY_ASSIGN(window.duration, duration(json.items[0]));
    TRY_ASSIGN(window.duration_end, duration(json.items[1]));
  } else if (word == "before" || word == "on") {
    window.kind = word == "on" ? WindowKind::On : WindowKind::Before;
    TRY_ASSIGN(window.time, time(json));
    if (word == "on" && !window.time->is_date) return wrong("'on' takes a date", "a date");
  } else if (word == "since") {
    window.kind = WindowKind::Since;
    TRY_ASSIGN(window.since, since(json));
  } else {
    return wrong_word(word,
                      {"in_last", "in_next", "in_last_calendar", "today", "yesterday", "this",
                       "last", "between_ago", "before_ago", "from", "before", "on", "since"},
                      "window");
  }
  return window;
}

Result<NodePtr> TreeReader::since(const Json& json) {
  TRY_ASSIGN(NodePtr node, value(json));
  const bool is_time = node->kind == NodeKind::LiteralValue &&
                       std::holds_alternative<TimeLiteral>(node->literals.front());
  if (is_time || node->kind == NodeKind::PathValue || node->kind == NodeKind::Aggregate) {
    return node;
  }
  return wrong("'since' takes a path, a date, a time or an aggregate", "a time");
}

// "30d": a whole number and one of s, m, h, d, w.
Result<Duration> TreeReader::duration(const Json& json) {
  const std::string_view text = json.kind == JsonKind::String ? json.text : std::string_view();
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits != std::string_view::npos && digits > 0) {
    const auto amount = parse_decimal(text.substr(0, digits));
    const auto unit = meaning_of(kDurationUnits, text.substr(digits));
    if (amount && unit) {
      const Duration duration{.amount = amount->mantissa, .unit = *unit};
      if (is_in_range(duration)) return duration;
      return wrong("a duration is at most 400 years", "a shorter duration");
    }
  }
  return wrong("a duration is a string such as \"30d\", in s, m, h, d or w", "a duration");
}

Result<Unit> TreeReader::calendar_unit(const Json& json) {
  const auto unit =
      json.kind == JsonKind::String ? meaning_of(kCalendarUnits, json.text) : std::nullopt;
  if (unit) return *unit;
  return wrong("a unit is \"day\", \"week\", \"month\", \"quarter\" or \"year\"", "a unit");
}

Result<NodePtr> TreeReader::sequence(const Json& json) {
  TRY(only(json, {"steps", "within", "window"}));
  Node node{.kind = NodeKind::Sequence};
  TRY_ASSIGN(const Json* const steps, member(json, "steps"));
  {
    const Inside inside(*this, "steps");
    if (steps->kind != JsonKind::Array || steps->items.empty()) {
      return wrong("a list of at least one step is expected here", "a list");
    }
    for (std::size_t i = 0; i < steps->items.size(); ++i) {
      const Inside item(*this, std::to_string(i));
      TRY_ASSIGN(SequenceStep read, step(steps->items[i], i));
      node.steps.push_back(std::move(read));
    }
  }
  if (const Json* const within = json.find("within")) {
    TRY_ASSIGN(node.within, duration(*within));
  }
  TRY_ASSIGN(node.window, optional_window(json));
  return make(std::move(node));
}

Result<SequenceStep> TreeReader::step(const Json& json, std::size_t index) {
  TRY(count_node());
  if (index == 0) {
    TRY(only(json, {"name", "event", "any_event", "at", "where"}));
  } else {
    TRY(only(json, {"name", "event", "any_event", "at", "where", "within", "without"}));
  }
  SequenceStep step;
  if (const Json* const name = json.find("name")) {
    TRY_ASSIGN(step.name, name_of(*name, "a step's name"));
  }
  TRY_ASSIGN(step.events, event_fields(json));
  if (const Json* const within = json.find("within")) {
    TRY_ASSIGN(step.within, duration(*within));
  }
  if (const Json* const without = json.find("without")) {
    const Inside inside(*this, "without");
    TRY_ASSIGN(step.without, events(*without));
  }
  return step;
}

}  // namespace muster::query
