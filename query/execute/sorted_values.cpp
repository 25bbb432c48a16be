#include "query/execute/sorted_values.h"

#include <limits>

#include "query/execute/date_parts.h"

namespace muster::query {
namespace {

// Both belong; low > high: no value at all.
struct Bounds {
  Int128 low = std::numeric_limits<std::int64_t>::max();
  Int128 high = std::numeric_limits<std::int64_t>::min();

  void include(const Bounds& other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
};

constexpr Bounds kAnything{.low = std::numeric_limits<std::int64_t>::min(),
                           .high = std::numeric_limits<std::int64_t>::max()};

bool is_stored(const EventSource& source) {
  return source.value->kind == BoundValueKind::Field ||
         (source.value->kind == BoundValueKind::DatePartOf &&
          source.value->children[0]->kind == BoundValueKind::Field);
}

const index::PropertyColumn* column_of(const EventSource& source, const index::EventRun& run) {
  const BoundValue& value = *source.value;
  if (value.kind != BoundValueKind::Field || value.field->place != FieldPlace::Property ||
      value.field->lookup || !value.field->property ||
      value.field->property->number >= run.properties.size()) {
    return nullptr;
  }
  return run.properties[value.field->property->number].get();
}

bool is_of_event_time(const BoundValue& part) {
  return part.kind == BoundValueKind::DatePartOf &&
         part.children[0]->field->place == FieldPlace::EventTime;
}

// Between which keys the values of a run are, as far as that is known without reading them.
Bounds bounds_of(const BoundAggregate& aggregate, const EventSource& source,
                 const index::EventRun& run) {
  const BoundValue& value = *source.value;
  if (is_of_event_time(value) && value.part == DatePart::Date) {
    DateParts days(value.part, ValueKind::Time, value.zone);
    const std::int64_t first = days.of(run.time.min());
    // When clocks are set back at midnight, a day comes back for an hour.
    return {.low = first - 1, .high = days.of(run.time.max()) + 1};
  }
  const index::PropertyColumn* const column = column_of(source, run);
  if (column == nullptr) return kAnything;
  if (source.recode) return {.low = 0, .high = std::numeric_limits<std::uint32_t>::max()};
  const Int128 factor = aggregate.type == ValueKind::Exact
                            ? wide_power_of_ten(unsigned{aggregate.scale} - column->scale)
                            : Int128{1};
  const Int128 low = column->values.min() * factor, high = column->values.max() * factor;
  // Rows without the value hold 0, and are not asked.
  return {.low = low, .high = high};
}

bool is_in_every_row(const EventSource& source, const index::EventRun& run) {
  if (is_of_event_time(*source.value)) return true;
  const index::PropertyColumn* const column = column_of(source, run);
  return column != nullptr && column->present.empty();
}

class Taker {
 public:
  Taker(const BoundAggregate& aggregate, const index::Generation& generation, RowsByPerson& rows)
      : aggregate_(aggregate), generation_(generation), rows_(rows) {}

  // Returns false when a key may not fit.
  bool find(const PeopleRange& people, Accumulator& into) {
    const bool found = rows_.find(
        aggregate_, generation_, people,
        [&](std::size_t s, const index::EventRun& run, RowSlots& slots, SlotMask& mask) {
          const EventSource& source = aggregate_.sources[s];
          bounds_.include(bounds_of(aggregate_, source, run));
          if (is_in_every_row(source, run)) return;
          fits_ = read_stored(aggregate_, source, slots, values_) && fits_;
          for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= values_.present[w];
        });
    if (!found) into.fail();
    return fits_ && bounds_.low >= kAnything.low && bounds_.high <= kAnything.high;
  }

  void sort(SortedKeys& sorted) {
    const bool is_some = bounds_.low <= bounds_.high;
    sorted.least = is_some ? static_cast<std::int64_t>(bounds_.low) : 0;
    sorted.width = is_some ? static_cast<std::uint64_t>(bounds_.high - bounds_.low) : 0;
    sorted.is_narrow = sorted.width <= std::numeric_limits<std::uint32_t>::max();
    if (sorted.is_narrow) {
      place(sorted.least, sorted.narrow);
    } else {
      place(sorted.least, sorted.wide);
    }
    sorted.ends.assign(rows_.ends().begin(), rows_.ends().end());
  }

 private:
  template <typename Key>
  void place(std::int64_t least, std::vector<Key>& keys) {
    keys.resize(std::max<std::size_t>(keys.size(), rows_.rows()));
    rows_.again(generation_, [&](std::size_t s, const auto&, RowSlots& slots,
                                 const SlotMask& mask) {
      read_stored(aggregate_, aggregate_.sources[s], slots, values_);
      rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
        keys[at] = static_cast<Key>(static_cast<std::uint64_t>(values_.keys[i]) -
                                    static_cast<std::uint64_t>(least));
      });
    });
  }

  const BoundAggregate& aggregate_;
  const index::Generation& generation_;
  RowsByPerson& rows_;
  Bounds bounds_;
  KeyChunk values_;
  bool fits_ = true;
};

}  // namespace

bool take_sorted_values(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, RowsByPerson& rows, Accumulator& into) {
  const bool all_stored =
      std::all_of(aggregate.sources.begin(), aggregate.sources.end(), is_stored);
  if (!all_stored) return false;
  Taker taker(aggregate, generation, rows);
  if (!taker.find(people, into)) return false;
  taker.sort(into.take_sorted());
  return true;
}

}  // namespace muster::query
