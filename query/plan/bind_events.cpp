// Aggregates over events, and `did`.
//
// Each event name is a source of its own: its `where` and its value are bound to its own table,
// after the types have been checked over all of them.
#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "base/system_names.h"
#include "query/language/language.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

using index::EventTable;

std::string_view word_of(AggregateKind kind) {
  switch (kind) {
    case AggregateKind::Count: return "count";
    case AggregateKind::Sum: return "sum";
    case AggregateKind::Avg: return "avg";
    case AggregateKind::Min: return "min";
    case AggregateKind::Max: return "max";
    case AggregateKind::Distinct: return "distinct";
    case AggregateKind::P50: return "p50";
    case AggregateKind::P95: return "p95";
    case AggregateKind::MostCommon: return "most_common";
    case AggregateKind::First: return "first";
    case AggregateKind::Last: return "last";
  }
  return "";
}

bool takes(AggregateKind aggregate, ValueKind kind) {
  const bool is_number = kind == ValueKind::Exact || kind == ValueKind::Real;
  const bool is_ordered = is_number || kind == ValueKind::Time || kind == ValueKind::Date;
  switch (aggregate) {
    case AggregateKind::Sum:
    case AggregateKind::Avg: return is_number;
    case AggregateKind::Min:
    case AggregateKind::Max:
    case AggregateKind::P50:
    case AggregateKind::P95: return is_ordered;
    default: return kind != ValueKind::Geo;
  }
}

// What the codes of a text value mean.
index::Dictionary dictionary_of(const BoundValue& value) {
  if (value.kind == BoundValueKind::Field) return value.field->dictionary;
  index::DictionaryWriter one;
  one.add(value.text);
  return one.snapshot();
}

}  // namespace

bool Binder::is_event_known(const std::string& name) const {
  const index::Generation& generation = *context_.generation;
  if (generation.event_table(name) != nullptr) return true;
  const std::string prefix = name + ".";
  const auto begins = [&](const auto& keys) {
    const auto found = keys.lower_bound(prefix);
    return found != keys.end() && found->first.starts_with(prefix);
  };
  return begins(generation.schema->fields) || begins(generation.schema->references);
}

Result<Tables> Binder::tables_of(const Events& events) {
  const auto& known = context_.generation->events;
  Tables tables;
  if (events.any_event) {
    for (const auto& [name, table] : known) {
      if (!is_system_event(name)) tables.push_back(table);
    }
    return tables;
  }
  std::vector<std::string> names;
  for (const std::string& written : events.names) names.push_back(to_nfc(written));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (const auto segment = moved_segment(name)) TRY(check_segment(*segment, events.place));
    if (const auto found = known.find(name); found != known.end()) {
      tables.push_back(found->second);
      continue;
    }
    if (!is_event_known(name) && !context_.allow_unknown && !is_system_event(name)) {
      std::vector<std::string> candidates;
      for (const auto& [each, table] : known) {
        if (!is_system_event(each)) candidates.push_back(each);
      }
      return unknown_name(events.place, "event", name, candidates);
    }
    // Declared and not seen so far: nobody did it.
    auto empty = std::make_shared<EventTable>();
    empty->name = name;
    tables.push_back(std::move(empty));
  }
  return tables;
}

Result<BoundNodePtr> Binder::did(const NodePtr& node, const Scope& scope) {
  // did e is count(e) >= 1, and shares the count.
  auto count = std::make_shared<Node>();
  count->kind = NodeKind::Aggregate;
  count->aggregate = AggregateKind::Count;
  count->has_events = true;
  count->events = node->events;
  count->place = node->place;
  TRY_ASSIGN(const BoundAggregatePtr counted, aggregate(count, scope));
  BoundNodePtr made = make_node(BoundKind::AggregateTest, node);
  made->aggregate = counted;
  made->ranges = node->negated ? RangeSet::exactly(0) : RangeSet::at_least(1);
  return made;
}

