#include "query/execute/few_events.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/sort_once.h"
#include "query/execute/moving_end.h"
#include "query/plan/bound.h"

namespace muster::query {
namespace {

// Who has so many rows in a run is held by their numbers against the ends of windows.
constexpr std::size_t kManyRows = 32;
// Sums and their differences stay within 64 bits.
constexpr Int128 kSumMax = std::numeric_limits<std::int64_t>::max() / 2;

// Other names may come: of those that are asked for and that nobody did yet, or of any event.
bool is_of_one_name(const BoundAggregate& aggregate) {
  if (!aggregate.source) return false;
  const Events& events = aggregate.source->events;
  return !events.any_event && events.names.size() == 1;
}

bool is_plain(const BoundAggregate& aggregate) {
  return is_of_one_name(aggregate) && aggregate.sources.size() == 1 && aggregate.sources[0].table &&
         !aggregate.sources[0].where && !aggregate.edge && !aggregate.since &&
         !aggregate.grouping && !aggregate.is_fraction;
}

// The property that is added up; null where it is something else.
const BoundField* summed(const BoundAggregate& aggregate) {
  const EventSource& source = aggregate.sources[0];
  if (aggregate.kind != AggregateKind::Sum || aggregate.type != ValueKind::Exact) return nullptr;
  if (!source.value || source.value->kind != BoundValueKind::Field || source.recode) return nullptr;
  const BoundField& field = *source.value->field;
  const bool is_stored = field.place == FieldPlace::Property && field.property && !field.lookup;
  return is_stored && field.property->type.scale == aggregate.scale ? &field : nullptr;
}

// Calls go(values less their minimum, as they are packed).
template <typename Go>
void with_packed(const index::PackedInts& values, const Go& go) {
  const auto view = values.view(0, values.size());
  static constexpr std::uint8_t kZero = 0;
  if (!view) return go(&kZero);  // All are the minimum; rows: there is one.
  switch (view->width) {
    case 1: return go(reinterpret_cast<const std::uint8_t*>(view->values));
    case 2: return go(reinterpret_cast<const std::uint16_t*>(view->values));
    case 4: return go(reinterpret_cast<const std::uint32_t*>(view->values));
    default: return go(reinterpret_cast<const std::uint64_t*>(view->values));
  }
}

}  // namespace

std::optional<EventTest> EventTest::of(const BoundQuery& query) {
  const BoundNode& plan = *query.plan;
  if (plan.kind != BoundKind::AggregateTest || !is_plain(*plan.aggregate)) return std::nullopt;
  const BoundAggregate& aggregate = *plan.aggregate;
  const ClockUse& clock = query.clock_use;
  if (!clock.beyond_windows.empty() || clock.windows.size() > 1) return std::nullopt;
  auto parts = std::make_shared<Parts>();
  parts->event = aggregate.sources[0].table->name;
  parts->ranges = plan.ranges;
  if (aggregate.kind != AggregateKind::Count) {
    const BoundField* const field = summed(aggregate);
    if (field == nullptr) return std::nullopt;
    const auto& known = aggregate.sources[0].table->properties;
    const auto named = std::find_if(known.begin(), known.end(), [&](const auto& property) {
      return property.second == field->property;
    });
    if (named == known.end()) return std::nullopt;
    parts->property = named->first;
    parts->type = field->property->type;
  }
  if (!clock.windows.empty()) parts->window = clock.windows[0];
  EventTest test;
  test.parts_ = std::move(parts);
  test.move_to(query.now);
  // Anything else that binding knows of the window is not known here.
  if (test.from_ != aggregate.from || test.to_ != aggregate.to) return std::nullopt;
  return test;
}

bool EventTest::fits(const index::Generation& generation) const {
  if (parts_->property.empty()) return true;
  const auto table = generation.events.find(parts_->event);
  if (table == generation.events.end()) return false;
  const index::EventProperty* const property = table->second->property(parts_->property);
  return property != nullptr && is_same_type(property->type, parts_->type);
}

void EventTest::move_to(TimeMs now) {
  from_ = kBeforeAllTimes;
  to_ = now;
  if (!parts_->window) return;
  from_ = end_at(*parts_->window, true, now);
  to_ = std::min(now, end_at(*parts_->window, false, now));
}

const std::string& EventTest::event() const { return parts_->event; }

std::string EventTest::sum_key() const {
  return parts_->event + "\n" + parts_->property + "\n" +
         (parts_->window ? key_of(*parts_->window) : std::string());
}

// --- What is asked ------------------------------------------------------------------------------

namespace {

// Both ends of a window belong: behind the last one another part begins.
template <typename Ends>
void add_ends(TimeMs from, TimeMs to, Ends& ends) {
  if (from > to) return;
  ends.push_back(from);
  ends.push_back(to + 1);
}

// How many ends are at or before a moment: the part of time it belongs to.
// Without branches that nobody can foresee.
template <typename End>
std::size_t part_of(std::span<const End> ends, End moment) {
  std::size_t first = 0;
  for (std::size_t left = ends.size(); left > 0;) {
    const std::size_t half = (left + 1) / 2;
    first += ends[first + half - 1] <= moment ? half : 0;
    left -= half;
  }
  return first;
}

}  // namespace

void FewEvents::select(std::span<const EventTest* const> tests,
                       std::span<std::optional<PeopleMask>> answers) {
  each_ = people_->words() * 64;
  for (std::size_t first = 0; first < tests.size();) {
    std::size_t last = first + 1;
    while (last < std::min(tests.size(), first + kTestsAtOnce) &&
           tests[last]->event() == tests[first]->event()) {
      ++last;
    }
    plan(tests.subspan(first, last - first));
    const auto table = generation_.events.find(tests[first]->event());
    if (table != generation_.events.end() && !ends_.empty()) read(*table->second);
    add_up_parts();
    for (; first < last; ++first) {
      const EventTest& test = *tests[first];
      answers[first].reset();
      if (test.parts_->property.empty()) {
        answers[first] = passing_counts(test);
      } else if (const Property& property = property_of(test); property.sum_max <= kSumMax) {
        answers[first] = passing_sums(test, property);
      }
    }
  }
}

void FewEvents::plan(std::span<const EventTest* const> tests) {
  ends_.clear();
  properties_.clear();
  for (const EventTest* const test : tests) {
    add_ends(test->from_, test->to_, ends_);
    if (!test->parts_->property.empty()) {
      add_ends(test->from_, test->to_, property_of(*test).ends);
    }
  }
  sort_once(ends_);
  counts_.assign((ends_.size() + 1) * each_, 0);
  std::size_t parts = 0;
  for (Property& property : properties_) {
    sort_once(property.ends);
    property.part_of = {0};
    for (const TimeMs end : ends_) {
      property.part_of.push_back(part_of<TimeMs>(property.ends, end));
    }
    property.at = parts * each_;
    parts += property.ends.size() + 1;
  }
  sums_.assign(parts * each_, 0);
}

// Tests of one property are neighbours.
FewEvents::Property& FewEvents::property_of(const EventTest& test) {
  const std::string& name = test.parts_->property;
  const auto known = std::find_if(properties_.rbegin(), properties_.rend(), [&](const auto& each) {
    return each.test->parts_->property == name;
  });
  if (known != properties_.rend()) return *known;
  Property& made = properties_.emplace_back();
  made.test = &test;
  made.number = generation_.events.at(test.event())->property(name)->number;
  return made;
}

// --- What they did ------------------------------------------------------------------------------

void FewEvents::read(const index::EventTable& table) {
  for (const PeopleList::Part& part : people_->parts()) {
    const index::EventBlock* const block = table.block(part.block);
    if (block == nullptr) continue;
    for (Property& property : properties_) property.block_max = 0;
    for (const auto& run : block->runs) read(*run, part);
  }
}

void FewEvents::read(const index::EventRun& run, const PeopleList::Part& part) {
  const std::size_t oldest = part_of<TimeMs>(ends_, run.time.min());
  const std::size_t newest = part_of<TimeMs>(ends_, run.time.max());
  if (newest == 0 || oldest == ends_.size()) return;
  const auto listed = people_->listed(part);
  stretches_.resize(listed.size());
  run.order.find(run.person, listed, stretches_);
  find_columns(run);
  row_ends_.clear();
  with_packed(run.order.sorted(), [&]<typename Row>(const Row* sorted) {
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const auto stretch = stretches_[i];
      if (stretch.empty()) continue;
      const std::span<const Row> rows(sorted + stretch.first, sorted + stretch.last);
      const std::size_t place = part.first + i;
      if (oldest == newest) {
        take(place, oldest, rows);
      } else if (rows.size() < kManyRows) {
        take_few(run, place, rows);
      } else {
        take_many(run, place, rows);
      }
    }
  });
}

