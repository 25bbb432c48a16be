#include "query/execute/group_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "index/kernels/groups.h"
#include "query/execute/packed_rows.h"
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

// The values of a stretch of rows as they are packed, above the least one.
struct PackedValues {
  index::PackedView view;
  std::uint64_t least = 0;
};

// Nothing where read_stored() makes others of them, or they are wide.
std::optional<PackedValues> packed_values(const BoundAggregate& aggregate,
                                          const EventSource& source, const RowSlots& slots) {
  const BoundValue& value = *source.value;
  if (slots.is_listed() || source.recode || value.kind != BoundValueKind::Field ||
      value.field->place != FieldPlace::Property || value.field->lookup) {
    return std::nullopt;
  }
  const index::PropertyColumn* const column = column_of(slots.run(), *value.field);
  if (column == nullptr) return std::nullopt;
  if (aggregate.type == ValueKind::Exact && column->scale != aggregate.scale) return std::nullopt;
  const auto view = column->values.view(slots.row_of(0), slots.count());
  if (!view || view->width > sizeof(std::uint32_t)) return std::nullopt;
  return PackedValues{*view, static_cast<std::uint64_t>(column->values.min())};
}

// Calls go(value by row).
template <typename Go>
void with_width(const index::PackedView& view, const Go& go) {
  switch (view.width) {
    case 1: return go(reinterpret_cast<const std::uint8_t*>(view.values));
    case 2: return go(reinterpret_cast<const std::uint16_t*>(view.values));
    default: return go(reinterpret_cast<const std::uint32_t*>(view.values));
  }
}

class GroupSums {
 public:
  // `key`: of the groups; of the same sources as the aggregate.
  GroupSums(const BoundAggregate& aggregate, const BoundAggregate& key, const Asked& asked,
            const index::Generation& generation, RowsByPerson& rows, GroupTotals& totals)
      : aggregate_(aggregate),
        key_(key),
        asked_(asked),
        generation_(generation),
        rows_(rows),
        totals_(totals) {}

  // Returns false when keys or values may not fit.
  bool find(const PeopleRange& people) {
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
    totals_.failed = !rows_.find(aggregate_, generation_, people, narrow);
    const bool has_narrow_keys =
        !keys_.is_some() || keys_.high - keys_.low <= std::numeric_limits<std::uint32_t>::max();
    const bool has_narrow_values =
        !values_.is_some() || (values_.low >= Values32::min() && values_.high <= Values32::max());
    return fits_ && keys_.fit() && has_narrow_keys && has_narrow_values;
  }

