#include "tests/support/naive_aggregate.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"

namespace muster::testing {
namespace {

using query::AggregateKind;
using query::Node;

using EventList = std::vector<const PlainEvent*>;

struct Less {
  bool operator()(const NaiveValue& a, const NaiveValue& b) const { return naive_less(a, b); }
};

Scope at_event(const Scope& scope, const PlainEvent& event) {
  Scope inner = scope;
  inner.event = &event;
  inner.group = nullptr;
  return inner;
}

bool is_named(const query::Events& events, const std::string& name) {
  if (events.any_event) return !name.starts_with("$");
  return std::find(events.names.begin(), events.names.end(), name) != events.names.end();
}

// Only those at the earliest or latest time ever.
EventList at_edge(EventList events, query::EdgeOfHistory edge) {
  if (edge == query::EdgeOfHistory::Whole || events.empty()) return events;
  const auto earlier = [](const PlainEvent* a, const PlainEvent* b) { return a->time < b->time; };
  const TimeMs time = edge == query::EdgeOfHistory::AtFirst
                          ? (*std::min_element(events.begin(), events.end(), earlier))->time
                          : (*std::max_element(events.begin(), events.end(), earlier))->time;
  std::erase_if(events, [time](const PlainEvent* event) { return event->time != time; });
  return events;
}

// Events without the value that groups are made by are in no group.
std::vector<EventList> groups_of(const Scope& scope, const query::Events& asked) {
  std::map<NaiveValue, EventList, Less> by_value;
  for (const PlainEvent* event : naive_events(scope, asked)) {
    const NaiveValue value = naive_value_of(at_event(scope, *event), *asked.per);
    if (!std::holds_alternative<Missing>(value)) by_value[value].push_back(event);
  }
  std::vector<EventList> groups;
  for (const auto& [unused, group] : by_value) {
    Scope inner = scope;
    inner.group = &group;
    if (asked.having == nullptr || naive_test(inner, *asked.having)) groups.push_back(group);
  }
  return groups;
}

Rational exact(const NaiveValue& number) {
  if (const double* real = std::get_if<double>(&number)) return Rational(*real);
  return std::get<Rational>(number);
}

NaiveValue sum_of(const std::vector<NaiveValue>& values) {
  Rational total = 0;
  for (const NaiveValue& value : values) total += exact(value);
  const bool real = !values.empty() && std::holds_alternative<double>(values.front());
  if (real) return total.convert_to<double>();
  return total;
}

NaiveValue average_of(const std::vector<NaiveValue>& values) {
  if (values.empty()) return Missing();
  const NaiveValue total = sum_of(values);
  if (const double* real = std::get_if<double>(&total)) {
    return *real / static_cast<double>(values.size());
  }
  return Rational(std::get<Rational>(total) / static_cast<int>(values.size()));
}

// Nearest rank: the smallest value that at least `percent` of the values do not exceed.
NaiveValue percentile_of(std::vector<NaiveValue> values, std::size_t percent) {
  if (values.empty()) return Missing();
  std::sort(values.begin(), values.end(), naive_less);
  const std::size_t rank = (percent * values.size() + 99) / 100;
  return values[std::max<std::size_t>(rank, 1) - 1];
}

NaiveValue most_common_of(const std::vector<NaiveValue>& values) {
  std::map<NaiveValue, int, Less> times;
  for (const NaiveValue& value : values) ++times[value];
  NaiveValue best;
  int most = 0;
  for (const auto& [value, count] : times) {
    if (count > most) best = value;
    most = std::max(most, count);
  }
  return best;
}

// Of the events that have the value: at the earliest or latest time, the smallest value.
NaiveValue edge_value(const Scope& scope, const EventList& events, const Node& node) {
  const bool first = node.aggregate == AggregateKind::First;
  std::optional<TimeMs> best_time;
  NaiveValue best;
  for (const PlainEvent* event : events) {
    const NaiveValue value = node.children.empty()
                                 ? NaiveValue(Instant{event->time})
                                 : naive_value_of(at_event(scope, *event), *node.children[0]);
    if (std::holds_alternative<Missing>(value)) continue;
    const bool better = !best_time || (first ? event->time < *best_time : event->time > *best_time);
    if (better || (event->time == *best_time && naive_less(value, best))) best = value;
    if (better) best_time = event->time;
  }
  return best;
}

NaiveValue distinct_of(const std::vector<NaiveValue>& values) {
  return Rational(std::set<NaiveValue, Less>(values.begin(), values.end()).size());
}

NaiveValue extreme_of(const std::vector<NaiveValue>& values, AggregateKind kind) {
  if (values.empty()) return Missing();
  return kind == AggregateKind::Min ? *std::min_element(values.begin(), values.end(), naive_less)
                                    : *std::max_element(values.begin(), values.end(), naive_less);
}

NaiveValue aggregate_of(const Scope& scope, const EventList& events, const Node& node) {
  if (node.aggregate == AggregateKind::Count) return Rational(events.size());
  if (node.aggregate == AggregateKind::First || node.aggregate == AggregateKind::Last) {
    return edge_value(scope, events, node);
  }
  std::vector<NaiveValue> values;
  for (const PlainEvent* event : events) {
    NaiveValue value = naive_value_of(at_event(scope, *event), *node.children[0]);
    if (!std::holds_alternative<Missing>(value)) values.push_back(std::move(value));
  }
  switch (node.aggregate) {
    case AggregateKind::Sum: return sum_of(values);
    case AggregateKind::Avg: return average_of(values);
    case AggregateKind::Min:
    case AggregateKind::Max: return extreme_of(values, node.aggregate);
    case AggregateKind::Distinct: return distinct_of(values);
    case AggregateKind::P50: return percentile_of(values, 50);
    case AggregateKind::P95: return percentile_of(values, 95);
    case AggregateKind::MostCommon: return most_common_of(values);
    default: CHECK(!"every aggregate is known");
  }
}

}  // namespace

EventList naive_events(const Scope& scope, const query::Events& asked) {
  EventList found;
  for (const PlainEvent& event : scope.person->events) {
    if (event.time <= scope.context->now && is_named(asked, event.name)) found.push_back(&event);
  }
  found = at_edge(std::move(found), asked.edge);
  if (asked.window) {
    const Span span = naive_window(scope, *asked.window);
    std::erase_if(found, [&span](const PlainEvent* e) { return !span.contains(e->time); });
  }
  if (asked.where != nullptr) {
    std::erase_if(found, [&](const PlainEvent* event) {
      return !naive_test(at_event(scope, *event), *asked.where);
    });
  }
  return found;
}

EventList naive_events_in_groups(const Scope& scope, const query::Events& asked) {
  if (asked.per == nullptr) return naive_events(scope, asked);
  EventList all;
  for (const EventList& group : groups_of(scope, asked)) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

bool naive_did(const Scope& scope, const query::Events& events) {
  return events.per != nullptr ? !groups_of(scope, events).empty()
                               : !naive_events(scope, events).empty();
}

NaiveValue naive_aggregate(const Scope& scope, const Node& node) {
  if (!node.has_events) {
    CHECK(scope.group != nullptr);
    return aggregate_of(scope, *scope.group, node);
  }
  if (node.events.per != nullptr && node.aggregate == AggregateKind::Count) {
    return Rational(groups_of(scope, node.events).size());
  }
  return aggregate_of(scope, naive_events_in_groups(scope, node.events), node);
}

}  // namespace muster::testing
