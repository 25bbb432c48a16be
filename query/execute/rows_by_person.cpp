#include "query/execute/rows_by_person.h"

namespace muster::query {

void RowsByPerson::add(std::size_t source, const index::EventRun& run, const RowSlots& slots,
                       const SlotMask& mask) {
  Stretch stretch{.source = source, .run = &run, .first = slots.row_of(0),
                  .count = slots.count(), .is_listed = slots.is_listed(), .mask = mask};
  if (stretch.is_listed) {
    stretch.first = static_cast<std::uint32_t>(listed_.size());
    for (std::uint32_t i = 0; i < slots.count(); ++i) listed_.push_back(slots.row_of(i));
  }
  stretches_.push_back(stretch);
  if (people_.count == index::kBlockSize && mask == everyone_of(slots)) {
    const std::uint16_t* const person = run.person.data() + stretch.first;
    for (std::uint32_t i = 0; i < stretch.count; ++i) ++ends_[person[i]];
    return;
  }
  for_each_bit(mask, [&](std::uint32_t i) { ++ends_[people_.place_of(slots.person_of(i))]; });
}

}  // namespace muster::query
