#include "query/execute/event_rows.h"

#include "base/check.h"
#include "index/order_key.h"
#include "query/execute/date_parts.h"

namespace muster::query {

TakenRows rows_in_window(const BoundAggregate& aggregate, const index::EventRun& run,
                         const PeopleRange& people) {
  // So many rows are sooner looked at one by one than searched for: each look of a search waits for
  // the one before.
  constexpr std::size_t kFewRows = 64;
  if (people.count == index::kBlockSize) {
    const auto [first, last] = run.time.within(aggregate.from, aggregate.to);
    return {.first = first, .count = last - first, .listed = {}};
  }
  TakenRows rows;
  if (run.rows == 0 || aggregate.from > run.time.max() || aggregate.to < run.time.min()) {
    return rows;
  }
  if (people.listed.empty()) {
    for (std::uint32_t i = 0; i < people.count; ++i) {
      const std::uint16_t who = people.person_at(i);
      run.order.add_rows_of(run.person, std::span(&who, 1), rows.listed);
    }
  } else {
    run.order.add_rows_of(run.person, people.listed, rows.listed);
  }
  const bool are_all_in = aggregate.from <= run.time.min() && run.time.max() <= aggregate.to;
  if (!are_all_in && rows.listed.size() <= kFewRows) {
    std::erase_if(rows.listed, [&](std::uint32_t row) {
      const TimeMs time = run.time.at(row);
      return time < aggregate.from || time > aggregate.to;
    });
  } else if (!are_all_in) {
    const auto [first, last] = run.time.within(aggregate.from, aggregate.to);
    std::erase_if(rows.listed, [first = first, last = last](std::uint32_t row) {
      return row < first || row >= last;
    });
  }
  rows.count = static_cast<std::uint32_t>(rows.listed.size());
  return rows;
}

namespace {

void read_field(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
                WideChunk& out) {
  const auto chunk = std::make_unique_for_overwrite<KeyChunk>();
  read_keys(*source.value->field, slots, *chunk);
  out.present = chunk->present;
  const bool is_exact = aggregate.type == ValueKind::Exact;
  CHECK(!is_exact || chunk->scale <= aggregate.scale);
  const Int128 factor =
      is_exact ? wide_power_of_ten(unsigned{aggregate.scale} - chunk->scale) : Int128{1};
  for_each_bit(chunk->present, [&](std::uint32_t i) {
    const std::int64_t key = chunk->keys[i];
    out.keys[i] =
        source.recode ? Int128{(*source.recode)[static_cast<std::size_t>(key)]} : key * factor;
  });
}

bool read_date_part(const BoundAggregate& aggregate, const BoundValue& value, RowSlots& slots,
                    KeyChunk& out) {
  const BoundValue& moment = *value.children[0];
  const bool is_scaled = aggregate.type == ValueKind::Exact && aggregate.scale != 0;
  if (moment.kind != BoundValueKind::Field || is_scaled) return false;
  read_keys(*moment.field, slots, out);
  DateParts parts(value.part, moment.type, value.zone);
  for_each_bit(out.present, [&](std::uint32_t i) { out.keys[i] = parts.of(out.keys[i]); });
  return true;
}

}  // namespace

bool read_stored(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
                 KeyChunk& out) {
  const BoundValue& value = *source.value;
  if (value.kind == BoundValueKind::DatePartOf) return read_date_part(aggregate, value, slots, out);
  if (value.kind != BoundValueKind::Field) return false;
  read_keys(*value.field, slots, out);
  if (source.recode) {
    for_each_bit(out.present, [&](std::uint32_t i) {
      out.keys[i] = (*source.recode)[static_cast<std::size_t>(out.keys[i])];
    });
    return true;
  }
  if (aggregate.type != ValueKind::Exact || out.scale == aggregate.scale) return true;
  const auto factor =
      static_cast<std::int64_t>(wide_power_of_ten(unsigned{aggregate.scale} - out.scale));
  bool fits = true;
  for_each_bit(out.present, [&](std::uint32_t i) {
    fits = !__builtin_mul_overflow(out.keys[i], factor, &out.keys[i]) && fits;
  });
  return fits;
}

void read_values(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
                 WideChunk& out, Accumulator& failed) {
  if (source.value->kind == BoundValueKind::Field) {
    read_field(aggregate, source, slots, out);
    return;
  }
  const auto chunk = evaluate(*source.value, slots);
  if (slots.failed()) failed.fail();
  out.present = chunk->present;
  for_each_bit(chunk->present, [&](std::uint32_t i) {
    if (aggregate.type == ValueKind::Real) {
      out.keys[i] = index::key_of_double(chunk->real[i]);
      return;
    }
    const ScaledFloor key = floor_at_scale(chunk->exact[i], aggregate.scale);
    if (!key.exact) failed.fail();
    // The name of the events is a constant: its only code is 0.
    out.keys[i] = source.recode ? Int128{(*source.recode)[0]} : key.floor;
  });
}

}  // namespace muster::query
