#include "query/execute/listed_slots.h"

#include <algorithm>

#include "base/check.h"
#include "query/execute/sequence.h"

namespace muster::query {

void ListedSlots::raw_keys(const BoundField& field, KeyChunk& out) {
  out.present = {};
  out.scale = field.lookup ? std::uint8_t{0} : field.type.scale;
  if (field.place == FieldPlace::PersonId) {
    out.present = everyone_of(*this);
    for (std::uint32_t i = 0; i < count_; ++i) out.keys[i] = *ordinal_of(i);
    return;
  }
  CHECK(field.place == FieldPlace::Person);
  if (!field.attribute) return;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const auto key = field.attribute->single.at(*ordinal_of(i));
    if (!key) continue;
    out.keys[i] = *key;
    set_bit(out.present, i);
  }
}

std::vector<std::uint32_t> ListedSlots::list_of(const BoundField& field, std::uint32_t slot) {
  CHECK(field.place == FieldPlace::Person);
  if (!field.attribute) return {};
  const auto codes = field.attribute->list.at(*ordinal_of(slot));
  return {codes.begin(), codes.end()};
}

void ListedSlots::aggregate(const BoundAggregate& aggregate, ValueChunk& out) {
  const Accumulator& result = aggregates_.of(aggregate);
  if (result.failed()) fail();
  fill(result, 0, out);
}

std::optional<SlotMask> ListedSlots::select_results(const BoundNode& test) {
  const Accumulator& result = aggregates_.of(*test.aggregate);
  if (result.failed()) fail();
  SlotMask mask{};
  result.select(test.ranges, mask);
  return mask;
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
