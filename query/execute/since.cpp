#include "query/execute/since.h"

#include <algorithm>

#include "base/check.h"
#include "query/execute/person_slots.h"
#include "query/plan/windows.h"

namespace muster::query {

SinceTimes since_times(const BoundAggregate& aggregate, const index::Generation& generation,
                       const PeopleRange& people) {
  CHECK(people.listed.empty());
  SinceTimes since{.by_person = std::vector<TimeMs>(people.count, kAfterAllTimes)};
  Aggregates aggregates(generation);
  aggregates.move_to(people);
  PersonSlots slots(aggregates);
  const index::Ordinal block = people.block * index::kBlockSize;
  const index::Ordinal end =
      std::min(block + people.first + people.count, generation.profiles.ids.size());
  for (index::Ordinal first = block + people.first; first < end;) {
    const index::Ordinal page_end = (first / index::kPageSize + 1) * index::kPageSize;
    slots.move_to(first, std::min(end, page_end) - first);
    const auto chunk = evaluate(*aggregate.since, slots);
    for_each_bit(chunk->present, [&](std::uint32_t i) {
      since.by_person[first - block - people.first + i] =
          moment_of(aggregate.since->type, chunk->at(i), aggregate.zone);
    });
    first = std::min(end, page_end);
  }
  since.failed = slots.failed();
  return since;
}

}  // namespace muster::query
