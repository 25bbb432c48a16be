#include "index/event_bulk.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "index/event_run.h"

namespace muster::index {
namespace {

constexpr std::uint32_t kBlockPeople = 65'536;

// Event numbers by block, in order of arrival; block b has [starts[b], starts[b + 1]).
struct ByBlock {
  std::vector<std::uint32_t> events;
  std::vector<std::uint32_t> starts;
};

ByBlock by_block(std::span<const Ordinal> ordinals) {
  Ordinal last = 0;
  for (const Ordinal ordinal : ordinals)
    last = std::max(last, ordinal);
  const std::size_t blocks = ordinals.empty() ? 0 : last / kBlockPeople + 1;
  ByBlock sorted;
  sorted.starts.assign(blocks + 1, 0);
  for (const Ordinal ordinal : ordinals)
    ++sorted.starts[ordinal / kBlockPeople + 1];
  for (std::size_t b = 0; b < blocks; ++b)
    sorted.starts[b + 1] += sorted.starts[b];
  std::vector<std::uint32_t> next(sorted.starts.begin(), sorted.starts.end() - 1);
  sorted.events.resize(ordinals.size());
  for (std::uint32_t event = 0; event < ordinals.size(); ++event) {
    sorted.events[next[ordinals[event] / kBlockPeople]++] = event;
  }
  return sorted;
}

struct Keyed {
  std::uint64_t key = 0;
  std::uint32_t event = 0;
};

// Sorts by key, equal ones staying in their order: by 11 bits at a time, lowest first.
void radix_sort(std::vector<Keyed>& rows, std::uint64_t key_max) {
  constexpr unsigned kBits = 11;
  std::vector<Keyed> other(rows.size());
  for (unsigned shift = 0; shift < 64 && (key_max >> shift) != 0; shift += kBits) {
    const auto digit = [shift](const Keyed& row) {
      return static_cast<std::size_t>(row.key >> shift) & ((1U << kBits) - 1);
    };
    std::array<std::uint32_t, (1U << kBits) + 1> starts = {};
    for (const Keyed& row : rows)
      ++starts[digit(row) + 1];
    for (std::size_t d = 0; d + 1 < starts.size(); ++d)
      starts[d + 1] += starts[d];
    for (const Keyed& row : rows)
      other[starts[digit(row)]++] = row;
    rows.swap(other);
  }
}

// Puts the events of a block in order of time, person and arrival.
void sort_rows(const BulkEvents& all, std::span<std::uint32_t> events) {
  const auto who = [&](std::uint32_t event) { return all.ordinals[event] % kBlockPeople; };
  const auto is_before = [&](std::uint32_t a, std::uint32_t b) {
    return all.times[a] != all.times[b] ? all.times[a] < all.times[b] : who(a) < who(b);
  };
  if (std::is_sorted(events.begin(), events.end(), is_before)) return;
  TimeMs oldest = all.times[events[0]], newest = oldest;
  for (const std::uint32_t event : events) {
    oldest = std::min(oldest, all.times[event]);
    newest = std::max(newest, all.times[event]);
  }
  const auto span = static_cast<std::uint64_t>(newest) - static_cast<std::uint64_t>(oldest);
  if (span >> 48 != 0) {  // 8,900 years: time and person do not fit 64 bits together.
    std::stable_sort(events.begin(), events.end(), is_before);
    return;
  }
  std::vector<Keyed> rows;
  rows.reserve(events.size());
  for (const std::uint32_t event : events) {
    const auto since =
        static_cast<std::uint64_t>(all.times[event]) - static_cast<std::uint64_t>(oldest);
    rows.push_back({since << 16 | who(event), event});
  }
  radix_sort(rows, span << 16 | 0xffff);
  for (std::size_t i = 0; i < rows.size(); ++i)
    events[i] = rows[i].event;
}

std::shared_ptr<const EventRun> run_of(const BulkEvents& all,
                                       std::span<const std::uint32_t> events) {
  std::vector<std::uint16_t> person(events.size());
  std::vector<std::int64_t> values(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    person[i] = static_cast<std::uint16_t>(all.ordinals[events[i]] % kBlockPeople);
    values[i] = all.times[events[i]];
  }
  auto run = run_of_rows(std::move(person), values);
  for (const BulkProperty& property : all.properties) {
    std::vector<std::uint64_t> present((events.size() + 63) / 64, 0);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::uint32_t event = events[i];
      const std::uint64_t has =
          property.present.empty() ? 1 : (property.present[event / 64] >> (event % 64)) & 1;
      values[i] = has != 0 ? property.keys[event] : 0;
      present[i / 64] |= has << (i % 64);
    }
    run->properties.push_back(property_column(values, std::move(present), property.type.scale));
  }
  return run;
}

std::shared_ptr<const EventProperty> described(const BulkProperty& property, std::uint32_t number) {
  auto made = std::make_shared<EventProperty>();
  made->number = number;
  made->type = property.type;
  made->dictionary = property.dictionary;
  return made;
}

}  // namespace

std::shared_ptr<const EventTable> build_events(const BulkEvents& events) {
  CHECK(events.ordinals.size() == events.times.size() && events.ordinals.size() >> 32 == 0);
  auto table = std::make_shared<EventTable>();
  table->name = events.name;
  table->count = events.ordinals.size();
  for (const BulkProperty& property : events.properties) {
    CHECK(property.keys.size() == events.ordinals.size() && !property.type.list);
    const auto number = static_cast<std::uint32_t>(table->properties.size());
    CHECK(table->properties.emplace(property.name, described(property, number)).second);
  }
  if (events.times.empty()) return table;
  const auto [oldest, newest] = std::minmax_element(events.times.begin(), events.times.end());
  table->oldest = *oldest;
  table->newest = *newest;
  ByBlock sorted = by_block(events.ordinals);
  table->blocks.resize(sorted.starts.size() - 1);
  for (std::size_t b = 0; b < table->blocks.size(); ++b) {
    const auto rows =
        std::span(sorted.events).subspan(sorted.starts[b], sorted.starts[b + 1] - sorted.starts[b]);
    if (rows.empty()) continue;
    sort_rows(events, rows);
    auto block = std::make_shared<EventBlock>();
    block->runs.push_back(run_of(events, rows));
    table->blocks[b] = std::move(block);
  }
  return table;
}

}  // namespace muster::index
