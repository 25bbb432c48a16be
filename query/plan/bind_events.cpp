// Aggregates over events, and `did`.
//
// Each event name is a source of its own: its `where` and its value are bound to its own table,
// after the types have been checked over all of them.
#include <algorithm>

#include "base/text.h"
#include "query/language/language.h"
#include "query/plan/bind_error.h"
#include "query/plan/binder.h"

namespace muster::query {
namespace {

using index::EventTable;

// Events of the system's own, which `any event` does not mean.
constexpr char kSystemPrefix = '$';

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

// Nothing, or what this aggregate has that cannot be answered yet.
std::optional<std::string> unanswered(const Node& node) {
  switch (node.aggregate) {
    case AggregateKind::P50:
    case AggregateKind::P95:
    case AggregateKind::MostCommon: return "'" + std::string(word_of(node.aggregate)) + "'";
    default: break;
  }
  if (node.events.edge == EdgeOfHistory::AtFirst) return "'at first'";
  if (node.events.edge == EdgeOfHistory::AtLast) return "'at last'";
  if (node.events.per || node.events.having) return "'per'";
  return std::nullopt;
}

bool takes(AggregateKind aggregate, ValueKind kind) {
  const bool is_number = kind == ValueKind::Exact || kind == ValueKind::Real;
  const bool is_ordered = is_number || kind == ValueKind::Time || kind == ValueKind::Date;
  switch (aggregate) {
    case AggregateKind::Sum:
    case AggregateKind::Avg: return is_number;
    case AggregateKind::Min:
    case AggregateKind::Max: return is_ordered;
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

Result<std::vector<std::shared_ptr<const EventTable>>> Binder::tables_of(const Events& events) {
  const auto& known = context_.generation->events;
  std::vector<std::shared_ptr<const EventTable>> tables;
  if (events.any_event) {
    for (const auto& [name, table] : known) {
      if (!name.starts_with(kSystemPrefix)) tables.push_back(table);
    }
    return tables;
  }
  std::vector<std::string> names;
  for (const std::string& written : events.names) names.push_back(to_nfc(written));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (const auto found = known.find(name); found != known.end()) {
      tables.push_back(found->second);
      continue;
    }
    if (!is_event_known(name) && !context_.allow_unknown && !name.starts_with(kSystemPrefix)) {
      std::vector<std::string> candidates;
      for (const auto& [each, table] : known) candidates.push_back(each);
      return unknown_name(events.place, "event", name, candidates);
    }
    // Declared and not seen so far: nobody did it.
    auto empty = std::make_shared<EventTable>();
    empty->name = name;
    tables.push_back(std::move(empty));
  }
  return tables;
}

Result<TimeRange> Binder::times_of(const Events& events, const Zone& zone) {
  TimeRange range{.to = context_.now};
  if (!events.window) return range;
  if (events.window->kind == WindowKind::InNext) {
    return error_at(ErrorCode::InvalidArgument, events.window->place,
                    "events later than now do not count, so 'in next' would hold none",
                    "a window in the past");
  }
  TRY_ASSIGN(range, range_of(*events.window, context_.now, zone));
  range.to = std::min(range.to, context_.now);
  return range;
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
  if (scope.table) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    "an aggregate asks about people and cannot stand inside 'where'",
                    "a condition on the event");
  }
  if (!node->has_events) {
    return error_at(ErrorCode::InvalidArgument, node->place,
                    std::string(word_of(node->aggregate)) +
                        "() needs the events it is about, as in " +
                        std::string(word_of(node->aggregate)) + "(... of \"purchase\")",
                    "of and events");
  }
  const Hash128 hash = canonical_hash(node);
  const std::string key =
      std::to_string(hash.high) + "." + std::to_string(hash.low) + " " + scope.zone.name();
  BoundAggregatePtr& made = aggregates_[key];
  if (made) return made;
  auto fresh = make_aggregate(node, scope);
  if (!fresh) {
    aggregates_.erase(key);
    return fresh;
  }
  made = *fresh;
  return made;
}

Result<BoundAggregatePtr> Binder::make_aggregate(const NodePtr& node, const Scope& scope) {
  if (const auto construct = unanswered(*node)) return unsupported(node->place, *construct);
  auto made = std::make_shared<BoundAggregate>();
  made->kind = node->aggregate;
  made->source = node;
  TRY_ASSIGN(const TimeRange range, times_of(node->events, scope.zone));
  made->from = range.from;
  made->to = range.to;
  TRY_ASSIGN(const auto tables, tables_of(node->events));
  for (const auto& table : tables) {
    const Scope rows{.zone = scope.zone, .table = table, .siblings = tables};
    EventSource source{.table = table};
    if (node->events.where) {
      TRY_ASSIGN(source.where, predicate(node->events.where, rows));
    }
    if (!node->children.empty()) {
      TRY_ASSIGN(source.value, value(node->children[0], rows));
    }
    made->sources.push_back(std::move(source));
  }
  TRY(settle_type(*made));
  if (made->type == ValueKind::Text) settle_texts(*made);
  return BoundAggregatePtr(std::move(made));
}

// One kind and scale over all sources.
Status Binder::settle_type(BoundAggregate& aggregate) {
  const Node& node = *aggregate.source;
  if (node.children.empty()) {
    const bool is_time = aggregate.kind == AggregateKind::First ||
                         aggregate.kind == AggregateKind::Last;
    aggregate.type = is_time ? ValueKind::Time : ValueKind::Exact;
    return Ok{};
  }
  const Place& place = node.children[0]->place;
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
    if (kind == ValueKind::Exact && !source.value->scale) {
      return unsupported(place, "a division or a product of many decimals inside " + word + "()");
    }
    aggregate.type = kind;
    if (kind == ValueKind::Exact) {
      aggregate.scale = std::max(aggregate.scale, *source.value->scale);
    }
    known = true;
  }
  const bool is_zero_of_nothing = aggregate.kind == AggregateKind::Sum ||
                                  aggregate.kind == AggregateKind::Distinct;
  if (!known && !is_zero_of_nothing) aggregate.type = ValueKind::Unknown;
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