  void place() {
    const auto least = keys_.is_some() ? static_cast<std::uint64_t>(keys_.low) : 0;
    totals_.events.resize(rows_.rows() + kPadding);
    std::uint64_t* const events = totals_.events.data();
    KeyChunk values;
    values.keys.fill(0);
    rows_.again(generation_, [&](std::size_t s, const auto&, RowSlots& slots,
                                 const SlotMask& mask) {
      if (place_packed(s, slots, mask, least)) return;
      read_stored(key_, key_.sources[s], slots, chunk_);
      // Rows without the value hold 0, which changes no sum.
      if (asked_.values != nullptr) {
        read_stored(*asked_.values, asked_.values->sources[s], slots, values);
      }
      rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
        const auto key = static_cast<std::uint32_t>(static_cast<std::uint64_t>(chunk_.keys[i]) -
                                                    least);
        events[at] = static_cast<std::uint64_t>(values.keys[i]) << 32 | key;
      });
    });
  }

  void add_up() {
    name_people();
    totals_.counts.assign(rows_.ends().size(), 0);
    totals_.sums.assign(asked_.values != nullptr ? rows_.ends().size() : 0, 0);
    // Between those who have many: they are sorted.
    std::uint32_t first = 0, begin = 0;
    for (std::uint32_t place = 0; place < rows_.ends().size(); ++place) {
      const std::uint32_t end = rows_.ends()[place];
      if (end - begin > kComparedMax) [[unlikely]] {
        compare(first, begin);
        sort_and_add(place, begin, end);
        first = end;
      }
      begin = end;
    }
    compare(first, begin);
  }

 private:
  // Keys and values without being unpacked first.  Returns false where they have to be.
  bool place_packed(std::size_t s, const RowSlots& slots, const SlotMask& mask,
                    std::uint64_t least) {
    const auto keys = packed_values(key_, key_.sources[s], slots);
    if (!keys) return false;
    std::uint64_t* const events = totals_.events.data();
    const std::uint64_t key_base = keys->least - least;
    const auto place_with = [&](const auto* own, const auto& value_at) {
      rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
        const auto key = static_cast<std::uint32_t>(own[i] + key_base);
        events[at] = value_at(i) << 32 | key;
      });
    };
    if (asked_.values == nullptr) {
      with_width(keys->view, [&](const auto* own) {
        place_with(own, [](std::uint32_t) { return std::uint64_t{0}; });
      });
      return true;
    }
    const auto values = packed_values(*asked_.values, asked_.values->sources[s], slots);
    if (!values) return false;
    with_width(keys->view, [&](const auto* own) {
      with_width(values->view, [&](const auto* packed) {
        const std::uint64_t base = values->least;
        place_with(own, [=](std::uint32_t i) { return base + packed[i]; });
      });
    });
    return true;
  }

  static constexpr std::uint32_t kPadding = 64;
  // Of one person, each with each.
  static constexpr std::uint32_t kComparedMax = 64;

  // The place of each row's person, row by row.
  void name_people() {
    constexpr std::uint32_t kMostly = 16;
    totals_.people.resize(rows_.rows() + kPadding);
    std::uint16_t* const people = totals_.people.data();
    std::uint32_t row = 0;
    for (std::uint32_t place = 0; place < rows_.ends().size(); ++place) {
      const std::uint32_t end = rows_.ends()[place];
      // More than there are may be written: the next person's come over them.
      std::array<std::uint64_t, kMostly / 4> name;
      name.fill(place * 0x0001'0001'0001'0001ULL);
      std::memcpy(people + row, name.data(), sizeof name);
      for (row += kMostly; row < end; ++row) people[row] = static_cast<std::uint16_t>(place);
      row = end;
    }
    std::fill_n(people + row, kPadding, std::uint16_t{0});
  }

  void add(std::uint32_t place, std::int64_t sum) {
    ++totals_.counts[place];
    if (asked_.values != nullptr) totals_.sums[place] += sum;
  }

  // Rows of people none of whom has more than kComparedMax.
  void compare(std::uint32_t first, std::uint32_t end) {
    if (first == end) return;
    const index::GroupRange range{.count_low = asked_.counts.low, .count_high = asked_.counts.high,
                                  .sum_low = asked_.sums.low, .sum_high = asked_.sums.high};
    const index::GroupRows rows{totals_.events.data() + first, totals_.people.data() + first,
                                end - first};
    totals_.known.assign((rows.size + 63) / 64 + 2, 0);
    std::array<std::int64_t, 64> sums;
    const index::GroupsKernel groups_of = index::groups_kernel(index::kernels());
    for (std::uint32_t row = 0; row < rows.size; row += 64) {
      std::uint64_t found = groups_of(rows, row, range, totals_.known.data(), sums.data());
      for (; found != 0; found &= found - 1) {
        const auto k = static_cast<std::uint32_t>(std::countr_zero(found));
        add(rows.people[row + k], sums[k]);
      }
    }
  }

  void sort_and_add(std::uint32_t place, std::uint32_t first, std::uint32_t end) {
    const auto own = std::span(totals_.events).subspan(first, end - first);
    const auto key_of = [](std::uint64_t event) { return static_cast<std::uint32_t>(event); };
    std::sort(own.begin(), own.end(),
              [&](std::uint64_t a, std::uint64_t b) { return key_of(a) < key_of(b); });
    for (std::size_t i = 0; i < own.size();) {
      const std::size_t begin = i;
      std::int64_t sum = 0;
      for (; i < own.size() && key_of(own[i]) == key_of(own[begin]); ++i) {
        sum += static_cast<std::int64_t>(own[i]) >> 32;
      }
      const auto count = static_cast<std::int64_t>(i - begin);
      if (asked_.counts.has(count) && asked_.sums.has(sum)) add(place, sum);
    }
  }

  const BoundAggregate& aggregate_;
  const BoundAggregate& key_;
  const Asked& asked_;
  const index::Generation& generation_;
  RowsByPerson& rows_;
  GroupTotals& totals_;
  ValueBounds keys_, values_;
  KeyChunk chunk_;
  bool fits_ = true;
};

}  // namespace

bool are_groups_totalled(const BoundAggregate& aggregate) {
  return aggregate.grouping && asked_of(aggregate);
}

bool total_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                  const PeopleRange& people, RowsByPerson& rows, GroupTotals& totals) {
  const auto asked = asked_of(aggregate);
  if (!asked) return false;
  GroupSums sums(aggregate, *aggregate.grouping->key, *asked, generation, rows, totals);
  if (!sums.find(people)) return false;
  sums.place();
  sums.add_up();
  return true;
}

bool total_values(const BoundAggregate& distinct, const index::Generation& generation,
                  const PeopleRange& people, RowsByPerson& rows, GroupTotals& totals) {
  if (distinct.is_fraction ||
      !std::all_of(distinct.sources.begin(), distinct.sources.end(), has_stored_value)) {
    return false;
  }
  const Asked asked;
  GroupSums sums(distinct, distinct, asked, generation, rows, totals);
  if (!sums.find(people)) return false;
  sums.place();
  sums.add_up();
  return true;
}

bool sum_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                const PeopleRange& people, RowsByPerson& rows, Accumulator& into) {
  GroupTotals totals;
  if (!total_groups(aggregate, generation, people, rows, totals)) return false;
  if (totals.failed) into.fail();
  for (std::uint32_t place = 0; place < people.count; ++place) {
    if (aggregate.kind == AggregateKind::Count) {
      into.count(place, totals.counts[place]);
    } else if (totals.counts[place] > 0) {
      into.take(place, totals.sums[place]);
    }
  }
  return true;
}

}  // namespace muster::query
