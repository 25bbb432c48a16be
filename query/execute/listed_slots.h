// Up to 1,024 people of a block, one by one.
//
// Their events are gone through together: what a run, a window and a filter cost to begin with is
// paid once and not for each of them.
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/aggregate.h"
#include "query/execute/slots.h"

namespace muster::query {

class ListedSlots final : public Slots {
 public:
  explicit ListedSlots(const index::Generation& generation)
      : Slots(generation), aggregates_(generation) {}

  // Requires 1 to kSlotsMax people, ascending; they outlive the use of the slots.
  void move_to(std::uint32_t block, std::span<const std::uint16_t> people) {
    people_ = PeopleRange::of(block, people);
    aggregates_.move_to(people_);
    count_ = people_.count;
  }

  void raw_keys(const BoundField& field, KeyChunk& out) override;
  std::optional<SlotMask> select_results(const BoundNode& test) override;
  std::vector<std::uint32_t> list_of(const BoundField& field, std::uint32_t slot) override;
  void aggregate(const BoundAggregate& aggregate, ValueChunk& out) override;
  SlotMask sequence(const BoundSequence& sequence) override;
  std::optional<index::Ordinal> ordinal_of(std::uint32_t slot) override;

 private:
  PeopleRange people_;
  Aggregates aggregates_;
};

}  // namespace muster::query
