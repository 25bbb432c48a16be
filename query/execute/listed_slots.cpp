#include "query/execute/listed_slots.h"

#include <algorithm>

#include "base/check.h"
#include "query/execute/sequence.h"

namespace muster::query {

void ListedSlots::raw_keys(const BoundField&, KeyChunk& out) {
  CHECK(!"conditions over events alone ask for no attribute");
  out.present = {};
}

std::vector<std::uint32_t> ListedSlots::list_of(const BoundField&, std::uint32_t) {
  CHECK(!"conditions over events alone ask for no list");
  return {};
}

void ListedSlots::aggregate(const BoundAggregate& aggregate, ValueChunk& out) {
  const Accumulator& result = aggregates_.of(aggregate);
  if (result.failed()) fail();
  fill(result, 0, out);
}

SlotMask ListedSlots::sequence(const BoundSequence& sequence) {
  const SequenceAnswer answer = holds_sequence(sequence, generation_, people_, budget_);
  if (answer.failed) fail();
  SlotMask mask{};
  std::copy(answer.bits.begin(), answer.bits.end(), mask.begin());
  return mask;
}

std::optional<index::Ordinal> ListedSlots::ordinal_of(std::uint32_t slot) {
  return people_.block * index::kBlockSize + people_.person_at(slot);
}

}  // namespace muster::query
