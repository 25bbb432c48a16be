#include "query/execute/distinct_days.h"

#include <algorithm>
#include <limits>

namespace muster::query {
namespace {

constexpr std::uint32_t kNumberBits = 16;
constexpr std::uint32_t kNumbersMax = (1U << kNumberBits) - 1;  // Of days, and of runs' stretches.
constexpr std::size_t kRunsMax = 64;

// Parts that never come back later, but for days when clocks are set.
bool is_ascending(DatePart part) { return part == DatePart::Date || part == DatePart::Year; }

bool is_of_days(const BoundAggregate& aggregate) {
  const auto is_day = [](const EventSource& source) {
    const BoundValue& value = *source.value;
    return !source.recode && value.kind == BoundValueKind::DatePartOf && is_ascending(value.part) &&
           value.children[0]->kind == BoundValueKind::Field &&
           value.children[0]->field->place == FieldPlace::EventTime;
  };
  return aggregate.kind == AggregateKind::Distinct && !aggregate.grouping && !aggregate.edge &&
         !aggregate.since && !aggregate.is_fraction &&
         std::all_of(aggregate.sources.begin(), aggregate.sources.end(), is_day);
}

// The sets of people who have so many days, united.
void select_counts(std::span<const std::uint32_t> days, const RangeSet& ranges, MutableBlock out) {
  std::fill(out.begin(), out.end(), 0);
  const index::PackedView view{reinterpret_cast<const std::byte*>(days.data()), kBlockSize,
                               sizeof(std::uint32_t)};
  std::array<std::uint64_t, kBlockWords> passing;
  for (const Range& range : ranges.ranges()) {
    const Int128 low = std::max<Int128>(range.low, 0);
    const Int128 high = std::min<Int128>(range.high, kNumbersMax);
    if (low > high) continue;
    index::kernels().select_range(view, static_cast<std::uint64_t>(low) << kNumberBits,
                                  (static_cast<std::uint64_t>(high) << kNumberBits) | kNumbersMax,
                                  passing.data());
    index::kernels().or_write(passing, out, out);
  }
}

}  // namespace

// Which day row `next` is of.
void DistinctDays::look(Cursor& cursor) {
  if (cursor.next == cursor.end) return;
  const TimeMs time = cursor.run->time.at(cursor.next);
  cursor.day = cursor.days.of(time);
  cursor.day_end = cursor.days.end();
}

bool DistinctDays::find_rows(const BoundAggregate& aggregate, std::uint32_t block) {
  cursors_.clear();
  for (const EventSource& source : aggregate.sources) {
    const index::EventBlock* const events = source.table->block(block);
    if (events == nullptr) continue;
    for (const auto& run : events->runs) {
      const auto [first, end] = run->time.within(aggregate.from, aggregate.to);
      if (first == end) continue;
      if (cursors_.size() == kRunsMax) return false;
      const BoundValue& value = *source.value;
      cursors_.push_back({.source = &source,
                          .run = run.get(),
                          .days = DateParts(value.part, ValueKind::Time, value.zone),
                          .next = first,
                          .end = end});
      look(cursors_.back());
    }
  }
  return true;
}

// Without a branch on whether the person was seen that day, which cannot be foretold.
void DistinctDays::count_rows(const std::uint16_t* person, std::span<const std::uint64_t> passing,
                              std::uint32_t count) {
  std::uint32_t* const days = days_.data();
  const std::uint32_t number = number_;
  const auto see = [&](std::uint32_t who) {
    const std::uint32_t known = days[who];
    const std::uint32_t last = known & kNumbersMax;
    const std::uint32_t next = (known - last) + (1U << kNumberBits) + number;
    days[who] = last == number ? known : next;
  };
  if (passing.empty()) {
    for (std::uint32_t i = 0; i < count; ++i) see(person[i]);
  } else {
    for_each_bit(passing, [&](std::uint32_t i) { see(person[i]); });
  }
}

void DistinctDays::count_day(Cursor& cursor, RowFilter& filter) {
  const index::EventRun& run = *cursor.run;
  std::uint32_t end = cursor.end;
  if (run.time.at(end - 1) >= cursor.day_end) {
    end = run.time.within(run.time.at(cursor.next), cursor.day_end - 1).second;
  }
  const BoundNode* const where = cursor.source->where.get();
  while (cursor.next < end) {
    const std::uint32_t count = std::min(RowFilter::kRowsMax, end - cursor.next);
    const std::uint16_t* const person = run.person.data() + cursor.next;
    count_rows(person,
               where == nullptr ? std::span<const std::uint64_t>()
                                : filter.passing(where, run, cursor.next, count),
               count);
    cursor.next += count;
  }
  look(cursor);
}

std::optional<DistinctDays::Answer> DistinctDays::select(const BoundNode& test,
                                                         const index::Generation& generation,
                                                         std::uint32_t block, MutableBlock out) {
  const BoundAggregate& aggregate = *test.aggregate;
  if (!is_of_days(aggregate) || !find_rows(aggregate, block)) return std::nullopt;
  days_.assign(kBlockSize, 0);
  number_ = 0;
  RowFilter filter(generation, block);
  while (true) {
    std::erase_if(cursors_, [](const Cursor& cursor) { return cursor.next == cursor.end; });
    if (cursors_.empty()) break;
    std::int64_t day = std::numeric_limits<std::int64_t>::max();
    for (const Cursor& cursor : cursors_) day = std::min(day, cursor.day);
    if (++number_ == kNumbersMax) return std::nullopt;
    for (Cursor& cursor : cursors_) {
      // On days when clocks are set several stretches of a run are of one day.
      while (cursor.next < cursor.end && cursor.day == day) count_day(cursor, filter);
      if (cursor.next < cursor.end && cursor.day < day) return std::nullopt;
    }
  }
  select_counts(days_, test.ranges, out);
  return Answer{.failed = filter.failed()};
}

}  // namespace muster::query
