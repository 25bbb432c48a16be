#include "query/execute/sorted_values.h"

#include <algorithm>
#include <limits>

#include "query/execute/value_bounds.h"

namespace muster::query {
namespace {

class Taker {
 public:
  Taker(const BoundAggregate& aggregate, const index::Generation& generation, RowsByPerson& rows)
      : aggregate_(aggregate), generation_(generation), rows_(rows) {}

  // Returns false when a key may not fit.
  bool find(const PeopleRange& people, Accumulator& into) {
    const bool found = rows_.find(
        aggregate_, generation_, people,
        [&](std::size_t s, const index::EventRun& run, RowSlots& slots, SlotMask& mask) {
          const EventSource& source = aggregate_.sources[s];
          bounds_.include(bounds_of_values(aggregate_, source, run));
          if (is_in_every_row(source, run)) return;
          fits_ = read_stored(aggregate_, source, slots, values_) && fits_;
          for (std::uint32_t w = 0; w < kSlotWords; ++w) mask[w] &= values_.present[w];
        });
    if (!found) into.fail();
    return fits_ && bounds_.fit();
  }

  void sort(SortedKeys& sorted) {
    const bool is_some = bounds_.low <= bounds_.high;
    sorted.least = is_some ? static_cast<std::int64_t>(bounds_.low) : 0;
    sorted.width = is_some ? static_cast<std::uint64_t>(bounds_.high - bounds_.low) : 0;
    sorted.is_narrow = sorted.width <= std::numeric_limits<std::uint32_t>::max();
    if (sorted.is_narrow) {
      place(sorted.least, sorted.narrow);
    } else {
      place(sorted.least, sorted.wide);
    }
    sorted.ends.assign(rows_.ends().begin(), rows_.ends().end());
  }

 private:
  template <typename Key>
  void place(std::int64_t least, std::vector<Key>& keys) {
    keys.resize(std::max<std::size_t>(keys.size(), rows_.rows()));
    rows_.again(generation_, [&](std::size_t s, const auto&, RowSlots& slots,
                                 const SlotMask& mask) {
      read_stored(aggregate_, aggregate_.sources[s], slots, values_);
      rows_.for_each_place(slots, mask, [&](std::uint32_t i, std::uint32_t at) {
        keys[at] = static_cast<Key>(static_cast<std::uint64_t>(values_.keys[i]) -
                                    static_cast<std::uint64_t>(least));
      });
    });
  }

  const BoundAggregate& aggregate_;
  const index::Generation& generation_;
  RowsByPerson& rows_;
  ValueBounds bounds_;
  KeyChunk values_;
  bool fits_ = true;
};

}  // namespace

bool take_sorted_values(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, RowsByPerson& rows, Accumulator& into) {
  const auto& sources = aggregate.sources;
  if (!std::all_of(sources.begin(), sources.end(), has_stored_value)) return false;
  Taker taker(aggregate, generation, rows);
  if (!taker.find(people, into)) return false;
  taker.sort(into.take_sorted());
  return true;
}

}  // namespace muster::query
