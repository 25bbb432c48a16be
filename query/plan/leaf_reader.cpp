#include "query/plan/leaf_reader.h"

#include <algorithm>
#include <utility>

#include "query/language/language.h"
#include "query/plan/windows.h"

namespace muster::query {
namespace {

// Whether the window means other times at another moment.
bool moves(const Window& window) {
  switch (window.kind) {
    case WindowKind::From:
    case WindowKind::Before:
    case WindowKind::On: return false;
    default: return true;
  }
}

// Whether the clock decides anything but the ends of windows of events.
bool asks_the_clock(const Node& node) {
  if (node.kind == NodeKind::Now) return true;
  const bool is_window_of_events = node.kind == NodeKind::Sequence ||
                                   node.kind == NodeKind::Entered || node.kind == NodeKind::Left;
  if (node.window && !is_window_of_events && moves(*node.window)) return true;
  bool found = false;
  for_each_child(node, [&](const NodePtr& child) { found = found || asks_the_clock(*child); });
  return found;
}

// The first or last time itself is asked about: people change with its bounds, too.
bool is_time_of_event(const BoundAggregate& aggregate) {
  const bool is_edge =
      aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
  return is_edge && !aggregate.grouping &&
         std::none_of(aggregate.sources.begin(), aggregate.sources.end(),
                      [](const EventSource& source) { return source.value != nullptr; });
}

std::vector<TimeStretch> times_of(const RangeSet& ranges) {
  std::vector<TimeStretch> times;
  const RangeSet stored = ranges.intersect(RangeSet::between(kBeforeAllTimes, kAfterAllTimes));
  for (const Range& range : stored.ranges()) {
    times.push_back({static_cast<TimeMs>(range.low), static_cast<TimeMs>(range.high)});
  }
  return times;
}

}  // namespace

LeafReader::LeafReader(const BoundNode& leaf,
                       const std::map<std::string, BindContext::Trait>& traits) {
  const bool is_time =
      leaf.kind == BoundKind::AggregateTest && is_time_of_event(*leaf.aggregate);
  const NodePtr& asked = is_time ? leaf.aggregate->source : leaf.source;
  if (!asked || asks_the_clock(*asked)) {
    is_closed_ = false;
    return;
  }
  if (leaf.source) read_traits(leaf.source, traits);
  read_node(leaf);
  is_closed_ = is_closed_ && !tables_.empty();
  if (is_time) add_window(*leaf.aggregate, times_of(leaf.ranges));
}

// A name stands for what the trait says today: it is part of what is asked.
void LeafReader::read_traits(const NodePtr& asked,
                             const std::map<std::string, BindContext::Trait>& traits) {
  for (const std::string& name : referenced_fields(asked)) {
    const auto found = traits.find(name);
    if (found == traits.end() || !traits_.insert(name).second) continue;
    const BindContext::Trait& trait = found->second;
    if (asks_the_clock(*trait.value)) is_closed_ = false;
    names_ += "\ntrait " + name + ' ' + trait.zone.name() + ' ' + print(canonical(trait.value));
    read_traits(trait.value, traits);
  }
}

void LeafReader::read_node(const BoundNode& node) {
  switch (node.kind) {
    case BoundKind::Members:
    case BoundKind::Sample: is_closed_ = false; return;
    case BoundKind::Sequence:
      for (const BoundStep& step : node.sequence->steps) {
        read_step(step.events);
        if (step.without) read_step(*step.without);
      }
      return;
    default: break;
  }
  if (node.field) read_field(*node.field);
  if (node.aggregate) read_aggregate(*node.aggregate, !in_group_);
  for (const BoundValuePtr& operand : node.operands) read_value(*operand);
  for (const BoundNodePtr& child : node.children) read_node(*child);
}

void LeafReader::read_value(const BoundValue& value) {
  if (value.kind == BoundValueKind::Tile) is_closed_ = false;
  if (value.field) read_field(*value.field);
  if (value.aggregate) read_aggregate(*value.aggregate, !in_group_);
  for (const BoundValuePtr& child : value.children) read_value(*child);
}

void LeafReader::read_field(const BoundField& field) {
  if (field.place == FieldPlace::PersonId) is_closed_ = false;
  if (field.place == FieldPlace::Person) {
    is_closed_ = is_closed_ && in_since_ && !field.type.list;
    attributes_.push_back(field.attribute);
  }
  names_ += '\n' + field.name + ' ' + std::to_string(static_cast<int>(field.place)) + ' ' +
            std::to_string(static_cast<int>(field.type.type)) + (field.type.list ? "[]" : "");
  if (field.property) {
    names_ += ' ' + std::to_string(field.property->number);
    properties_.push_back(field.property->number);
  }
  if (!field.lookup) return;
  names_ += " of " + field.lookup->entity;
  const auto& table = field.lookup->table;
  if (std::find(entities_.begin(), entities_.end(), table) == entities_.end()) {
    entities_.push_back(table);
  }
}

void LeafReader::read_aggregate(const BoundAggregate& aggregate, bool has_window) {
  const bool is_since = std::exchange(in_since_, false);
  for (const EventSource& source : aggregate.sources) {
    (void)number_of(source.table);
    if (source.where) read_node(*source.where);
    if (source.value) read_value(*source.value);
  }
  if (has_window) {
    std::vector<TimeStretch> times;
    if (aggregate.from <= aggregate.to) times.push_back({aggregate.from, aggregate.to});
    add_window(aggregate, std::move(times));
  }
  if (aggregate.since) {
    in_since_ = true;
    read_value(*aggregate.since);
    in_since_ = false;
  }
  if (aggregate.edge) read_aggregate(*aggregate.edge, true);
  if (aggregate.grouping) read_grouping(*aggregate.grouping);
  in_since_ = is_since;
}

void LeafReader::read_grouping(const BoundGrouping& grouping) {
  read_aggregate(*grouping.key, false);
  if (!grouping.having) return;
  in_group_ = true;
  read_node(*grouping.having);
  in_group_ = false;
}

void LeafReader::read_step(const BoundStepEvents& events) {
  read_aggregate(*events.taken, true);
  for (const BoundNodePtr& filter : events.filters) {
    if (filter) read_node(*filter);
  }
}

void LeafReader::add_window(const BoundAggregate& aggregate, std::vector<TimeStretch> times) {
  std::vector<std::uint32_t> numbers;
  for (const EventSource& source : aggregate.sources) numbers.push_back(number_of(source.table));
  times_.push_back(std::move(times));
  window_tables_.push_back(std::move(numbers));
}

std::uint32_t LeafReader::number_of(const std::shared_ptr<const index::EventTable>& table) {
  // By name: a name that nobody did so far has an empty table of its own in each place.
  const auto found = std::find_if(tables_.begin(), tables_.end(),
                                  [&](const auto& other) { return other->name == table->name; });
  const auto number = static_cast<std::uint32_t>(found - tables_.begin());
  if (found == tables_.end()) {
    names_ += "\nevent " + table->name;
    tables_.push_back(table);
  }
  return number;
}

}  // namespace muster::query
