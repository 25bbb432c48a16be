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

void FewEvents::move_to(const PeopleRange& people) {
  people_ = people;
  is_read_ = false;
}

FewEvents::Rows& FewEvents::rows_of(const std::string& event) {
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
  if (table != generation_.events.end()) read(*table->second, rows_);
  return rows_;
}

void FewEvents::read(const index::EventTable& table, Rows& rows) const {
  const index::EventBlock* const block = table.block(people_.block);
  if (block == nullptr) return;
  for (const auto& run : block->runs) {
    const std::size_t before = rows.rows.size();
    run->order.add_rows_of(run->person, people_.listed, rows.rows);
    if (rows.rows.size() > kRowsMax) {
      rows.are_too_many = true;
      return;
    }
    if (rows.rows.size() == before) continue;
    rows.parts.push_back({run.get(), static_cast<std::uint32_t>(before),
                          static_cast<std::uint32_t>(rows.rows.size() - before)});
    std::uint16_t place = 0;  // Rows come person by person.
    for (std::size_t i = before; i < rows.rows.size(); ++i) {
      const std::uint16_t person = run->person[rows.rows[i]];
      while (people_.listed[place] != person) ++place;
      rows.place.push_back(place);
      rows.time.push_back(run->time.at(rows.rows[i]));
    }
  }
}

const FewEvents::Values& FewEvents::values_of(const EventTest::Parts& test, Rows& rows) const {
  const auto [at, is_new] = rows.values.try_emplace(test.property);
  Values& values = at->second;
  if (!is_new) return values;
  values.keys.assign(rows.rows.size(), 0);
  const auto& table = *generation_.events.at(test.event);
  const std::uint32_t number = table.property(test.property)->number;
  for (const Part& part : rows.parts) {
    if (number >= part.run->properties.size() || !part.run->properties[number]) continue;
    const index::PropertyColumn& column = *part.run->properties[number];
    const Int128 factor = wide_power_of_ten(unsigned{test.type.scale} - column.scale);
    for (std::uint32_t i = part.first; i < part.first + part.count; ++i) {
      if (!column.has(rows.rows[i])) continue;
      const Int128 key = column.values.at(rows.rows[i]) * factor;
      values.keys[i] = static_cast<std::int64_t>(key);
      values.is_exact &= values.keys[i] == key;
    }
  }
  return values;
}

std::optional<SlotMask> FewEvents::select(const EventTest& test) {
  Rows& rows = rows_of(test.parts_->event);
  if (rows.are_too_many) return std::nullopt;
  if (!test.parts_->property.empty()) return select_sum(test, rows);
  return select_count(test, rows);
}

SlotMask FewEvents::select_count(const EventTest& test, const Rows& rows) {
  std::fill_n(counts_.begin(), people_.count, 0);
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    counts_[rows.place[i]] += (rows.time[i] >= test.from_) & (rows.time[i] <= test.to_);
  }
  SlotMask mask{};
  for (std::uint32_t i = 0; i < people_.count; ++i) {
    if (test.parts_->ranges.contains(counts_[i])) set_bit(mask, i);
  }
  return mask;
}

// No sum of kRowsMax values of 64 bits leaves 128.
std::optional<SlotMask> FewEvents::select_sum(const EventTest& test, Rows& rows) {
  const Values& values = values_of(*test.parts_, rows);
  if (!values.is_exact) return std::nullopt;
  std::fill_n(sums_.begin(), people_.count, Int128{0});
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const bool is_in = (rows.time[i] >= test.from_) & (rows.time[i] <= test.to_);
    sums_[rows.place[i]] += is_in ? values.keys[i] : 0;
  }
  SlotMask mask{};
  for (std::uint32_t i = 0; i < people_.count; ++i) {
    if (test.parts_->ranges.contains(sums_[i])) set_bit(mask, i);
  }
  return mask;
}

}  // namespace muster::query
