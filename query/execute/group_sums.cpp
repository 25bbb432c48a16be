#include "query/execute/group_sums.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "query/execute/value_bounds.h"

namespace muster::query {
namespace {

using Values32 = std::numeric_limits<std::int32_t>;

// In 64 bits, which hold whatever 2^32 values of 32 bits add up to; both ends belong.
struct Interval {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();

  void narrow(const Range& range) {
    const Int128 from = std::max<Int128>(low, range.low), to = std::min<Int128>(high, range.high);
    low = from <= to ? static_cast<std::int64_t>(from) : 1;
    high = from <= to ? static_cast<std::int64_t>(to) : 0;
  }
  bool has(std::int64_t number) const { return (low <= number) & (number <= high); }
};

// What `having` asks of a group, and whose values are added up.
struct Asked {
  const BoundAggregate* values = nullptr;  // Null: none.
  Interval counts, sums;
};

bool is_sum_of_stored(const BoundAggregate& aggregate) {
  const auto is_plain = [](const EventSource& source) {
    return source.value && source.value->kind == BoundValueKind::Field && !source.recode &&
           source.value->field->place == FieldPlace::Property && !source.value->field->lookup &&
           source.value->field->property;
  };
  return aggregate.kind == AggregateKind::Sum && aggregate.type == ValueKind::Exact &&
         !aggregate.is_fraction &&
         std::all_of(aggregate.sources.begin(), aggregate.sources.end(), is_plain);
}

// Requires that both are sums of stored values of the same events.
bool has_same_values(const BoundAggregate& a, const BoundAggregate& b) {
  for (std::size_t s = 0; s < a.sources.size(); ++s) {
    if (a.sources[s].value->field->property->number !=
        b.sources[s].value->field->property->number) {
      return false;
    }
  }
  return a.scale == b.scale;
}

// Returns false when the node asks for more than can be told here.
bool read_having(const BoundNode& node, Asked& asked) {
  if (node.kind == BoundKind::And) {
    return std::all_of(node.children.begin(), node.children.end(),
                       [&](const BoundNodePtr& child) { return read_having(*child, asked); });
  }
  if (node.kind != BoundKind::AggregateTest || node.ranges.ranges().size() != 1) return false;
  const BoundAggregate& inner = *node.aggregate;
  if (inner.grouping || inner.edge || inner.since) return false;
  if (inner.kind == AggregateKind::Count) {
    asked.counts.narrow(node.ranges.ranges()[0]);
    return true;
  }
  if (!is_sum_of_stored(inner)) return false;
  if (asked.values != nullptr && !has_same_values(*asked.values, inner)) return false;
  asked.values = &inner;
  asked.sums.narrow(node.ranges.ranges()[0]);
  return true;
}

std::optional<Asked> asked_of(const BoundAggregate& aggregate) {
  Asked asked;
  if (aggregate.kind == AggregateKind::Sum) {
    if (!is_sum_of_stored(aggregate)) return std::nullopt;
    asked.values = &aggregate;
  } else if (aggregate.kind != AggregateKind::Count) {
    return std::nullopt;
  }
  const auto& keys = aggregate.grouping->key->sources;
  if (aggregate.grouping->key->is_fraction ||
      !std::all_of(keys.begin(), keys.end(), has_stored_value)) {
    return std::nullopt;
  }
  const BoundNode* having = aggregate.grouping->having.get();
  if (having != nullptr && !read_having(*having, asked)) return std::nullopt;
  return asked;
}

class GroupSums {
 public:
  GroupSums(const BoundAggregate& aggregate, const Asked& asked,
            const index::Generation& generation, RowsByPerson& rows)
      : aggregate_(aggregate),
        key_(*aggregate.grouping->key),
        asked_(asked),
        generation_(generation),
        rows_(rows) {}

