// The rows that an aggregate takes in, found once and gone through again: what is kept is a bit a
// row.
//
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <span>
#include <vector>

#include "query/execute/event_rows.h"

namespace muster::query {

class FoundRows {
 public:
  // Neighbours of one run.
  struct Stretch {
    std::size_t source = 0;
    const index::EventRun* run = nullptr;
    std::uint32_t first = 0, count = 0;  // Of the run, or of those listed.
    bool is_listed = false;
    SlotMask mask;
  };

  // Those of these people. `narrow(source number, run, slots, mask)` may take rows out.
  // Returns false when an exact number in `where` left its bits.
  template <typename Narrow>
  bool find(const BoundAggregate& aggregate, const index::Generation& generation,
            const PeopleRange& people, const Narrow& narrow);

  // Goes through what was found, from which `narrow` may take more out.
  // Returns false as find() does.
  template <typename Narrow>
  bool narrow(const index::Generation& generation, const Narrow& narrow);

  // In the order in which find() met them: by source, run and, but for people asked one by one,
  // time.
  std::span<const Stretch> stretches() const { return stretches_; }
  // The slots of a stretch; valid as long as nothing else is found.
  RowSlots slots_of(const Stretch& stretch, const index::Generation& generation) const;

 private:
  std::uint32_t block_ = 0;
  std::vector<Stretch> stretches_;
  std::vector<std::uint32_t> listed_;
};

template <typename Narrow>
bool FoundRows::find(const BoundAggregate& aggregate, const index::Generation& generation,
                     const PeopleRange& people, const Narrow& narrow) {
  block_ = people.block;
  stretches_.clear();
  listed_.clear();
  bool failed = false;
  for_each_taken(
      aggregate, generation, people,
      [&](std::size_t s, const index::EventRun& run, RowSlots& slots, SlotMask mask) {
        narrow(s, run, slots, mask);
        failed = failed || slots.failed();
        Stretch stretch{.source = s, .run = &run, .first = slots.row_of(0),
                        .count = slots.count(), .is_listed = slots.is_listed(), .mask = mask};
        if (stretch.is_listed) {
          stretch.first = static_cast<std::uint32_t>(listed_.size());
          for (std::uint32_t i = 0; i < slots.count(); ++i) listed_.push_back(slots.row_of(i));
        }
        stretches_.push_back(stretch);
      });
  return !failed;
}

template <typename Narrow>
bool FoundRows::narrow(const index::Generation& generation, const Narrow& narrow) {
  bool failed = false;
  for (Stretch& stretch : stretches_) {
    if (stretch.mask == SlotMask{}) continue;
    RowSlots slots = slots_of(stretch, generation);
    narrow(stretch.source, *stretch.run, slots, stretch.mask);
    failed = failed || slots.failed();
  }
  return !failed;
}

inline RowSlots FoundRows::slots_of(const Stretch& stretch,
                                    const index::Generation& generation) const {
  RowSlots slots(generation, *stretch.run, block_);
  if (stretch.is_listed) {
    slots.move_to(std::span(listed_).subspan(stretch.first, stretch.count));
  } else {
    slots.move_to(stretch.first, stretch.count);
  }
  return slots;
}

}  // namespace muster::query
