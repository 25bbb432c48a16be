// The rows that an aggregate takes in, person by person: a counting sort in two passes.
//
// find() looks for the rows once and counts them; again() goes through the same rows, so that what
// they hold can be put where for_each_place() says.
// Thread safety: one thread at a time; memory of the last use is used again.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "query/execute/found_rows.h"

namespace muster::query {

class RowsByPerson {
 public:
  // Those of these people. `narrow(source number, run, slots, mask)` may take rows out.
  // Returns false when an exact number in `where` left its bits.
  template <typename Narrow>
  bool find(const BoundAggregate& aggregate, const index::Generation& generation,
            const PeopleRange& people, const Narrow& narrow);

  // Goes through what was found, from which `narrow` may take more out; returns false as find().
  template <typename Narrow>
  bool narrow(const index::Generation& generation, const Narrow& narrow);

  std::uint32_t rows() const { return total_; }
  // Calls visit(source number, run, slots, mask) for the same stretches of rows.
  template <typename Visit>
  void again(const index::Generation& generation, const Visit& visit) const;
  // Calls visit(slot, where its row stands when all are sorted) for the rows of a stretch: by
  // person, and for each of them in the order of again().  Requires every stretch in turn, once.
  template <typename Visit>
  void for_each_place(const RowSlots& slots, const SlotMask& mask, const Visit& visit);
  // After all rows have been placed: where those of the people end, in order of their places.
  std::span<const std::uint32_t> ends() const { return ends_; }

 private:
  // From how many there are of each person.
  void begin_ends() {
    total_ = 0;
    for (std::uint32_t& end : ends_) total_ += std::exchange(end, total_);
  }

  template <typename Visit>
  void for_each_person(const RowSlots& slots, const SlotMask& mask, const Visit& visit) const;

  PeopleRange people_;
  FoundRows found_;
  std::vector<std::uint32_t> ends_;  // By place; begins as where they begin.
  std::uint32_t total_ = 0;
};

// Calls visit(slot, place of its person).
template <typename Visit>
void RowsByPerson::for_each_person(const RowSlots& slots, const SlotMask& mask,
                                   const Visit& visit) const {
  if (people_.count == index::kBlockSize && !slots.is_listed() && mask == everyone_of(slots)) {
    const std::uint16_t* const person = slots.run().person.data() + slots.row_of(0);
    for (std::uint32_t i = 0; i < slots.count(); ++i) visit(i, person[i]);
    return;
  }
  for_each_bit(mask,
               [&](std::uint32_t i) { visit(i, people_.place_of(slots.person_of(i))); });
}

template <typename Narrow>
bool RowsByPerson::find(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, const Narrow& narrow) {
  people_ = people;
  ends_.assign(people.count, 0);
  const bool is_exact = found_.find(
      aggregate, generation, people,
      [&](std::size_t s, const index::EventRun& run, RowSlots& slots, SlotMask& mask) {
        narrow(s, run, slots, mask);
        for_each_person(slots, mask, [&](std::uint32_t, std::uint32_t place) { ++ends_[place]; });
      });
  begin_ends();
  return is_exact;
}

template <typename Narrow>
bool RowsByPerson::narrow(const index::Generation& generation, const Narrow& narrow) {
  ends_.assign(people_.count, 0);
  const bool is_exact = found_.narrow(
      generation, [&](std::size_t s, const index::EventRun& run, RowSlots& slots, SlotMask& mask) {
        narrow(s, run, slots, mask);
        for_each_person(slots, mask, [&](std::uint32_t, std::uint32_t place) { ++ends_[place]; });
      });
  begin_ends();
  return is_exact;
}

template <typename Visit>
void RowsByPerson::for_each_place(const RowSlots& slots, const SlotMask& mask,
                                  const Visit& visit) {
  for_each_person(slots, mask,
                  [&](std::uint32_t i, std::uint32_t place) { visit(i, ends_[place]++); });
}

template <typename Visit>
void RowsByPerson::again(const index::Generation& generation, const Visit& visit) const {
  for (const FoundRows::Stretch& stretch : found_.stretches()) {
    RowSlots slots = found_.slots_of(stretch, generation);
    visit(stretch.source, *stretch.run, slots, stretch.mask);
  }
}

}  // namespace muster::query
