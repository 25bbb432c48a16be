// Rows of one run of events as slots.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/people_range.h"
#include "query/execute/slots.h"

namespace muster::query {

class RowSlots final : public Slots {
 public:
  // The run is one of the block `block`; all outlive this.
  RowSlots(const index::Generation& generation, const index::EventRun& run, std::uint32_t block)
      : Slots(generation), run_(run), block_(block) {}

  // To a stretch of rows, or to rows one by one; the span outlives the use of the slots.
  // Requires at most kSlotsMax rows of the run.
  void move_to(std::uint32_t first, std::uint32_t count) {
    first_ = first;
    count_ = count;
    listed_ = {};
  }
  void move_to(std::span<const std::uint32_t> rows) {
    count_ = static_cast<std::uint32_t>(rows.size());
    listed_ = rows;
  }

  // The events of earlier steps; they outlive this.
  void pin(std::span<const PinnedEvent> pins) { pins_ = pins; }

  void raw_keys(const BoundField& field, KeyChunk& out) override;
  std::optional<SlotMask> select_packed(const BoundNode& test) override;
  std::vector<std::uint32_t> list_of(const BoundField& field, std::uint32_t slot) override;
  void aggregate(const BoundAggregate& aggregate, ValueChunk& out) override;
  Scalar step_value(const BoundValue& of_step) override;
  bool step_holds(const BoundNode& of_step) override;
  std::optional<index::Ordinal> ordinal_of(std::uint32_t slot) override;

  const index::EventRun& run() const { return run_; }
  bool is_listed() const { return !listed_.empty(); }

  void times(KeyChunk& out);
  // Takes out of the mask what is not at the time that `edge` holds for the person; its buckets
  // are the places of the people.
  void keep_at_edge(const Accumulator& edge, const PeopleRange& people, SlotMask& mask);
  // Takes out of the mask what is earlier than the moment of its person, by place.
  void keep_since(std::span<const TimeMs> since, const PeopleRange& people, SlotMask& mask);
  std::uint32_t row_of(std::uint32_t slot) const {
    return listed_.empty() ? first_ + slot : listed_[slot];
  }
  // Within the block.
  std::uint16_t person_of(std::uint32_t slot) const { return run_.person[row_of(slot)]; }

 private:
  // Takes out of the mask the rows for which stays(person, time) is false.
  template <typename Stays>
  void keep_times(const Stays& stays, SlotMask& mask);
  void person_keys(const BoundField& field, KeyChunk& out);
  void property_keys(const BoundField& field, KeyChunk& out);

  const index::EventRun& run_;
  std::uint32_t block_;
  std::uint32_t first_ = 0;
  std::span<const std::uint32_t> listed_;  // Empty: a stretch from first_ on.
  std::span<const PinnedEvent> pins_;
};

}  // namespace muster::query
