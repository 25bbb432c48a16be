#include "query/plan/value_counts.h"

#include <algorithm>

namespace muster::query {
namespace {

bool is_plain(const EventSource& source) {
  const BoundValuePtr& value = source.value;
  return value && value->kind == BoundValueKind::Field && value->type != ValueKind::Text &&
         value->field->place == FieldPlace::Property && value->field->property &&
         !value->field->lookup && !value->field->type.list && !source.recode;
}

Int128 floor_of(Int128 number, Int128 divisor) {
  return number / divisor - (number % divisor < 0 ? 1 : 0);
}

// The keys at `scale` whose value lies among the keys at `finer`.
KeyTest keys_at(std::uint8_t scale, const Range& keys, std::uint8_t finer) {
  const Int128 factor = wide_power_of_ten(unsigned{finer} - scale);
  return KeyTest(
      RangeSet::between(-floor_of(-keys.low, factor), floor_of(keys.high, factor)));
}

BoundNodePtr value_test(const BoundAggregate& aggregate, const BoundFieldPtr& field,
                        const Range& keys) {
  auto test = std::make_shared<BoundNode>();
  test->kind = BoundKind::FieldTest;
  test->field = field;
  if (aggregate.type != ValueKind::Exact) {
    test->tests.emplace_back(RangeSet::between(keys.low, keys.high));
    return test;
  }
  // Runs keep decimals at the scale they came with, which is none finer than the aggregate's.
  for (std::uint8_t scale = 0; scale <= aggregate.scale; ++scale) {
    test->tests.push_back(keys_at(scale, keys, aggregate.scale));
  }
  return test;
}

// Whether every row of the property's runs has it.
bool is_never_missing(const EventSource& source) {
  const std::uint32_t number = source.value->field->property->number;
  const auto has_all = [number](const index::EventRun& run) {
    return number < run.properties.size() && run.properties[number] &&
           run.properties[number]->present.empty();
  };
  for (const auto& block : source.table->blocks) {
    if (!block) continue;
    for (const auto& run : block->runs) {
      if (!has_all(*run)) return false;
    }
  }
  return true;
}

void narrow(EventSource& source, BoundNodePtr condition) {
  if (source.where) {
    auto both = std::make_shared<BoundNode>();
    both->kind = BoundKind::And;
    both->children = {source.where, std::move(condition)};
    condition = std::move(both);
  }
  source.where = std::move(condition);
}

}  // namespace

bool has_plain_values(const BoundAggregate& aggregate) {
  return std::all_of(aggregate.sources.begin(), aggregate.sources.end(), is_plain);
}

bool is_over_plain_events(const BoundAggregate& aggregate) {
  return !aggregate.grouping && !aggregate.edge && !aggregate.since && !aggregate.is_fraction;
}

BoundAggregate count_of_events(const BoundAggregate& aggregate) {
  BoundAggregate count = aggregate;
  count.kind = AggregateKind::Count;
  count.type = ValueKind::Exact;
  count.scale = 0;
  for (EventSource& source : count.sources) source.value = nullptr;
  return count;
}

BoundAggregate count_of_valued(const BoundAggregate& aggregate) {
  BoundAggregate count = count_of_events(aggregate);
  for (std::size_t s = 0; s < count.sources.size(); ++s) {
    const EventSource& valued = aggregate.sources[s];
    if (is_never_missing(valued)) continue;
    auto present = std::make_shared<BoundNode>();
    present->kind = BoundKind::Present;
    present->field = valued.value->field;
    narrow(count.sources[s], std::move(present));
  }
  return count;
}

BoundAggregate count_of_values(const BoundAggregate& aggregate, const Range& keys) {
  BoundAggregate count = count_of_events(aggregate);
  for (std::size_t s = 0; s < count.sources.size(); ++s) {
    narrow(count.sources[s], value_test(aggregate, aggregate.sources[s].value->field, keys));
  }
  return count;
}

}  // namespace muster::query
