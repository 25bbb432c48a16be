#include "index/event_run.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "base/value.h"

namespace muster::index {
namespace {

// The columns of one run, or of two laid end to end, and which rows to take in which order.
struct Picked {
  std::vector<const EventRun*> runs;
  std::vector<std::uint32_t> rows;  // Counted through all runs.
  std::optional<std::uint16_t> person = {};  // Whose they are from now on; nothing: as before.
};

std::size_t rows_of(const Picked& picked) {
  std::size_t total = 0;
  for (const EventRun* run : picked.runs)
    total += run->rows;
  return total;
}

template <typename T>
std::vector<T> gathered(const std::vector<T>& all, std::span<const std::uint32_t> rows) {
  std::vector<T> taken(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    taken[i] = all[rows[i]];
  return taken;
}

const PropertyColumn* column_of(const EventRun& run, std::size_t number) {
  return number < run.properties.size() ? run.properties[number].get() : nullptr;
}

std::vector<std::uint64_t> every_bit(std::size_t rows) {
  std::vector<std::uint64_t> bits((rows + 63) / 64, ~std::uint64_t{0});
  if (rows % 64 != 0) bits.back() = (std::uint64_t{1} << (rows % 64)) - 1;
  return bits;
}

void append_bits(std::vector<std::uint64_t>& bits, std::size_t first, const EventRun& run,
                 const PropertyColumn& column) {
  for (std::uint32_t row = 0; row < run.rows; ++row) {
    const std::size_t at = first + row;
    bits[at / 64] |= static_cast<std::uint64_t>(column.has(row)) << (at % 64);
  }
}

std::shared_ptr<const PropertyColumn> pick_property(const Picked& picked, std::size_t number) {
  std::uint8_t scale = 0;
  for (const EventRun* run : picked.runs) {
    if (const auto* column = column_of(*run, number)) scale = std::max(scale, column->scale);
  }
  const std::size_t rows = rows_of(picked);
  std::vector<std::int64_t> values(rows, 0);
  std::vector<std::uint64_t> all((rows + 63) / 64, 0);
  std::size_t first = 0;
  bool is_everywhere = true;
  for (const EventRun* run : picked.runs) {
    const auto* column = column_of(*run, number);
    is_everywhere = is_everywhere && column != nullptr && column->present.empty();
  }
  for (const EventRun* run : picked.runs) {
    if (const auto* column = column_of(*run, number)) {
      const auto own = std::span(values).subspan(first, run->rows);
      column->values.read(0, own);
      // A widening was allowed only after every value was seen to fit (EventWriter::can_widen).
      const std::int64_t factor = power_of_ten(scale - column->scale);
      if (factor != 1) {
        for (std::int64_t& value : own)
          value *= factor;
      }
      if (!is_everywhere) append_bits(all, first, *run, *column);
    }
    first += run->rows;
  }
  if (is_everywhere) {
    return property_column(gathered(values, picked.rows), every_bit(picked.rows.size()), scale);
  }
  std::vector<std::uint64_t> present((picked.rows.size() + 63) / 64, 0);
  for (std::size_t i = 0; i < picked.rows.size(); ++i) {
    const std::uint32_t row = picked.rows[i];
    present[i / 64] |= ((all[row / 64] >> (row % 64)) & 1) << (i % 64);
  }
  return property_column(gathered(values, picked.rows), std::move(present), scale);
}

std::shared_ptr<const EventRun> pick(const Picked& picked) {
  std::vector<std::uint16_t> person;
  person.reserve(rows_of(picked));
  std::vector<TimeMs> times(rows_of(picked));
  std::size_t properties = 0;
  for (const EventRun* run : picked.runs) {
    run->time.read(0, std::span(times).subspan(person.size(), run->rows));
    person.insert(person.end(), run->person.begin(), run->person.end());
    properties = std::max(properties, run->properties.size());
  }
  std::vector<std::uint16_t> people = gathered(person, picked.rows);
  if (picked.person) std::fill(people.begin(), people.end(), *picked.person);
  auto made = run_of_rows(std::move(people), gathered(times, picked.rows));
  for (std::size_t number = 0; number < properties; ++number) {
    made->properties.push_back(pick_property(picked, number));
  }
  return made;
}

// The order in which the rows of two runs stand in one.
std::vector<std::uint32_t> merged_order(const EventRun& a, const EventRun& b) {
  std::vector<std::uint32_t> rows(std::size_t{a.rows} + b.rows);
  if (a.time.max() < b.time.min()) {
    std::iota(rows.begin(), rows.end(), 0U);
    return rows;
  }
  std::vector<TimeMs> time_a(a.rows), time_b(b.rows);
  a.time.read(0, time_a);
  b.time.read(0, time_b);
  std::uint32_t i = 0, j = 0;
  for (std::uint32_t& row : rows) {
    const bool from_a =
        j == b.rows || (i < a.rows && (time_a[i] != time_b[j] ? time_a[i] < time_b[j]
                                                              : a.person[i] <= b.person[j]));
    row = from_a ? i++ : a.rows + j++;
  }
  return rows;
}

}  // namespace

std::shared_ptr<EventRun> run_of_rows(std::vector<std::uint16_t> person,
                                      std::span<const TimeMs> times) {
  CHECK(person.size() == times.size());
  auto run = std::make_shared<EventRun>();
  run->rows = static_cast<std::uint32_t>(person.size());
  run->person = std::move(person);
  run->time = EventTimes(times);
  run->order = PersonOrder(run->person);
  run->periods = EventPeriods(run->person, run->time);
  return run;
}

std::shared_ptr<const PropertyColumn> property_column(std::span<const std::int64_t> values,
                                                      std::vector<std::uint64_t> present,
                                                      std::uint8_t scale) {
  std::size_t count = 0;
  for (const std::uint64_t word : present)
    count += static_cast<std::size_t>(std::popcount(word));
  if (count == 0) return nullptr;
  if (count == values.size()) present = {};
  return std::make_shared<const PropertyColumn>(
      PropertyColumn{PackedInts(values), std::move(present), scale});
}

std::shared_ptr<const EventRun> merge(const EventRun& a, const EventRun& b) {
  return pick({.runs = {&a, &b}, .rows = merged_order(a, b)});
}

std::shared_ptr<const EventRun> renamed(const EventRun& run, std::uint16_t person,
                                        std::uint16_t other) {
  const Picked theirs{.runs = {&run}, .rows = run.rows_of(person), .person = other};
  return theirs.rows.empty() ? nullptr : pick(theirs);
}

std::shared_ptr<const EventRun> from_row(const EventRun& run, std::uint32_t first) {
  Picked kept{.runs = {&run}, .rows = std::vector<std::uint32_t>(run.rows - first)};
  std::iota(kept.rows.begin(), kept.rows.end(), first);
  return pick(kept);
}

std::shared_ptr<const EventRun> without(const EventRun& run, std::uint16_t person) {
  Picked kept{.runs = {&run}, .rows = {}};
  for (std::uint32_t row = 0; row < run.rows; ++row) {
    if (run.person[row] != person) kept.rows.push_back(row);
  }
  return kept.rows.empty() ? nullptr : pick(kept);
}

}  // namespace muster::index
