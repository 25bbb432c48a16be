#include "query/plan/extremes.h"

#include <algorithm>

#include "query/plan/value_counts.h"

namespace muster::query {
namespace {

bool is_edge(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
}

bool is_extreme(const BoundAggregate& aggregate) {
  if (!is_over_plain_events(aggregate)) return false;
  if (is_edge(aggregate)) {
    return std::none_of(aggregate.sources.begin(), aggregate.sources.end(),
                        [](const EventSource& source) { return source.value != nullptr; });
  }
  return (aggregate.kind == AggregateKind::Min || aggregate.kind == AggregateKind::Max) &&
         has_plain_values(aggregate);
}

// How many of the same events are at these times.
BoundAggregate count_at(const BoundAggregate& edge, const Range& times) {
  BoundAggregate count = count_of_events(edge);
  count.from = static_cast<TimeMs>(times.low);
  count.to = static_cast<TimeMs>(times.high);
  return count;
}

}  // namespace

std::shared_ptr<const Extremes> extremes_of(const BoundNode& test) {
  if (test.kind != BoundKind::AggregateTest || !is_extreme(*test.aggregate)) return nullptr;
  const BoundAggregate& extreme = *test.aggregate;
  const bool is_time = is_edge(extreme);
  const Range all = is_time ? Range{extreme.from, extreme.to} : Range{-kWideMax, kWideMax};
  const RangeSet wanted = test.ranges.intersect(RangeSet::between(all.low, all.high));
  if (wanted.ranges().size() != 1) return nullptr;
  const Range within = wanted.ranges()[0];
  const bool is_least =
      extreme.kind == AggregateKind::First || extreme.kind == AggregateKind::Min;
  const Range beyond =
      is_least ? Range{all.low, within.low - 1} : Range{within.high + 1, all.high};
  const auto count = is_time ? count_at : count_of_values;
  auto extremes = std::make_shared<Extremes>(Extremes{count(extreme, within), std::nullopt});
  if (beyond.low <= beyond.high) extremes->beyond = count(extreme, beyond);
  return extremes;
}

}  // namespace muster::query
