#include "query/plan/extremes.h"

#include <algorithm>

#include "base/check.h"

namespace muster::query {
namespace {

bool is_plain_value(const BoundValuePtr& value) {
  return value && value->kind == BoundValueKind::Field && value->type != ValueKind::Text &&
         value->field->place == FieldPlace::Property && value->field->property &&
         !value->field->lookup && !value->field->type.list && !value->recode;
}

bool is_edge(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::First || aggregate.kind == AggregateKind::Last;
}

bool is_extreme(const BoundAggregate& aggregate) {
  if (aggregate.grouping || aggregate.edge || aggregate.since || aggregate.is_fraction ||
      aggregate.type == ValueKind::Text) {
    return false;
  }
  const auto all_of_sources = [&](const auto& has) {
    return std::all_of(aggregate.sources.begin(), aggregate.sources.end(), has);
  };
  if (is_edge(aggregate)) {
    return all_of_sources([](const EventSource& source) { return !source.value; });
  }
  return (aggregate.kind == AggregateKind::Min || aggregate.kind == AggregateKind::Max) &&
         all_of_sources([](const EventSource& source) { return is_plain_value(source.value); });
}

BoundAggregate counted(const BoundAggregate& extreme) {
  BoundAggregate count = extreme;
  count.kind = AggregateKind::Count;
  count.type = ValueKind::Exact;
  count.scale = 0;
  return count;
}

// How many of the same events are at these times.
BoundAggregate count_at(const BoundAggregate& edge, const Range& times) {
  BoundAggregate count = counted(edge);
  count.from = static_cast<TimeMs>(times.low);
  count.to = static_cast<TimeMs>(times.high);
  return count;
}

Int128 floor_of(Int128 number, Int128 divisor) {
  return number / divisor - (number % divisor < 0 ? 1 : 0);
}

// The keys at `scale` whose value lies among the keys at `finer`.
KeyTest keys_at(std::uint8_t scale, const Range& keys, std::uint8_t finer) {
  const Int128 factor = wide_power_of_ten(unsigned{finer} - scale);
  const Int128 low = -floor_of(-keys.low, factor), high = floor_of(keys.high, factor);
  return KeyTest(RangeSet::between(low, high));
}

// Whether an event's value lies among keys of the aggregate.
BoundNodePtr value_test(const BoundAggregate& extreme, const BoundFieldPtr& field,
                        const Range& keys) {
  auto test = std::make_shared<BoundNode>();
  test->kind = BoundKind::FieldTest;
  test->field = field;
  if (extreme.type != ValueKind::Exact) {
    test->tests.emplace_back(RangeSet::between(keys.low, keys.high));
    return test;
  }
  // Runs keep decimals at the scale they came with, which is none finer than the aggregate's.
  for (std::uint8_t scale = 0; scale <= extreme.scale; ++scale) {
    test->tests.push_back(keys_at(scale, keys, extreme.scale));
  }
  // One test alone would stand for all scales; here it is that of scale 0, the only one there is.
  return test;
}

// How many of the same events have such a value.
BoundAggregate count_of(const BoundAggregate& extreme, const Range& keys) {
  BoundAggregate count = counted(extreme);
  for (EventSource& source : count.sources) {
    BoundNodePtr where = value_test(extreme, source.value->field, keys);
    if (source.where) {
      auto both = std::make_shared<BoundNode>();
      both->kind = BoundKind::And;
      both->children = {source.where, std::move(where)};
      where = std::move(both);
    }
    source.where = std::move(where);
    source.value = nullptr;
  }
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
  const auto count = is_time ? count_at : count_of;
  auto extremes = std::make_shared<Extremes>(Extremes{count(extreme, within), std::nullopt});
  if (beyond.low <= beyond.high) extremes->beyond = count(extreme, beyond);
  return extremes;
}

}  // namespace muster::query
