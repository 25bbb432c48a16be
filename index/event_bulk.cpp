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

// Sorts by the bits from `shift` on, equal ones staying in their order: nine at a time, lowest
// first. 512 places to write to stay within what the caches and address buffers follow.
void radix_sort(std::vector<std::uint64_t>& keys, unsigned shift) {
  constexpr unsigned kBits = 9;
  const std::uint64_t greatest = *std::max_element(keys.begin(), keys.end());
  std::vector<std::uint64_t> other(keys.size());
  for (; shift < 64 && (greatest >> shift) != 0; shift += kBits) {
    const auto digit = [shift](std::uint64_t key) {
      return static_cast<std::size_t>(key >> shift) & ((1U << kBits) - 1);
    };
    std::array<std::uint32_t, (1U << kBits) + 1> starts = {};
    for (const std::uint64_t key : keys) ++starts[digit(key) + 1];
    for (std::size_t d = 0; d + 1 < starts.size(); ++d) starts[d + 1] += starts[d];
    for (const std::uint64_t key : keys) other[starts[digit(key)]++] = key;
    keys.swap(other);
  }
}

// Puts the events of a block, which stand in order of arrival, in order of time and person.
void sort_rows(const BulkEvents& all, std::span<std::uint32_t> events) {
  const auto is_before = [&](std::uint32_t a, std::uint32_t b) {
    if (all.times[a] != all.times[b]) return all.times[a] < all.times[b];
    return all.ordinals[a] < all.ordinals[b];
  };
  if (std::is_sorted(events.begin(), events.end(), is_before)) return;
  TimeMs oldest = all.times[events[0]], newest = oldest;
  for (const std::uint32_t event : events) {
    oldest = std::min(oldest, all.times[event]);
    newest = std::max(newest, all.times[event]);
  }
  const auto span = static_cast<std::uint64_t>(newest) - static_cast<std::uint64_t>(oldest);
  const auto index_bits = static_cast<unsigned>(std::bit_width(events.size()));
  if (static_cast<unsigned>(std::bit_width(span)) + index_bits > 64) {
    std::stable_sort(events.begin(), events.end(), is_before);
    return;
  }
  std::vector<std::uint64_t> keys(events.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto since =
        static_cast<std::uint64_t>(all.times[events[i]]) - static_cast<std::uint64_t>(oldest);
    keys[i] = since << index_bits | i;
  }
  radix_sort(keys, index_bits);
  const std::vector<std::uint32_t> arrived(events.begin(), events.end());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    events[i] = arrived[keys[i] & ((std::uint64_t{1} << index_bits) - 1)];
  }
  // Events of one moment, few as a rule, by person.
  for (std::size_t first = 0; first < keys.size();) {
    std::size_t last = first + 1;
    while (last < keys.size() && keys[last] >> index_bits == keys[first] >> index_bits) ++last;
    if (last - first > 1) {
      std::stable_sort(events.begin() + static_cast<std::ptrdiff_t>(first),
                       events.begin() + static_cast<std::ptrdiff_t>(last), is_before);
    }
    first = last;
  }
}

// A bit for each of the events: whether it has the property.
std::vector<std::uint64_t> present_of(const BulkProperty& property,
                                      std::span<const std::uint32_t> events) {
  std::vector<std::uint64_t> present((events.size() + 63) / 64, 0);
  for (std::size_t w = 0; w < present.size(); ++w) {
    const std::size_t end = std::min<std::size_t>(64, events.size() - w * 64);
    std::uint64_t bits = ~std::uint64_t{0} >> (64 - end);
    for (std::size_t i = 0; i < end && !property.present.empty(); ++i) {
      const std::uint32_t event = events[w * 64 + i];
      const std::uint64_t has = (property.present[event / 64] >> (event % 64)) & 1;
      bits ^= (has ^ 1) << i;
    }
    present[w] = bits;
  }
  return present;
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
    for (std::size_t i = 0; i < events.size(); ++i) values[i] = property.keys[events[i]];
    std::vector<std::uint64_t> present = present_of(property, events);
    for (std::size_t i = 0; i < events.size() && !property.present.empty(); ++i) {
      if (((present[i / 64] >> (i % 64)) & 1) == 0) values[i] = 0;
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
    block->changes.add(block->runs.back()->person);
    table->blocks[b] = std::move(block);
  }
  return table;
}

}  // namespace muster::index