void FewEvents::find_columns(const index::EventRun& run) {
  for (Property& property : properties_) {
    const bool has = property.number < run.properties.size() && run.properties[property.number];
    property.column = has ? run.properties[property.number].get() : nullptr;
    if (!has) continue;
    const auto factor = static_cast<std::int64_t>(
        wide_power_of_ten(unsigned{property.test->parts_->type.scale} - property.column->scale));
    const Int128 least = property.column->values.min(), most = property.column->values.max();
    const Int128 value_max = std::max(-least, most) * factor;
    // Rows are counted in 32 bits.
    property.block_max += value_max > kSumMax ? kSumMax + 1 : value_max * run.order.rows_max();
    property.sum_max = std::max(property.sum_max, property.block_max);
    property.factor = factor;
    if (property.sum_max > kSumMax) property.column = nullptr;
  }
}

void FewEvents::find_row_ends(const index::EventRun& run) {
  if (!row_ends_.empty()) return;
  for (const TimeMs end : ends_) {
    const bool is_behind = end > run.time.max();
    row_ends_.push_back(is_behind ? run.rows : run.time.within(end, run.time.max()).first);
  }
}

template <typename Row>
void FewEvents::take(std::size_t place, std::size_t part, std::span<const Row> rows) {
  counts_[part * each_ + place] += static_cast<std::uint32_t>(rows.size());
  for (const Property& property : properties_) {
    const std::size_t own = property.part_of[part];
    if (property.column == nullptr || own == 0 || own == property.ends.size()) continue;
    const index::PackedInts& values = property.column->values;
    std::int64_t sum = 0;  // Rows without the property hold 0.
    for (const Row row : rows) sum += values.at(static_cast<std::uint32_t>(row));
    sums_[property.at + own * each_ + place] += sum * property.factor;
  }
}

