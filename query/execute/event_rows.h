// The rows of events that an aggregate takes in, and the keys of their values.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <vector>

#include "query/execute/aggregate.h"
#include "query/execute/edge_rows.h"
#include "query/execute/since.h"

namespace muster::query {

// Keys of an aggregate's values: exact ones at its scale, texts in its codes.
struct WideChunk {
  std::array<Int128, kSlotsMax> keys;
  SlotMask present;
};

// The rows of some people in an aggregate's window: a stretch of the run, or listed one by one.
struct TakenRows {
  std::uint32_t first = 0, count = 0;  // Of the run, or of `listed` when it is not empty.
  std::vector<std::uint32_t> listed;   // By person, then time.
};
// Cost: O(log rows) for a whole block, and for each person otherwise.
TakenRows rows_in_window(const BoundAggregate& aggregate, const index::EventRun& run,
                         const PeopleRange& people);

// The values of one source. `failed` is told when a number does not fit.
void read_values(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
                 WideChunk& out, Accumulator& failed);

// The same in 64 bits, where the value is stored, or part of a stored moment. Returns false when it
// is not, or does not fit: then `out` means nothing.
bool read_stored(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
                 KeyChunk& out);

// Puts the values of the masked rows aside.  Requires into.keeps_all().
template <typename BucketOf>
void feed_all(const KeyChunk& values, const SlotMask& mask, Accumulator& into,
              const BucketOf& bucket_of) {
  std::array<std::uint32_t, kSlotsMax> buckets;
  std::array<std::int64_t, kSlotsMax> keys;
  std::size_t count = 0;
  for (std::uint32_t w = 0; w < kSlotWords; ++w) {
    for (std::uint64_t rest = mask[w] & values.present[w]; rest != 0; rest &= rest - 1) {
      const auto i = static_cast<std::uint32_t>(w * 64 + std::countr_zero(rest));
      buckets[count] = static_cast<std::uint32_t>(bucket_of(i));
      keys[count++] = values.keys[i];
    }
  }
  into.take_all(std::span(buckets).first(count), std::span(keys).first(count));
}

// Gives the masked rows to an accumulator; bucket_of(slot) says where to. For First and Last of
// whole people, `edges` leaves out what cannot matter.
template <typename BucketOf>
void feed(const BoundAggregate& aggregate, const EventSource& source, RowSlots& slots,
          SlotMask mask, Accumulator& into, const BucketOf& bucket_of, EdgeRows* edges = nullptr) {
  if (slots.failed()) into.fail();
  if (aggregate.kind == AggregateKind::Count) {
    for_each_bit(mask, [&](std::uint32_t i) { into.count(bucket_of(i)); });
    return;
  }
  if (edges != nullptr && !source.value) edges->narrow(slots, mask);
  const bool needs_time = aggregate.kind == AggregateKind::First ||
                          aggregate.kind == AggregateKind::Last || aggregate.is_fraction;
  std::unique_ptr<KeyChunk> times;
  if (needs_time) {
    times = std::make_unique_for_overwrite<KeyChunk>();
    slots.times(*times);
  }
  if (!source.value) {
    for_each_bit(mask, [&](std::uint32_t i) { into.take_time(bucket_of(i), times->keys[i]); });
    return;
  }
  if (aggregate.is_fraction) {
    const auto fractions = evaluate(*source.value, slots);
    if (slots.failed()) into.fail();
    for_each_bit(mask, [&](std::uint32_t i) {
      if (!has_bit(fractions->present, i)) return;
      into.take_fraction({.bucket = static_cast<std::uint32_t>(bucket_of(i)),
                          .time = times->keys[i],
                          .value = fractions->exact[i]});
    });
    return;
  }
  const auto take = [&](const auto& values) {
    SlotMask taken{};
    for (std::uint32_t w = 0; w < kSlotWords; ++w)
      taken[w] = mask[w] & values.present[w];
    if (edges != nullptr) edges->narrow(slots, taken);
    for_each_bit(taken, [&](std::uint32_t i) {
      if (needs_time) {
        into.take_at(bucket_of(i), times->keys[i], values.keys[i]);
      } else {
        into.take(bucket_of(i), values.keys[i]);
      }
    });
  };
  const auto stored = std::make_unique_for_overwrite<KeyChunk>();
  if (read_stored(aggregate, source, slots, *stored)) {
    if (into.keeps_all()) return feed_all(*stored, mask, into, bucket_of);
    return take(*stored);
  }
  const auto values = std::make_unique_for_overwrite<WideChunk>();
  read_values(aggregate, source, slots, *values, into);
  take(*values);
}

// Calls visit(source number, run, slots, mask) for every stretch of rows of these people that may
// hold events taken in; the order is always the same. From the latest, the stretches of a run come
// in turn from its end, each of them by time.
template <typename Visit>
void for_each_taken(const BoundAggregate& aggregate, const index::Generation& generation,
                    const PeopleRange& people, const Visit& visit,
                    RowOrder order = RowOrder::ByTime) {
  if (aggregate.from > aggregate.to) return;
  std::optional<AggregateResult> edge;
  if (aggregate.edge) edge.emplace().compute(*aggregate.edge, generation, people);
  SinceTimes since;
  if (aggregate.since) since = since_times(aggregate, generation, people);
  for (std::size_t s = 0; s < aggregate.sources.size(); ++s) {
    const EventSource& source = aggregate.sources[s];
    const index::EventBlock* block = source.table->block(people.block);
    if (block == nullptr) continue;
    for (const auto& run : block->runs) {
      const TakenRows rows = rows_in_window(aggregate, *run, people);
      if (rows.count == 0) continue;
      RowSlots slots(generation, *run, people.block);
      const std::uint32_t stretches = (rows.count + kSlotsMax - 1) / kSlotsMax;
      for (std::uint32_t k = 0; k < stretches; ++k) {
        const std::uint32_t next =
            (order == RowOrder::ByTime ? k : stretches - 1 - k) * kSlotsMax;
        const std::uint32_t count = std::min(kSlotsMax, rows.count - next);
        if (rows.listed.empty()) {
          slots.move_to(rows.first + next, count);
        } else {
          slots.move_to(std::span(rows.listed).subspan(next, count));
        }
        SlotMask mask = everyone_of(slots);
        if (since.failed) slots.fail();
        if (aggregate.edge) slots.keep_at_edge(edge->by_person(), people, mask);
        if (aggregate.since) slots.keep_since(since.by_person, people, mask);
        if (source.where) {
          const SlotMask passing = select(*source.where, slots);
          for (std::uint32_t w = 0; w < kSlotWords; ++w)
            mask[w] &= passing[w];
        }
        visit(s, *run, slots, mask);
      }
    }
  }
}

}  // namespace muster::query
