#include "query/execute/person_slots.h"

#include "base/check.h"
#include "query/execute/sequence.h"

namespace muster::query {

static_assert(kSlotsMax == index::kPageSize, "a page of people is one chunk of slots");

void PersonSlots::raw_keys(const BoundField& field, KeyChunk& out) {
  out.present = {};
  out.scale = field.lookup ? std::uint8_t{0} : field.type.scale;
  if (field.place == FieldPlace::PersonId) {
    out.present = everyone_of(*this);
    for (std::uint32_t i = 0; i < count_; ++i) out.keys[i] = first_ + i;
    return;
  }
  CHECK(field.place == FieldPlace::Person);
  if (!field.attribute) return;
  const index::NumberColumn& column = field.attribute->single;
  if (count_ == 1) {
    if (const auto key = column.at(first_)) {
      out.keys[0] = *key;
      set_bit(out.present, 0);
    }
    return;
  }
  const index::ColumnBlock* block = column.block(first_ / index::kBlockSize);
  if (block == nullptr) return;
  const index::Page* page = block->pages[first_ % index::kBlockSize / index::kPageSize].get();
  if (page == nullptr) return;
  page->read(out.keys);
  std::copy(page->present().begin(), page->present().end(), out.present.begin());
}

std::vector<std::uint32_t> PersonSlots::list_of(const BoundField& field, std::uint32_t slot) {
  CHECK(field.place == FieldPlace::Person);
  if (!field.attribute) return {};
  const auto codes = field.attribute->list.at(first_ + slot);
  return {codes.begin(), codes.end()};
}

SlotMask PersonSlots::sequence(const BoundSequence& sequence) {
  const PeopleRange people{.block = first_ / index::kBlockSize,
                           .first = first_ % index::kBlockSize, .count = count_};
  const SequenceAnswer answer = holds_sequence(sequence, generation_, people, budget_);
  if (answer.failed) fail();
  SlotMask mask{};
  std::copy(answer.bits.begin(), answer.bits.end(), mask.begin());
  return mask;
}

void PersonSlots::aggregate(const BoundAggregate& aggregate, ValueChunk& out) {
  const Accumulator& result = aggregates_.of(aggregate);
  if (result.failed()) fail();
  const PeopleRange& people = aggregates_.people();
  fill(result, first_ - (people.block * index::kBlockSize + people.first), out);
}

}  // namespace muster::query
