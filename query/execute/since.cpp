#include "query/execute/since.h"

#include <algorithm>

#include "query/execute/listed_slots.h"
#include "query/execute/person_slots.h"
#include "query/plan/windows.h"

namespace muster::query {

SinceTimes since_times(const BoundAggregate& aggregate, const index::Generation& generation,
                       const PeopleRange& people) {
  SinceTimes since{.by_person = std::vector<TimeMs>(people.count, kAfterAllTimes)};
  // Of those in the slots, who stand from that place on.
  const auto take = [&](Slots& slots, std::uint32_t place) {
    const auto chunk = evaluate(*aggregate.since, slots);
    for_each_bit(chunk->present, [&](std::uint32_t i) {
      since.by_person[place + i] =
          moment_of(aggregate.since->type, chunk->at(i), aggregate.zone);
    });
    since.failed |= slots.failed();
  };
  if (!people.listed.empty()) {
    ListedSlots slots(generation);
    for (std::uint32_t place = 0; place < people.count; place += kSlotsMax) {
      const std::size_t count = std::min(kSlotsMax, people.count - place);
      slots.move_to(people.block, people.listed.subspan(place, count));
      take(slots, place);
    }
    return since;
  }
  Aggregates aggregates(generation);
  aggregates.move_to(people);
  PersonSlots slots(aggregates);
  const index::Ordinal block = people.block * index::kBlockSize;
  const index::Ordinal end =
      std::min(block + people.first + people.count, generation.profiles.ids.size());
  for (index::Ordinal first = block + people.first; first < end;) {
    const index::Ordinal page_end = (first / index::kPageSize + 1) * index::kPageSize;
    slots.move_to(first, std::min(end, page_end) - first);
    take(slots, first - block - people.first);
    first = std::min(end, page_end);
  }
  return since;
}

}  // namespace muster::query
