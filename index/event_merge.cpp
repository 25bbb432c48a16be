#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/value.h"
#include "index/event_writer.h"

namespace muster::index {
namespace {

// A row of one of several runs.
struct Source {
  const EventRun* run;
  std::uint32_t row;
};

std::shared_ptr<const PropertyColumn> gather(std::span<const Source> sources, std::size_t number) {
  const auto column_of = [number](const Source& source) -> const PropertyColumn* {
    const auto& columns = source.run->properties;
    return number < columns.size() ? columns[number].get() : nullptr;
  };
  std::uint8_t scale = 0;
  for (const Source& source : sources) {
    if (const auto* column = column_of(source)) scale = std::max(scale, column->scale);
  }
  std::vector<std::int64_t> values(sources.size());
  std::vector<std::uint64_t> present((sources.size() + 63) / 64);
  std::size_t count = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const PropertyColumn* column = column_of(sources[i]);
    if (column == nullptr || !column->has(sources[i].row)) continue;
    // A widening was allowed only after every value was seen to fit (EventWriter::can_widen).
    values[i] = column->values.at(sources[i].row) * power_of_ten(scale - column->scale);
    present[i / 64] |= 1ULL << (i % 64);
    ++count;
  }
  if (count == 0) return nullptr;
  if (count == sources.size()) present.clear();
  return std::make_shared<const PropertyColumn>(
      PropertyColumn{PackedInts(values), std::move(present), scale});
}

std::shared_ptr<const EventRun> run_of(std::span<const Source> sources, std::size_t properties) {
  auto run = std::make_shared<EventRun>();
  run->rows = static_cast<std::uint32_t>(sources.size());
  run->person.reserve(sources.size());
  std::vector<std::int64_t> times(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    run->person.push_back(sources[i].run->person[sources[i].row]);
    times[i] = sources[i].run->time.at(sources[i].row);
  }
  run->time = PackedInts(times);
  for (std::size_t number = 0; number < properties; ++number) {
    run->properties.push_back(gather(sources, number));
  }
  return run;
}

}  // namespace

std::shared_ptr<const EventRun> merge(const EventRun& a, const EventRun& b) {
  std::vector<std::int64_t> time_a(a.rows), time_b(b.rows);
  a.time.read(0, time_a);
  b.time.read(0, time_b);
  std::vector<Source> sources;
  sources.reserve(std::size_t{a.rows} + b.rows);
  for (std::uint32_t i = 0, j = 0; i < a.rows || j < b.rows;) {
    const bool from_a =
        j == b.rows ||
        (i < a.rows && (a.person[i] != b.person[j] ? a.person[i] < b.person[j]
                                                   : time_a[i] <= time_b[j]));
    sources.push_back(from_a ? Source{&a, i++} : Source{&b, j++});
  }
  return run_of(sources, std::max(a.properties.size(), b.properties.size()));
}

std::shared_ptr<const EventRun> without(const EventRun& run, std::uint16_t person) {
  std::vector<Source> sources;
  for (std::uint32_t row = 0; row < run.rows; ++row) {
    if (run.person[row] != person) sources.push_back({&run, row});
  }
  if (sources.empty()) return nullptr;
  return run_of(sources, run.properties.size());
}

}  // namespace muster::index
