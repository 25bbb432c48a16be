#include "query/execute/value_bounds.h"

#include "query/execute/date_parts.h"

namespace muster::query {
namespace {

constexpr ValueBounds kAnything{.low = std::numeric_limits<std::int64_t>::min(),
                                .high = std::numeric_limits<std::int64_t>::max()};

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

}  // namespace

bool has_stored_value(const EventSource& source) {
  return source.value->kind == BoundValueKind::Field ||
         (source.value->kind == BoundValueKind::DatePartOf &&
          source.value->children[0]->kind == BoundValueKind::Field);
}

ValueBounds bounds_of_values(const BoundAggregate& aggregate, const EventSource& source,
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

}  // namespace muster::query