Result<BoundAggregatePtr> Binder::aggregate(const NodePtr& node, const Scope& scope) {
  const std::string word(word_of(node->aggregate));
  if (scope.in_group && !node->has_events) return group_aggregate(node, scope);
  if (!scope.is_among_people()) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "an aggregate of events asks about people and cannot stand inside 'where' "
                    "or 'having'",
                    "a condition on the event or the group");
  }
  if (!node->has_events) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    word + "() needs the events it is about, as in " + word +
                        "(... of \"purchase\")",
                    "of and events");
  }
  const Hash128 hash = canonical_hash(node);
  const std::string key =
      std::to_string(hash.high) + "." + std::to_string(hash.low) + " " + scope.zone.name();
  if (const auto known = aggregates_.find(key); known != aggregates_.end()) return known->second;
  TRY_ASSIGN(BoundAggregatePtr made, make_aggregate(node, scope));
  aggregates_[key] = made;
  return made;
}

Result<std::vector<EventSource>> Binder::sources_of(const Tables& tables, const NodePtr& where,
                                                    const NodePtr& value_node, const Zone& zone) {
  std::vector<EventSource> sources;
  for (const auto& table : tables) {
    const Scope rows{.zone = zone, .table = table, .siblings = tables};
    EventSource source{.table = table};
    if (where) {
      TRY_ASSIGN(source.where, predicate(where, rows));
    }
    if (value_node) {
      TRY_ASSIGN(source.value, value(value_node, rows));
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

// The first or last times that `at first` and `at last` mean; null without either.
Result<BoundAggregatePtr> Binder::edge_of(const Events& events, const Tables& tables) {
  if (events.edge == EdgeOfHistory::Whole) return BoundAggregatePtr();
  auto edge = std::make_shared<BoundAggregate>();
  const bool is_first = events.edge == EdgeOfHistory::AtFirst;
  edge->kind = is_first ? AggregateKind::First : AggregateKind::Last;
  edge->type = ValueKind::Time;
  edge->from = kBeforeAllTimes;
  edge->to = context_.now;
  for (const auto& table : tables) edge->sources.push_back({.table = table});
  return BoundAggregatePtr(std::move(edge));
}

namespace {

// As many groups as there are keys: `count("visit" per sku)` is `distinct(sku of "visit")`.
void count_keys(BoundAggregate& groups) {
  const BoundAggregatePtr key = groups.grouping->key;
  groups.kind = AggregateKind::Distinct;
  groups.type = key->type;
  groups.scale = key->scale;
  groups.is_fraction = key->is_fraction;
  groups.dictionary = key->dictionary;
  for (std::size_t s = 0; s < groups.sources.size(); ++s) {
    groups.sources[s].value = key->sources[s].value;
    groups.sources[s].recode = key->sources[s].recode;
  }
  groups.grouping = nullptr;
}

}  // namespace

void Binder::note_reach(const Events& events, TimeMs from) {
  const TimeMs since = context_.generation->events_since;
  if (since == kTimeMin) return;
  const bool is_about_first = events.edge == EdgeOfHistory::AtFirst;
  if (from >= since && !is_about_first) return;
  std::string names;
  for (const std::string& name : events.names) {
    names += (names.empty() ? "\"" : "\" or \"") + name;
  }
  warnings_.push_back("events are kept from " + to_rfc3339(since) + " on, and what is asked of " +
                      (names.empty() ? std::string("any event") : names + "\"") +
                      " reaches back further");
}

Result<BoundAggregatePtr> Binder::make_aggregate(const NodePtr& node, const Scope& scope) {
  const NodePtr value_node = node->children.empty() ? nullptr : node->children[0];
  auto made = std::make_shared<BoundAggregate>();
  made->kind = node->aggregate;
  made->source = node;
  TRY_ASSIGN(const EventWindow window, event_window(node->events.window, scope));
  made->from = window.range.from;
  made->to = window.range.to;
  made->since = window.since;
  made->zone = scope.zone;
  note_reach(node->events, made->from);
  TRY_ASSIGN(const Tables tables, tables_of(node->events));
  TRY_ASSIGN(made->sources, sources_of(tables, node->events.where, value_node, scope.zone));
  TRY(settle_type(*made, value_node));
  TRY_ASSIGN(made->edge, edge_of(node->events, tables));
  if (node->events.per) {
    TRY_ASSIGN(made->grouping, grouping_of(node->events, tables, scope.zone));
    if (made->kind == AggregateKind::Count && !made->grouping->having) count_keys(*made);
  }
  return BoundAggregatePtr(std::move(made));
}

Result<std::shared_ptr<const BoundGrouping>> Binder::grouping_of(const Events& events,
                                                                 const Tables& tables,
                                                                 const Zone& zone) {
  auto grouping = std::make_shared<BoundGrouping>();
  auto key = std::make_shared<BoundAggregate>();
  key->kind = AggregateKind::Distinct;
  TRY_ASSIGN(key->sources, sources_of(tables, nullptr, events.per, zone));
  TRY(settle_type(*key, events.per));
  grouping->key = std::move(key);
  if (events.having) {
    const Scope group{.zone = zone, .table = nullptr, .siblings = tables, .in_group = true};
    TRY_ASSIGN(grouping->having, predicate(events.having, group));
  }
  return std::shared_ptr<const BoundGrouping>(std::move(grouping));
}

// An aggregate inside `having`: over the events of one group.
Result<BoundAggregatePtr> Binder::group_aggregate(const NodePtr& node, const Scope& scope) {
  const NodePtr value_node = node->children.empty() ? nullptr : node->children[0];
  auto made = std::make_shared<BoundAggregate>();
  made->kind = node->aggregate;
  made->source = node;
  TRY_ASSIGN(made->sources, sources_of(scope.siblings, nullptr, value_node, scope.zone));
  TRY(settle_type(*made, value_node));
  return BoundAggregatePtr(std::move(made));
}

// One kind, scale and dictionary over all sources.
Status Binder::settle_type(BoundAggregate& aggregate, const NodePtr& value_node) {
  if (!value_node) {
    const bool is_time = aggregate.kind == AggregateKind::First ||
                         aggregate.kind == AggregateKind::Last;
    aggregate.type = is_time ? ValueKind::Time : ValueKind::Exact;
    return Ok{};
  }
  const Place& place = value_node->place;
  const std::string word(word_of(aggregate.kind));
  bool known = false;
  for (const EventSource& source : aggregate.sources) {
    const ValueKind kind = source.value->type;
    if (kind == ValueKind::Unknown) continue;
    if (known && kind != aggregate.type) {
      return error_at(ErrorCode::InvalidArgument, place,
                      word + "() would mix " + std::string(describe(aggregate.type)) + " and " +
                          std::string(describe(kind)) + " of another kind",
                      "values of one kind");
    }
    if (!takes(aggregate.kind, kind)) {
      return error_at(ErrorCode::InvalidArgument, place,
                      word + "() cannot take " + std::string(describe(kind)), "a number");
    }
    aggregate.type = kind;
    if (kind == ValueKind::Exact) {
      aggregate.is_fraction = aggregate.is_fraction || !source.value->scale;
      aggregate.scale = std::max(aggregate.scale, source.value->scale.value_or(0));
    }
    known = true;
  }
  const bool is_zero_of_nothing = aggregate.kind == AggregateKind::Sum ||
                                  aggregate.kind == AggregateKind::Distinct;
  if (!known && !is_zero_of_nothing) aggregate.type = ValueKind::Unknown;
  if (aggregate.type == ValueKind::Text) settle_texts(aggregate);
  return Ok{};
}

// One dictionary over all sources: a text has one code wherever it stands.
void Binder::settle_texts(BoundAggregate& aggregate) {
  if (aggregate.sources.size() == 1) {
    aggregate.dictionary = dictionary_of(*aggregate.sources[0].value);
    return;
  }
  index::DictionaryWriter shared;
  for (EventSource& source : aggregate.sources) {
    if (source.value->type == ValueKind::Unknown) continue;
    const index::Dictionary own = dictionary_of(*source.value);
    auto codes = std::make_shared<std::vector<std::uint32_t>>();
    codes->reserve(own.size());
    for (std::uint32_t code = 0; code < own.size(); ++code) {
      codes->push_back(shared.add(own.key(code)));
    }
    source.recode = std::move(codes);
  }
  aggregate.dictionary = shared.snapshot();
}

}  // namespace muster::query
