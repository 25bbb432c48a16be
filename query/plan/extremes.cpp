#include "query/execute/edge_windows.h"

#include <algorithm>

namespace muster::query {
namespace {

bool is_plain_edge(const BoundAggregate& aggregate) {
  const bool is_edge = aggregate.kind == AggregateKind::First ||
                       aggregate.kind == AggregateKind::Last;
  return is_edge && !aggregate.grouping && !aggregate.edge && !aggregate.since &&
         std::none_of(aggregate.sources.begin(), aggregate.sources.end(),
                      [](const EventSource& source) { return source.value != nullptr; });
}

// How many of the same events are from the one moment to the other.
BoundAggregate counted(const BoundAggregate& edge, TimeMs from, TimeMs to) {
  BoundAggregate count = edge;
  count.kind = AggregateKind::Count;
  count.type = ValueKind::Exact;
  count.scale = 0;
  count.from = from;
  count.to = to;
  return count;
}

}  // namespace

std::optional<EdgeWindows> edge_windows(const BoundNode& test) {
  const BoundAggregate& edge = *test.aggregate;
  if (!is_plain_edge(edge)) return std::nullopt;
  const RangeSet times = test.ranges.intersect(RangeSet::between(edge.from, edge.to));
  if (times.ranges().size() != 1) return std::nullopt;
  const auto low = static_cast<TimeMs>(times.ranges()[0].low);
  const auto high = static_cast<TimeMs>(times.ranges()[0].high);
  const bool is_first = edge.kind == AggregateKind::First;
  return EdgeWindows{
      .within = counted(edge, low, high),
      .beyond = is_first ? counted(edge, edge.from, low - 1) : counted(edge, high + 1, edge.to)};
}

}  // namespace muster::query
