#include "query/execute/few_events.h"

#include <algorithm>

#include "query/execute/moving_end.h"
#include "query/plan/bound.h"

namespace muster::query {
namespace {

// More rows than this are better found by their windows.
constexpr std::size_t kRowsMax = 1U << 15;

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

bool is_same(const index::FieldType& a, const index::FieldType& b) {
  return a.type == b.type && a.scale == b.scale && a.list == b.list;
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
  return property != nullptr && is_same(property->type, parts_->type);
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

void FewEvents::move_to(const PeopleList& people) {
  people_ = &people;
  is_read_ = false;
}

const FewEvents::Rows& FewEvents::rows_of(const std::string& event) {
  if (is_read_ && event_ == event) return rows_;
  is_read_ = true;
  event_ = event;
  rows_.are_too_many = false;
  rows_.parts.clear();
  rows_.rows.clear();
  rows_.place.clear();
  rows_.time.clear();
  rows_.values.clear();
  const auto table = generation_.events.find(event);
  if (table != generation_.events.end()) read(*table->second);
  return rows_;
}

void FewEvents::read(const index::EventTable& table) {
  for (const PeopleList::Part& part : people_->parts()) {
    const index::EventBlock* const block = table.block(part.block);
    if (block == nullptr || read(*block, part)) continue;
    rows_.are_too_many = true;
    return;
  }
}

// Whether they are not too many.
bool FewEvents::read(const index::EventBlock& block, const PeopleList::Part& part) {
  const auto listed = people_->listed(part);
  for (const auto& run : block.runs) {
    const std::size_t before = rows_.rows.size();
    run->order.add_rows_of(run->person, listed, rows_.rows);
    if (rows_.rows.size() > kRowsMax) return false;
    if (rows_.rows.size() == before) continue;
    rows_.parts.push_back({run.get(), static_cast<std::uint32_t>(before),
                           static_cast<std::uint32_t>(rows_.rows.size() - before)});
    std::uint32_t place = 0;  // Rows come person by person.
    for (std::size_t i = before; i < rows_.rows.size(); ++i) {
      const std::uint16_t person = run->person[rows_.rows[i]];
      while (listed[place] != person) ++place;
      rows_.place.push_back(static_cast<std::uint16_t>(part.first + place));
      rows_.time.push_back(run->time.at(rows_.rows[i]));
    }
  }
  return true;
}

const FewEvents::Values& FewEvents::values_of(const EventTest::Parts& test) {
  const auto [at, is_new] = rows_.values.try_emplace(test.property);
  Values& values = at->second;
  if (!is_new) return values;
  values.keys.assign(rows_.rows.size(), 0);
  const auto& table = *generation_.events.at(test.event);
  const std::uint32_t number = table.property(test.property)->number;
  for (const Part& part : rows_.parts) {
    if (number >= part.run->properties.size() || !part.run->properties[number]) continue;
    const index::PropertyColumn& column = *part.run->properties[number];
    const Int128 factor = wide_power_of_ten(unsigned{test.type.scale} - column.scale);
    for (std::uint32_t i = part.first; i < part.first + part.count; ++i) {
      if (!column.has(rows_.rows[i])) continue;
      const Int128 key = column.values.at(rows_.rows[i]) * factor;
      values.keys[i] = static_cast<std::int64_t>(key);
      values.is_exact &= values.keys[i] == key;
    }
  }
  return values;
}

void FewEvents::select(std::span<const EventTest* const> tests,
                       std::span<std::optional<PeopleMask>> answers) {
  const EventTest* before = nullptr;
  bool is_known = false;  // What the test before counted or added up.
  for (std::size_t i = 0; i < tests.size(); ++i) {
    const EventTest& test = *tests[i];
    const bool is_count = test.parts_->property.empty();
    const bool is_same = before != nullptr && before->parts_->event == test.parts_->event &&
                         before->parts_->property == test.parts_->property &&
                         before->from_ == test.from_ && before->to_ == test.to_;
    if (!is_same) is_known = is_count ? count(test) : add_up(test);
    before = &test;
    answers[i].reset();
    if (!is_known) continue;
    const RangeSet& ranges = test.parts_->ranges;
    answers[i] = is_count ? passing_counts(ranges) : passing_sums(ranges);
  }
}

bool FewEvents::count(const EventTest& test) {
  const Rows& rows = rows_of(test.parts_->event);
  if (rows.are_too_many) return false;
  std::fill_n(counts_.begin(), people_->words() * 64, 0);
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    counts_[rows.place[i]] += (rows.time[i] >= test.from_) & (rows.time[i] <= test.to_);
  }
  return true;
}

// No sum of kRowsMax values of 64 bits leaves 128.
bool FewEvents::add_up(const EventTest& test) {
  const Rows& rows = rows_of(test.parts_->event);
  if (rows.are_too_many) return false;
  const Values& values = values_of(*test.parts_);
  if (!values.is_exact) return false;
  std::fill_n(sums_.begin(), people_->words() * 64, Int128{0});
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const bool is_in = (rows.time[i] >= test.from_) & (rows.time[i] <= test.to_);
    sums_[rows.place[i]] += is_in ? values.keys[i] : 0;
  }
  return true;
}

namespace {

template <typename Passes>
PeopleMask passing(std::size_t words, const Passes& passes) {
  PeopleMask mask{};
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      word |= static_cast<std::uint64_t>(passes(w * 64 + i)) << i;
    }
    mask[w] = word;
  }
  return mask;
}

}  // namespace

PeopleMask FewEvents::passing_counts(const RangeSet& ranges) const {
  if (ranges.ranges().size() != 1) {
    return passing(people_->words(), [&](std::size_t i) { return ranges.contains(counts_[i]); });
  }
  const Range range = ranges.ranges()[0];
  // Counts are small: what lies beyond them is as good as their end.
  const auto low = static_cast<std::uint32_t>(std::clamp<Int128>(range.low, 0, kRowsMax + 1));
  const auto high = static_cast<std::uint32_t>(std::clamp<Int128>(range.high, 0, kRowsMax + 1));
  if (range.high < 0) return {};
  return passing(people_->words(), [&](std::size_t i) { return counts_[i] - low <= high - low; });
}

PeopleMask FewEvents::passing_sums(const RangeSet& ranges) const {
  if (ranges.ranges().size() != 1) {
    return passing(people_->words(), [&](std::size_t i) { return ranges.contains(sums_[i]); });
  }
  const Range range = ranges.ranges()[0];
  return passing(people_->words(),
                 [&](std::size_t i) { return (range.low <= sums_[i]) & (sums_[i] <= range.high); });
}

}  // namespace muster::query
