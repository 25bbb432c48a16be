#include <algorithm>

#include "base/check.h"
#include "query/execute/budget.h"
#include "query/execute/listed_slots.h"
#include "query/execute/ranks.h"
#include "query/standing.h"

namespace muster::query {

bool is_ranked(const BoundQuery& query) { return !query.rankings.empty(); }

Result<std::vector<bool>> contains_each(const BoundQuery& query,
                                        std::span<const index::Ordinal> people,
                                        const Budget& budget) {
  TRY(prepare_ranks(query, budget));
  const index::Posting& live = query.generation->profiles.live;
  std::vector<bool> answers(people.size());
  ListedSlots slots(*query.generation);
  slots.obey(&budget);
  std::vector<std::uint16_t> listed;
  for (std::size_t i = 0; i < people.size();) {
    if (auto error = exhausted(budget)) return std::move(*error);
    const std::uint32_t block = people[i] / index::kBlockSize;
    const std::size_t first = i;
    listed.clear();
    for (; i < people.size() && people[i] / index::kBlockSize == block; ++i) {
      if (listed.size() == kSlotsMax) break;
      listed.push_back(static_cast<std::uint16_t>(people[i] % index::kBlockSize));
    }
    slots.move_to(block, listed);
    const SlotMask mask = select(*query.plan, slots);
    if (slots.failed()) return failure(budget);
    const index::Container* const there = live.find(block);
    for (std::uint32_t slot = 0; slot < listed.size(); ++slot) {
      answers[first + slot] =
          has_bit(mask, slot) && there != nullptr && there->contains(listed[slot]);
    }
  }
  return answers;
}

}  // namespace muster::query
