#include "query/execute/window_sums.h"

#include <algorithm>
#include <limits>

#include "query/execute/far_rows.h"
#include "query/execute/row_filter.h"
#include "query/execute/select_sums.h"

namespace muster::query {
namespace {

// Up to so many rows, looking each of their people up again is cheaper than a pass over everybody.
constexpr std::uint64_t kFewRowsMax = 4'096;
constexpr Int128 kSumMax = std::numeric_limits<std::int64_t>::max() / 2;

const index::PropertyColumn* column_of(const EventSource& source, const index::EventRun& run) {
  const auto& property = source.value->field->property;
  if (!property || property->number >= run.properties.size()) return nullptr;
  return run.properties[property->number].get();
}

// What a key of the column weighs: its units in those of the aggregate, times the factor.
Int128 weight_of(const SumTerm& term, const index::PropertyColumn& column) {
  return wide_power_of_ten(unsigned{term.aggregate->scale} - column.scale) * term.factor;
}

Int128 size_of(Int128 number) { return number < 0 ? -number : number; }

}  // namespace

WindowSums::Window WindowSums::window_of(const LinearSums& sums, std::uint32_t block) {
  Window window{.block = block};
  for (const SumTerm& term : sums.terms) {
    for (const EventSource& source : term.aggregate->sources) {
      const index::EventBlock* events = source.table->block(block);
      if (events == nullptr) continue;
      for (const auto& run : events->runs) {
        const auto [first, last] = run->time.within(term.aggregate->from, term.aggregate->to);
        const index::PropertyColumn* column = term.has_value ? column_of(source, *run) : nullptr;
        if (first == last || (term.has_value && column == nullptr)) continue;
        Int128 row_max = size_of(term.each);
        if (column != nullptr) {
          const Int128 least = column->values.min(), greatest = column->values.max();
          // Of different values only their number counts.
          if (!term.is_distinct) {
            row_max += std::max(-least, greatest) * size_of(weight_of(term, *column));
          }
        }
        if (row_max > kSumMax) return {.block = block, .sum_max = row_max};
        window.sum_max += row_max * std::min(last - first, run->order.rows_max());
        window.rows += last - first;
        // More than is added up here: no need to look on, and no way to overflow.
        if (window.sum_max > kSumMax) return window;
      }
    }
  }
  return window;
}

namespace {

// Calls go(value_at), where value_at(i) is the value of row first + i, as it is packed.
template <typename Sum, typename Go>
void with_packed(const index::PackedInts& values, std::uint32_t first, std::uint32_t count,
                 const Go& go_with) {
  const auto view = values.view(first, count);
  const auto min = static_cast<std::make_unsigned_t<Sum>>(values.min());
  if (!view) return go_with([&](std::uint32_t) { return static_cast<Sum>(min); });
  const auto go = [&](const auto* packed) {
    go_with([&](std::uint32_t i) {
      return static_cast<Sum>(min + static_cast<std::make_unsigned_t<Sum>>(packed[i]));
    });
  };
  switch (view->width) {
    case 1: return go(reinterpret_cast<const std::uint8_t*>(view->values));
    case 2: return go(reinterpret_cast<const std::uint16_t*>(view->values));
    case 4: return go(reinterpret_cast<const std::uint32_t*>(view->values));
    default: return go(reinterpret_cast<const std::uint64_t*>(view->values));
  }
}

// Calls visit(who, addend) for those rows of a run that each_row(of_row) gives to of_row(row).
template <typename Sum, typename EachRow, typename Visit>
void visit_rows(const SumTerm& term, std::size_t source, const index::EventRun& run,
                const EachRow& each_row, const Visit& visit) {
  const auto each = static_cast<Sum>(term.each);
  const std::uint16_t* const person = run.person.data();
  if (!term.has_value) {
    each_row([&](std::uint32_t row) { visit(person[row], each); });
    return;
  }
  const index::PropertyColumn* column = column_of(term.aggregate->sources[source], run);
  if (column == nullptr) return;
  const auto factor = static_cast<Sum>(weight_of(term, *column));
  // Rows without the property hold 0, which changes no sum.
  const bool all_count = each == 0 || column->present.empty();
  with_packed<Sum>(column->values, 0, run.rows, [&](const auto& value_at) {
    each_row([&](std::uint32_t row) {
      if (!all_count && !column->has(row)) return;
      visit(person[row], static_cast<Sum>(value_at(row) * factor + each));
    });
  });
}

// Calls visit(who, addend) for every event of the term. Rows that stand far from each other are
// gathered first: then what is read of them is waited for together.
// Returns false when an exact number in `where` left its bits.
template <typename Sum, typename Visit>
bool for_each_addend(const SumTerm& term, const index::Generation& generation,
                     std::uint32_t block, const Visit& visit) {
  FarRows far;
  const auto visit_far = [&](std::size_t source, const index::EventRun& run,
                             std::span<const std::uint32_t> rows) {
    visit_rows<Sum>(term, source, run, [&](const auto& of_row) {
      for (const std::uint32_t row : rows) of_row(row);
    }, visit);
  };
  const bool is_exact = for_each_strip(
      *term.aggregate, generation, block,
      [&](std::size_t s, const index::EventRun& run, std::uint32_t first, std::uint32_t count,
          std::span<const std::uint64_t> passing) {
        const EventSource& asked = term.aggregate->sources[s];
        if (asked.where) {
          const index::PropertyColumn* const column =
              term.has_value ? column_of(asked, run) : nullptr;
          return far.add(s, run, first, passing, column == nullptr ? nullptr : &column->values,
                         visit_far);
        }
        visit_rows<Sum>(term, s, run, [&](const auto& of_row) {
          for (std::uint32_t row = first; row < first + count; ++row) of_row(row);
        }, visit);
      });
  far.visit(visit_far);
  return is_exact;
}

// As select_sums() when only `people` have sums; those are 0 afterwards.
template <typename Sum>
void select_few(std::span<const std::uint16_t> people, std::span<Sum> sums, SumRange<Sum> range,
                index::MutableBlock out) {
  const auto passes = [range](Sum sum) { return range.first <= sum && sum <= range.second; };
  const bool takes_none = passes(0);
  std::fill(out.begin(), out.end(), takes_none ? ~std::uint64_t{0} : 0);
  for (const std::uint16_t who : people) {
    const bool taken = passes(sums[who]);
    if (taken && !takes_none) set_bit(out, who);
    if (!taken && takes_none) clear_bit(out, who);
  }
  for (const std::uint16_t who : people)
    sums[who] = 0;
}

}  // namespace

template <typename Sum>
WindowSums::Answer WindowSums::select_by(const LinearSums& asked,
                                         const index::Generation& generation,
                                         const Window& window, index::MutableBlock out) {
  const auto range = clamped<Sum>(asked.range);
  if (!range) {
    std::fill(out.begin(), out.end(), 0);
    return {};
  }
  std::vector<Sum>& sums = std::get<std::vector<Sum>>(sums_);
  sums.resize(kBlockSize);
  const auto add_all = [&](const auto& visit) {
    bool ok = !distinct_.totals.failed;
    for (const SumTerm& term : asked.terms) {
      if (term.is_distinct) {
        add_distinct<Sum>(term, visit);
        continue;
      }
      ok = for_each_addend<Sum>(term, generation, window.block, visit) && ok;
    }
    return ok;
  };
  const auto add = [&](std::uint16_t who, Sum value) {
    sums[who] = static_cast<Sum>(sums[who] + value);
  };
  if (window.rows > kFewRowsMax) {
    const bool ok = add_all(add);
    select_sums<Sum>(sums, *range, out);
    std::fill(sums.begin(), sums.end(), Sum{0});
    return {.failed = !ok};
  }
  people_.clear();
  const bool ok = add_all([&](std::uint16_t who, Sum value) {
    add(who, value);
    people_.push_back(who);
  });
  select_few<Sum>(people_, sums, *range, out);
  return {.failed = !ok};
}

// Calls visit(who, addend) for everybody who has values.
template <typename Sum, typename Visit>
void WindowSums::add_distinct(const SumTerm& term, const Visit& visit) const {
  const std::vector<std::uint32_t>& values = distinct_.totals.counts;
  const auto each = static_cast<Sum>(term.each);
  for (std::uint32_t who = 0; who < kBlockSize; ++who) {
    if (values[who] == 0) continue;
    visit(static_cast<std::uint16_t>(who), static_cast<Sum>(static_cast<Sum>(values[who]) * each));
  }
}

// Returns false when the different values cannot be told, or are those of several terms.
bool WindowSums::count_values(const LinearSums& sums, const index::Generation& generation,
                              std::uint32_t block) {
  const BoundAggregate* wanted = nullptr;
  for (const SumTerm& term : sums.terms) {
    if (!term.is_distinct) continue;
    if (wanted != nullptr) return false;
    wanted = term.aggregate.get();
  }
  // Both ends of `between` ask about the same ones.
  if (wanted == nullptr || (distinct_.of == wanted && distinct_.block == block)) return true;
  distinct_.of = nullptr;
  const PeopleRange people{.block = block, .first = 0, .count = kBlockSize};
  if (!total_values(*wanted, generation, people, distinct_.rows, distinct_.totals)) return false;
  distinct_.of = wanted;
  distinct_.block = block;
  return true;
}

std::optional<WindowSums::Answer> WindowSums::select(const LinearSums& sums,
                                                     const index::Generation& generation,
                                                     std::uint32_t block, index::MutableBlock out) {
  const Window window = window_of(sums, block);
  if (window.sum_max > kSumMax || !count_values(sums, generation, block)) return std::nullopt;
  if (window.sum_max <= std::numeric_limits<std::int32_t>::max()) {
    return select_by<std::int32_t>(sums, generation, window, out);
  }
  return select_by<std::int64_t>(sums, generation, window, out);
}

}  // namespace muster::query
