#include "query/execute/kept_ahead.h"

#include <algorithm>

#include "query/execute/kept_sets.h"
#include "query/plan/windows.h"

namespace muster::query {
namespace {

// Gone through at once: as many reads as a processor has under way, and little enough that what
// came stays in the second cache.
constexpr std::size_t kBlocksAhead = 16;
// Leaves and people of one that are looked at: of more, the reads are not what takes long.
constexpr std::size_t kLeavesMax = 8, kChangedMax = 64;
// Of an array of members, around where somebody stands if they lie evenly.
constexpr std::size_t kMembersNear = 64;
constexpr std::size_t kLine = 64;

void ask_for(const void* at, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += kLine) {
    __builtin_prefetch(static_cast<const std::byte*>(at) + i);
  }
}

// Where a set says whether it has them.
void ask_for(const index::BlockSet& set, std::span<const std::uint16_t> people) {
  for (const std::uint16_t who : people) {
    if (set.kind == index::SetKind::Bits) __builtin_prefetch(set.words() + who / 64);
    if (set.kind != index::SetKind::Array) continue;
    const std::size_t guess = std::size_t{set.count} * who / index::kBlockSize;
    const std::size_t first = guess > kMembersNear ? guess - kMembersNear : 0;
    const std::size_t end = std::min<std::size_t>(guess + kMembersNear, set.count);
    ask_for(set.members().data() + first, (end - first) * sizeof who);
  }
}

}  // namespace

void KeptAhead::ask(std::span<const std::uint32_t> blocks, std::size_t at) {
  if (query_.kept.empty() || at % kBlocksAhead != 0) return;
  find_places(blocks.subspan(at, std::min(kBlocksAhead, blocks.size() - at)));
  find_changes();
  find_runs();
  ask_for_sets();
  ask_for_rows();
}

void KeptAhead::find_places(std::span<const std::uint32_t> blocks) {
  places_.clear();
  for (const KeptLeaf& leaf : std::span(query_.kept).first(std::min(kLeavesMax,
                                                                   query_.kept.size()))) {
    const KeptPredicate* const predicate = leaf.found.predicate.get();
    if (predicate == nullptr) continue;
    for (const std::uint32_t block : blocks) {
      if (block >= predicate->blocks.size() || !predicate->blocks[block]) continue;
      const KeptBlock* const kept = predicate->blocks[block].get();
      ask_for(kept, sizeof *kept);
      for (std::size_t table = 0; table < leaf.tables.size(); ++table) {
        const index::EventBlock* const events = leaf.tables[table]->block(block);
        if (events == nullptr) continue;
        ask_for(events, sizeof *events);
        places_.push_back({.leaf = &leaf, .kept = kept, .events = events, .table = table});
      }
    }
  }
}

void KeptAhead::find_changes() {
  for (const Place& place : places_) {
    __builtin_prefetch(place.kept->seen.data());
    if (place.kept->people) ask_for(place.kept->people.get(), sizeof *place.kept->people);
    place.events->changes.prefetch();
    __builtin_prefetch(place.events->runs.data());
  }
  for (Place& place : places_) {
    if (place.table >= place.kept->seen.size()) continue;
    const auto changed = place.events->changes.since(place.kept->seen[place.table]);
    if (!changed || changed->size() > kChangedMax) continue;
    if (is_sooner_asked(*place.kept, changed->size())) place.changed = *changed;
  }
  std::erase_if(places_, [](const Place& place) { return place.changed.empty(); });
}

void KeptAhead::find_runs() {
  runs_.clear();
  const auto is_from_a_time = [](const std::vector<TimeStretch>& window) {
    return std::any_of(window.begin(), window.end(),
                       [](const TimeStretch& times) { return times.from > kBeforeAllTimes; });
  };
  for (const Place& place : places_) {
    const WindowTimes& times = *place.leaf->times;
    const bool needs_times = std::any_of(times.begin(), times.end(), is_from_a_time);
    for (const auto& run : place.events->runs) {
      ask_for(run.get(), sizeof *run);
      runs_.push_back({place.leaf, run.get(), place.changed, needs_times});
    }
  }
}

void KeptAhead::ask_for_sets() const {
  for (const Place& place : places_) {
    ask_for(index::Container::view_of(place.kept->people.get()), place.changed);
  }
}

void KeptAhead::ask_for_rows() const {
  for (const Run& each : runs_) {
    const index::EventRun& run = *each.run;
    run.time.prefetch_ends();
    __builtin_prefetch(run.properties.data());
    for (const std::uint16_t who : each.changed) run.order.prefetch_group(who);
  }
  const auto for_each_column = [](const Run& each, const auto& visit) {
    for (const std::uint32_t number : each.leaf->properties) {
      if (number < each.run->properties.size() && each.run->properties[number]) {
        visit(*each.run->properties[number]);
      }
    }
  };
  for (const Run& each : runs_) {
    for_each_column(each, [](const auto& column) { ask_for(&column, sizeof column); });
    for (const std::uint16_t who : each.changed) each.run->order.prefetch_rows(who);
  }
  for (const Run& each : runs_) {
    for (const std::uint16_t who : each.changed) {
      each.run->order.for_each_near(who, [&](std::uint32_t row) {
        __builtin_prefetch(&each.run->person[row]);
        if (each.needs_times) each.run->time.prefetch_page(row);
      });
    }
  }
  for (const Run& each : runs_) {
    for (const std::uint16_t who : each.changed) {
      each.run->order.for_each_near(who, [&](std::uint32_t row) {
        if (each.run->person[row] != who) return;
        if (each.needs_times) each.run->time.prefetch(row);
        for_each_column(each, [row](const index::PropertyColumn& column) {
          column.values.prefetch(row);
          if (!column.present.empty()) __builtin_prefetch(&column.present[row / 64]);
        });
      });
    }
  }
}

}  // namespace muster::query