template <typename Row>
void FewEvents::take_few(const index::EventRun& run, std::size_t place,
                         std::span<const Row> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TimeMs time = run.time.at(static_cast<std::uint32_t>(rows[i]));
    take(place, part_of<TimeMs>(ends_, time), rows.subspan(i, 1));
  }
}

template <typename Row>
void FewEvents::take_many(const index::EventRun& run, std::size_t place,
                          std::span<const Row> rows) {
  find_row_ends(run);
  for (std::size_t part = 0; part <= row_ends_.size() && !rows.empty(); ++part) {
    const auto end = part == row_ends_.size()
                         ? rows.end()
                         : std::lower_bound(rows.begin(), rows.end(), row_ends_[part]);
    const auto count = static_cast<std::size_t>(end - rows.begin());
    if (count != 0) take(place, part, rows.first(count));
    rows = rows.subspan(count);
  }
}

void FewEvents::add_up_parts() {
  for (std::size_t i = each_; i < counts_.size(); ++i) counts_[i] += counts_[i - each_];
  for (const Property& property : properties_) {
    std::int64_t* const sums = sums_.data() + property.at;
    const std::size_t end = (property.ends.size() + 1) * each_;
    for (std::size_t i = each_; i < end; ++i) sums[i] += sums[i - each_];
  }
}

// --- Who passes ---------------------------------------------------------------------------------

namespace {

// A bit each, from a byte of 0 or 1 each.
template <typename Passes>
PeopleMask passing(std::size_t words, const Passes& passes) {
  PeopleMask mask{};
  for (std::size_t w = 0; w < words; ++w) {
    std::array<std::uint8_t, 64> each;
    for (std::size_t i = 0; i < 64; ++i) each[i] = passes(w * 64 + i) ? 1 : 0;
    for (std::size_t i = 0; i < 64; i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, &each[i], sizeof eight);
      // Byte k lands in bit 56 + k; nothing carries there.
      mask[w] |= ((eight * 0x0102'0408'1020'4080U) >> 56) << i;
    }
  }
  return mask;
}

// Whose number up to the window's last part, less that of before it, is in the ranges.
template <typename Number>
PeopleMask passing(std::size_t words, const RangeSet& ranges, const Number* before,
                   const Number* behind) {
  if (ranges.ranges().size() != 1) {
    return passing(words, [&](std::size_t i) { return ranges.contains(behind[i] - before[i]); });
  }
  const Int128 least = std::numeric_limits<Number>::min();
  const Int128 most = std::numeric_limits<Number>::max();
  const Range range = ranges.ranges()[0];
  if (range.high < least || range.low > most) return {};
  const auto low = static_cast<Number>(std::max(range.low, least));
  const auto high = static_cast<Number>(std::min(range.high, most));
  return passing(words, [=](std::size_t i) {
    const auto number = static_cast<Number>(behind[i] - before[i]);
    return (low <= number) & (number <= high);
  });
}

// Where the numbers of an end begin.
std::size_t place_of(std::span<const TimeMs> ends, TimeMs end) {
  return static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), end) - ends.begin());
}

}  // namespace

PeopleMask FewEvents::passing_counts(const EventTest& test) const {
  const std::uint32_t* const before = counts_.data() + place_of(ends_, test.from_) * each_;
  const bool is_none = test.from_ > test.to_;
  const std::uint32_t* const behind =
      is_none ? before : counts_.data() + place_of(ends_, test.to_ + 1) * each_;
  return passing(people_->words(), test.parts_->ranges, before, behind);
}

PeopleMask FewEvents::passing_sums(const EventTest& test, const Property& property) const {
  const std::int64_t* const sums = sums_.data() + property.at;
  const std::int64_t* const before = sums + place_of(property.ends, test.from_) * each_;
  const bool is_none = test.from_ > test.to_;
  const std::int64_t* const behind =
      is_none ? before : sums + place_of(property.ends, test.to_ + 1) * each_;
  return passing(people_->words(), test.parts_->ranges, before, behind);
}

}  // namespace muster::query
