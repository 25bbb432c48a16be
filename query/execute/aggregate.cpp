#include "query/execute/aggregate.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "index/event_json.h"
#include "index/order_key.h"

namespace muster::query {
namespace {

bool is_count(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::Count || aggregate.kind == AggregateKind::Distinct;
}

bool is_sum(const BoundAggregate& aggregate) {
  return aggregate.kind == AggregateKind::Sum || aggregate.kind == AggregateKind::Avg;
}

// The rows of the chunk whose time lies in the aggregate's window.
SlotMask in_time(const BoundAggregate& aggregate, const index::EventRun& run, RowSlots& slots) {
  SlotMask mask = everyone_of(slots);
  if (aggregate.from <= run.time.min() && run.time.max() <= aggregate.to) return mask;
  auto times = std::make_unique<KeyChunk>();
  slots.times(*times);
  SlotMask inside{};
  for (std::uint32_t i = 0; i < slots.count(); ++i) {
    const std::int64_t time = times->keys[i];
    inside[i / 64] |= static_cast<std::uint64_t>((aggregate.from <= time) & (time <= aggregate.to))
                      << (i % 64);
  }
  return inside;
}

// Calls visit(slots, mask) for every stretch of rows [first, last) that holds events taken in.
template <typename Visit>
void for_each_taken(const BoundAggregate& aggregate, const EventSource& source,
                    const index::Generation& generation, const index::EventRun& run,
                    std::uint32_t block, std::pair<std::uint32_t, std::uint32_t> rows,
                    const Visit& visit) {
  if (run.rows == 0 || run.time.max() < aggregate.from || run.time.min() > aggregate.to) return;
  RowSlots slots(run, block);
  for (std::uint32_t row = rows.first; row < rows.second; row += kSlotsMax) {
    slots.move_to(row, std::min(kSlotsMax, rows.second - row));
    SlotMask mask = in_time(aggregate, run, slots);
    if (source.where) {
      const SlotMask passing = select(*source.where, generation, slots);
      for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= passing[w];
    }
    visit(slots, mask);
  }
}

std::pair<std::uint32_t, std::uint32_t> rows_of(const index::EventRun& run,
                                                const PeopleRange& people) {
  if (people.count == index::kBlockSize) return {0, run.rows};
  const auto first = std::lower_bound(run.person.begin(), run.person.end(), people.first);
  const auto last = std::lower_bound(first, run.person.end(), people.first + people.count);
  return {static_cast<std::uint32_t>(first - run.person.begin()),
          static_cast<std::uint32_t>(last - run.person.begin())};
}

}  // namespace

void AggregateResult::clear() {
  failed_ = false;
  const std::size_t people = people_.count;
  touched_.assign((people + 63) / 64, 0);
  pairs_.clear();
  const bool is_real = aggregate_->type == ValueKind::Real;
  if (is_count(*aggregate_) || aggregate_->kind == AggregateKind::Avg) counts_.assign(people, 0);
  if (!is_count(*aggregate_)) keys_.resize(people);
  if (is_sum(*aggregate_) && is_real) reals_.assign(people, 0);
  if (aggregate_->kind == AggregateKind::First || aggregate_->kind == AggregateKind::Last) {
    times_.resize(people);
  }
}

void AggregateResult::compute(const BoundAggregate& aggregate,
                              const index::Generation& generation, const PeopleRange& people) {
  aggregate_ = &aggregate;
  people_ = people;
  clear();
  if (aggregate.from > aggregate.to) return;
  for (const EventSource& source : aggregate.sources) {
    const index::EventBlock* block = source.table->block(people.block);
    if (block == nullptr) continue;
    for (const auto& run : block->runs) {
      for_each_taken(aggregate, source, generation, *run, people.block, rows_of(*run, people),
                     [&](RowSlots& slots, const SlotMask& mask) {
                       take_slots(source, slots, mask);
                     });
    }
  }
  finish();
}

void AggregateResult::take_slots(const EventSource& source, RowSlots& slots,
                                 const SlotMask& mask) {
  if (slots.failed()) failed_ = true;
  if (aggregate_->kind == AggregateKind::Count) {
    for_each_bit(mask, [&](std::uint32_t i) { ++counts_[index_of(slots.person_of(i))]; });
  } else if (source.value) {
    take_values(source, slots, mask);
  } else {
    take_times(slots, mask);
  }
}

void AggregateResult::take_times(RowSlots& slots, const SlotMask& mask) {
  auto times = std::make_unique<KeyChunk>();
  slots.times(*times);
  for_each_bit(mask, [&](std::uint32_t i) {
    take_at(index_of(slots.person_of(i)), times->keys[i], times->keys[i]);
  });
}

void AggregateResult::take_values(const EventSource& source, RowSlots& slots,
                                  const SlotMask& mask) {
  auto values = std::make_unique<WideChunk>();
  read_values(source, slots, *values);
  SlotMask taken{};
  for (std::uint32_t w = 0; w < kSlotWords; ++w) taken[w] = mask[w] & values->present[w];
  if (aggregate_->kind != AggregateKind::First && aggregate_->kind != AggregateKind::Last) {
    for_each_bit(taken, [&](std::uint32_t i) {
      take(index_of(slots.person_of(i)), values->keys[i]);
    });
    return;
  }
  auto times = std::make_unique<KeyChunk>();
  slots.times(*times);
  for_each_bit(taken, [&](std::uint32_t i) {
    take_at(index_of(slots.person_of(i)), times->keys[i], values->keys[i]);
  });
}

void AggregateResult::read_values(const EventSource& source, RowSlots& slots, WideChunk& out) {
  const BoundValue& value = *source.value;
  if (value.kind == BoundValueKind::Field) {
    auto chunk = std::make_unique<KeyChunk>();
    read_keys(*value.field, slots, *chunk);
    out.present = chunk->present;
    const bool is_exact = aggregate_->type == ValueKind::Exact;
    CHECK(!is_exact || chunk->scale <= aggregate_->scale);
    const Int128 factor =
        is_exact ? wide_power_of_ten(unsigned{aggregate_->scale} - chunk->scale) : Int128{1};
    for_each_bit(chunk->present, [&](std::uint32_t i) {
      const std::int64_t key = chunk->keys[i];
      out.keys[i] = source.recode ? Int128{(*source.recode)[static_cast<std::size_t>(key)]}
                                  : key * factor;
    });
    return;
  }
  const auto chunk = evaluate(value, slots);
  if (slots.failed()) failed_ = true;
  out.present = chunk->present;
  for_each_bit(chunk->present, [&](std::uint32_t i) {
    if (aggregate_->type == ValueKind::Real) {
      out.keys[i] = index::key_of_double(chunk->real[i]);
      return;
    }
    const ScaledFloor key = floor_at_scale(chunk->exact[i], aggregate_->scale);
    if (!key.exact) failed_ = true;
    out.keys[i] = source.recode ? Int128{(*source.recode)[0]} : key.floor;
  });
}

void AggregateResult::take(std::uint32_t person, Int128 key) {
  const bool is_first = !is_touched(person);
  set_bit(touched_, person);
  switch (aggregate_->kind) {
    case AggregateKind::Distinct:
      if (key != static_cast<std::int64_t>(key)) failed_ = true;
      pairs_.push_back({person, static_cast<std::int64_t>(key)});
      return;
    case AggregateKind::Avg: ++counts_[person]; [[fallthrough]];
    case AggregateKind::Sum:
      if (aggregate_->type == ValueKind::Real) {
        pairs_.push_back({person, static_cast<std::int64_t>(key)});
      } else if (is_first) {
        keys_[person] = key;
      } else if (__builtin_add_overflow(keys_[person], key, &keys_[person]) ||
                 keys_[person] > kWideMax || keys_[person] < -kWideMax) {
        failed_ = true;
      }
      return;
    case AggregateKind::Min:
      if (is_first || key < keys_[person]) keys_[person] = key;
      return;
    case AggregateKind::Max:
      if (is_first || key > keys_[person]) keys_[person] = key;
      return;
    default: CHECK(!"this aggregate takes no values");
  }
}

// Texts have no order by code.
bool AggregateResult::is_smaller(Int128 a, Int128 b) const {
  if (aggregate_->type != ValueKind::Text) return a < b;
  return aggregate_->dictionary.key(static_cast<std::uint32_t>(a)) <
         aggregate_->dictionary.key(static_cast<std::uint32_t>(b));
}

void AggregateResult::take_at(std::uint32_t person, TimeMs time, Int128 key) {
  const bool wants_first = aggregate_->kind == AggregateKind::First;
  const bool is_better = wants_first ? time < times_[person] : time > times_[person];
  if (!is_touched(person) || is_better ||
      (time == times_[person] && is_smaller(key, keys_[person]))) {
    set_bit(touched_, person);
    times_[person] = time;
    keys_[person] = key;
  }
}

void AggregateResult::finish() {
  if (pairs_.empty()) return;
  // Rows come run by run: put each person's keys side by side, then in order.
  std::vector<std::uint32_t> ends(people_.count + 1, 0);
  for (const PersonKey& pair : pairs_) ++ends[pair.person + 1];
  for (std::uint32_t p = 0; p < people_.count; ++p) ends[p + 1] += ends[p];
  std::vector<std::int64_t> sorted(pairs_.size());
  std::vector<std::uint32_t> next(ends.begin(), ends.end() - 1);
  for (const PersonKey& pair : pairs_) sorted[next[pair.person]++] = pair.key;
  for_each_bit(touched_, [&](std::uint32_t p) {
    const auto first = sorted.begin() + ends[p], last = sorted.begin() + ends[p + 1];
    std::sort(first, last);
    if (aggregate_->kind == AggregateKind::Distinct) {
      counts_[p] = static_cast<std::uint32_t>(std::unique(first, last) - first);
      return;
    }
    double sum = 0;
    for (auto key = first; key != last; ++key) sum += index::double_of_key(*key);
    reals_[p] = sum;
    if (!std::isfinite(sum)) failed_ = true;
  });
}

Scalar AggregateResult::at(std::uint32_t person) const {
  if (is_count(*aggregate_)) return {.present = true, .exact = rational_of(counts_[person])};
  const bool is_real = aggregate_->type == ValueKind::Real;
  const bool is_touched_here = is_touched(person);
  const Int128 unit =
      aggregate_->type == ValueKind::Exact ? wide_power_of_ten(aggregate_->scale) : Int128{1};
  if (aggregate_->kind == AggregateKind::Sum) {
    if (is_real) return {.present = true, .real = reals_[person]};
    return {.present = true, .exact = {is_touched_here ? keys_[person] : Int128{0}, unit}};
  }
  if (!is_touched_here) return {};
  if (aggregate_->kind == AggregateKind::Avg) {
    if (is_real) return {.present = true, .real = reals_[person] / counts_[person]};
    return {.present = true, .exact = {keys_[person], unit * counts_[person]}};
  }
  if (is_real) {
    const auto key = static_cast<std::int64_t>(keys_[person]);
    return {.present = true, .real = index::double_of_key(key)};
  }
  return {.present = true, .exact = {keys_[person], unit}};
}

std::optional<Int128> AggregateResult::key_at(std::uint32_t person) const {
  if (is_count(*aggregate_)) return counts_[person];
  if (aggregate_->kind == AggregateKind::Sum) {
    if (aggregate_->type == ValueKind::Real) return index::key_of_double(reals_[person]);
    return is_touched(person) ? keys_[person] : Int128{0};
  }
  return is_touched(person) ? std::optional(keys_[person]) : std::nullopt;
}

void AggregateResult::select(const RangeSet& ranges, std::span<std::uint64_t> out) const {
  CHECK(aggregate_->kind != AggregateKind::Avg);
  if (aggregate_->kind == AggregateKind::Count && ranges.ranges().size() == 1) {
    constexpr Int128 kMost = ~std::uint32_t{0};
    const Range& range = ranges.ranges()[0];
    if (range.high < 0 || range.low > kMost) return;
    const auto low = static_cast<std::uint32_t>(std::max(range.low, Int128{0}));
    const auto high = static_cast<std::uint32_t>(std::min(range.high, kMost));
    for (std::uint32_t p = 0; p < people_.count; ++p) {
      const std::uint64_t passes = (counts_[p] >= low) & (counts_[p] <= high);
      out[p / 64] |= passes << (p % 64);
    }
    return;
  }
  for (std::uint32_t p = 0; p < people_.count; ++p) {
    const auto key = key_at(p);
    if (key && ranges.contains(*key)) set_bit(out, p);
  }
}

void Aggregates::move_to(const PeopleRange& people) {
  people_ = people;
  for (Entry& entry : entries_) entry.aggregate = nullptr;
}

const AggregateResult& Aggregates::of(const BoundAggregate& aggregate) {
  Entry* oldest = nullptr;
  for (Entry& entry : entries_) {
    if (entry.aggregate == &aggregate) {
      entry.used = ++clock_;
      return *entry.result;
    }
    if (oldest == nullptr || entry.aggregate == nullptr || entry.used < oldest->used) {
      if (oldest == nullptr || oldest->aggregate != nullptr) oldest = &entry;
    }
  }
  const bool reuse = oldest != nullptr &&
                     (oldest->aggregate == nullptr || entries_.size() == kKept);
  if (!reuse) {
    entries_.push_back({.result = std::make_unique<AggregateResult>()});
    oldest = &entries_.back();
  }
  oldest->aggregate = &aggregate;
  oldest->used = ++clock_;
  oldest->result->compute(aggregate, generation_, people_);
  return *oldest->result;
}

std::vector<std::string> newest_events(const BoundAggregate& aggregate,
                                       const index::Generation& generation,
                                       index::Ordinal ordinal, std::size_t limit) {
  struct Found {
    TimeMs time = 0;
    const index::EventTable* table = nullptr;
    const index::EventRun* run = nullptr;
    std::uint32_t row = 0;
  };
  std::vector<Found> found;
  const std::uint32_t block = ordinal / index::kBlockSize;
  const auto person = static_cast<std::uint16_t>(ordinal % index::kBlockSize);
  for (const EventSource& source : aggregate.sources) {
    const index::EventBlock* events = source.table->block(block);
    if (events == nullptr) continue;
    for (const auto& run : events->runs) {
      for_each_taken(aggregate, source, generation, *run, block, run->rows_of(person),
                     [&](RowSlots& slots, const SlotMask& mask) {
                       for_each_bit(mask, [&](std::uint32_t i) {
                         const std::uint32_t row = slots.row_of(i);
                         found.push_back({run->time.at(row), source.table.get(), run.get(), row});
                       });
                     });
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.time > b.time; });
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> texts;
  for (const Found& each : found) {
    texts.push_back(index::event_json(*each.table, *each.run, each.row));
  }
  return texts;
}

}  // namespace muster::query
