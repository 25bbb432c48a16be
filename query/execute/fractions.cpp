#include "query/execute/fractions.h"

#include <algorithm>

#include "base/check.h"

namespace muster::query {
namespace {

using Values = std::span<const Fraction>;

Computed exactly(const Rational& value) {
  return {.value = {.present = true, .exact = value}};
}

Computed sum_of(Values values) {
  Rational sum;
  for (const Fraction& each : values) {
    const auto next = add(sum, each.value);
    if (!next) return {.failed = true};
    sum = *next;
  }
  return exactly(sum);
}

Computed average_of(Values values) {
  const Computed sum = sum_of(values);
  if (sum.failed) return sum;
  const auto count = static_cast<std::int64_t>(values.size());
  const auto average = divide(sum.value.exact, rational_of(count));
  return average ? exactly(*average) : Computed{.failed = true};
}

// Nearest rank: the smallest value that at least `percent` of the values do not exceed.
Computed percentile_of(Values values, std::size_t percent) {
  return exactly(values[(percent * values.size() + 99) / 100 - 1].value);
}

// Of equally many, the smallest.
Computed most_common_of(Values values) {
  std::size_t most = 0, best = 0;
  for (std::size_t first = 0; first < values.size();) {
    std::size_t end = first;
    while (end < values.size() && compare(values[end].value, values[first].value) == 0) ++end;
    if (end - first > most) {
      most = end - first;
      best = first;
    }
    first = end;
  }
  return exactly(values[best].value);
}

Computed distinct_of(Values values) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    count += i == 0 || compare(values[i - 1].value, values[i].value) != 0 ? 1 : 0;
  }
  return exactly(rational_of(count));
}

// The values are sorted: the first one found at the time is the smallest.
Computed at_edge(Values values, bool wants_first) {
  const Fraction* best = &values[0];
  for (const Fraction& each : values) {
    if (wants_first ? each.time < best->time : each.time > best->time) best = &each;
  }
  return exactly(best->value);
}

}  // namespace

void sort_fractions(std::span<Fraction> fractions) {
  std::sort(fractions.begin(), fractions.end(), [](const Fraction& a, const Fraction& b) {
    return a.bucket != b.bucket ? a.bucket < b.bucket : compare(a.value, b.value) < 0;
  });
}

Computed aggregate_of(AggregateKind kind, std::span<const Fraction> sorted) {
  switch (kind) {
    case AggregateKind::Sum: return sum_of(sorted);
    case AggregateKind::Avg: return average_of(sorted);
    case AggregateKind::Min: return exactly(sorted.front().value);
    case AggregateKind::Max: return exactly(sorted.back().value);
    case AggregateKind::Distinct: return distinct_of(sorted);
    case AggregateKind::P50: return percentile_of(sorted, 50);
    case AggregateKind::P95: return percentile_of(sorted, 95);
    case AggregateKind::MostCommon: return most_common_of(sorted);
    case AggregateKind::First: return at_edge(sorted, true);
    case AggregateKind::Last: return at_edge(sorted, false);
    case AggregateKind::Count: break;
  }
  CHECK(!"a count takes no values");
  return {};
}

}  // namespace muster::query
