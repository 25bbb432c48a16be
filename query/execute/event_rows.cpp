#include "query/execute/event_rows.h"

#include "base/check.h"
#include "index/order_key.h"

namespace muster::query {

RowRange rows_of(const index::EventRun& run, const PeopleRange& people) {
  if (people.count == index::kBlockSize) return {0, run.rows};
  const auto first = std::lower_bound(run.person.begin(), run.person.end(), people.first);
  const auto last = std::lower_bound(first, run.person.end(), people.first + people.count);
  return {static_cast<std::uint32_t>(first - run.person.begin()),
          static_cast<std::uint32_t>(last - run.person.begin())};
}

SlotMask in_time(const BoundAggregate& aggregate, const index::EventRun& run, RowSlots& slots) {
  if (aggregate.from <= run.time.min() && run.time.max() <= aggregate.to) {
    return everyone_of(slots);
  }
  const auto times = std::make_unique_for_overwrite<KeyChunk>();
  slots.times(*times);
  SlotMask inside{};
  const std::int64_t from = aggregate.from, to = aggregate.to;
  for (std::uint32_t w = 0; w * 64 < slots.count(); ++w) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::int64_t time = times->keys[w * 64 + i];
      bits |= static_cast<std::uint64_t>((from <= time) & (time <= to)) << i;
    }
    inside[w] = bits & times->present[w];
  }
  return inside;
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
    out.keys[i] = source.recode ? Int128{(*source.recode)[static_cast<std::size_t>(key)]}
                                : key * factor;
  });
}

}  // namespace

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