  // Returns false when keys or values may not fit.
  bool find(const PeopleRange& people, Accumulator& into) {
    const auto narrow = [&](std::size_t s, const index::EventRun& run, RowSlots& slots,
                            SlotMask& mask) {
      keys_.include(bounds_of_values(key_, key_.sources[s], run));
      if (asked_.values != nullptr) {
        values_.include(bounds_of_values(*asked_.values, asked_.values->sources[s], run));
      }
      if (is_in_every_row(key_.sources[s], run)) return;
      fits_ = read_stored(key_, key_.sources[s], slots, chunk_) && fits_;
      for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= chunk_.present[w];
    };
    if (!rows_.find(aggregate_, generation_, people, narrow)) into.fail();
    const bool has_narrow_keys =
        !keys_.is_some() || keys_.high - keys_.low <= std::numeric_limits<std::uint32_t>::max();
    const bool has_narrow_values =
        !values_.is_some() || (values_.low >= Values32::min() && values_.high <= Values32::max());
    return fits_ && keys_.fit() && has_narrow_keys && has_narrow_values;
  }

  void place() {
    const auto least = keys_.is_some() ? static_cast<std::uint64_t>(keys_.low) : 0;
    events_.resize(rows_.rows());
    KeyChunk values;
    values.keys.fill(0);
    rows_.again(generation_, [&](std::size_t s, const auto&, RowSlots& slots,
                                 const SlotMask& mask) {
      read_stored(key_, key_.sources[s], slots, chunk_);
      // Rows without the value hold 0, which changes no sum.
      if (asked_.values != nullptr) {
        read_stored(*asked_.values, asked_.values->sources[s], slots, values);
      }
      rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
        events_[at] = {
            static_cast<std::uint32_t>(static_cast<std::uint64_t>(chunk_.keys[i]) - least),
            static_cast<std::int32_t>(values.keys[i])};
      });
    });
  }

  void take(Accumulator& into) {
    std::uint32_t first = 0;
    for (std::uint32_t place = 0; place < rows_.ends().size(); ++place) {
      const std::uint32_t end = rows_.ends()[place];
      const auto own = std::span(events_).subspan(first, end - first);
      first = end;
      if (own.empty()) continue;
      const Result result = own.size() <= kFew ? of_few(own) : of_many(own);
      if (aggregate_.kind == AggregateKind::Count) {
        into.count(place, result.groups);
      } else if (result.groups > 0) {
        into.take(place, result.sum);
      }
    }
  }

 private:
  struct Event {
    std::uint32_t key = 0;
    std::int32_t value = 0;
  };
  // Of one person: the groups that qualify, and what their events add up to.
  struct Result {
    std::uint32_t groups = 0;
    std::int64_t sum = 0;

    void add(bool qualifies, std::int64_t of_group) {
      groups += qualifies;
      sum += qualifies ? of_group : 0;
    }
  };

  // Comparing each with each needs no branches.
  static constexpr std::size_t kFew = 12;
  Result of_few(std::span<const Event> events) const {
    Result result;
    for (std::size_t i = 0; i < events.size(); ++i) {
      std::int64_t count = 0, sum = 0;
      bool is_known = false;
      for (std::size_t j = 0; j < events.size(); ++j) {
        const bool is_same = events[j].key == events[i].key;
        count += is_same;
        sum += is_same ? events[j].value : 0;
        is_known |= is_same & (j < i);
      }
      result.add(!is_known & asked_.counts.has(count) & asked_.sums.has(sum), sum);
    }
    return result;
  }

  Result of_many(std::span<Event> events) const {
    std::sort(events.begin(), events.end(),
              [](const Event& a, const Event& b) { return a.key < b.key; });
    Result result;
    for (std::size_t i = 0; i < events.size();) {
      const std::size_t first = i;
      std::int64_t sum = 0;
      for (; i < events.size() && events[i].key == events[first].key; ++i) sum += events[i].value;
      const auto count = static_cast<std::int64_t>(i - first);
      result.add(asked_.counts.has(count) & asked_.sums.has(sum), sum);
    }
    return result;
  }

  const BoundAggregate& aggregate_;
  const BoundAggregate& key_;
  const Asked& asked_;
  const index::Generation& generation_;
  RowsByPerson& rows_;
  ValueBounds keys_, values_;
  KeyChunk chunk_;
  std::vector<Event> events_;  // By person.
  bool fits_ = true;
};

}  // namespace

bool sum_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                const PeopleRange& people, RowsByPerson& rows, Accumulator& into) {
  const auto asked = asked_of(aggregate);
  if (!asked) return false;
  GroupSums sums(aggregate, *asked, generation, rows);
  if (!sums.find(people, into)) return false;
  sums.place();
  sums.take(into);
  return true;
}

}  // namespace muster::query
