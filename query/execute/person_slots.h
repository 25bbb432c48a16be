// People as slots: a page of them, or one.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/aggregate.h"
#include "query/execute/slots.h"

namespace muster::query {

class PersonSlots final : public Slots {
 public:
  // `aggregates` must be at a range that holds every person asked about.
  explicit PersonSlots(Aggregates& aggregates)
      : Slots(aggregates.generation()), aggregates_(aggregates) {}

  // Requires count <= kSlotsMax within one page of a block.
  void move_to(index::Ordinal first, std::uint32_t count) {
    first_ = first;
    count_ = count;
  }

  void raw_keys(const BoundField& field, KeyChunk& out) override;
  std::vector<std::uint32_t> list_of(const BoundField& field, std::uint32_t slot) override;
  void aggregate(const BoundAggregate& aggregate, ValueChunk& out) override;
  SlotMask sequence(const BoundSequence& sequence) override;
  std::optional<index::Ordinal> ordinal_of(std::uint32_t slot) override { return first_ + slot; }

 private:
  Aggregates& aggregates_;
  index::Ordinal first_ = 0;
};

}  // namespace muster::query
