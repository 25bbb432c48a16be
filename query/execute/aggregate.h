// What the events of people add up to: one dense result per aggregate for a block of people, or
// for one person.
//
// The rows of a block are read run by run, 1,024 at a time: time, then `where`, then the value,
// then one step per remaining row. `per` goes through the rows three times: for the groups, for
// what `having` asks of them, and for the events of those that qualify.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "query/execute/accumulator.h"
#include "query/execute/people_range.h"
#include "query/execute/row_slots.h"

namespace muster::query {

class RowsByPerson;  // query/execute/rows_by_person.h

class AggregateResult {
 public:
  // Reads the events of these people. Storage of the last use is used again.
  void compute(const BoundAggregate& aggregate, const index::Generation& generation,
               const PeopleRange& people);

  // By the people's places in the range.
  const Accumulator& by_person() const { return by_person_; }

 private:
  void take_rows(const BoundAggregate& aggregate, const index::Generation& generation);
  void compute_groups(const BoundAggregate& aggregate, const index::Generation& generation);

  PeopleRange people_;
  Accumulator by_person_;
  std::shared_ptr<RowsByPerson> rows_;  // Kept for its memory; null: never needed.
};

// Calls visit(source number, run, slots, mask) for the events of these people that are in groups
// which qualify.  Requires aggregate.grouping.  Returns false when an exact number left its bits.
using VisitRows = std::function<void(std::size_t source, const index::EventRun& run,
                                     RowSlots& slots, const SlotMask& mask)>;
bool for_each_in_groups(const BoundAggregate& aggregate, const index::Generation& generation,
                        const PeopleRange& people, const VisitRows& visit);

// Sets the bit of everybody who has an event that a count takes in: what `did` asks, without
// counting.  Requires a Count without grouping, and a bit in `out` for everybody of the range.
// Returns false when an exact number left its bits.
bool mark_people(const BoundAggregate& aggregate, const index::Generation& generation,
                 const PeopleRange& people, std::span<std::uint64_t> out);

// The newest events that an aggregate takes in for one person, newest first, as JSON objects.
std::vector<std::string> newest_events(const BoundAggregate& aggregate,
                                       const index::Generation& generation,
                                       index::Ordinal ordinal, std::size_t limit);

// The results of one evaluation for one range of people at a time.
class Aggregates {
 public:
  explicit Aggregates(const index::Generation& generation) : generation_(generation) {}

  void move_to(const PeopleRange& people);
  const PeopleRange& people() const { return people_; }
  const index::Generation& generation() const { return generation_; }
  // Valid until kKept others have been asked for or move_to().
  const Accumulator& of(const BoundAggregate& aggregate);

 private:
  // A result for a block takes up to 2 MiB; most segments ask for fewer than these.
  static constexpr std::size_t kKept = 32;
  struct Entry {
    const BoundAggregate* aggregate = nullptr;  // Null: free.
    std::uint64_t used = 0;
    std::unique_ptr<AggregateResult> result;
  };

  Entry& entry_to_fill();

  const index::Generation& generation_;
  PeopleRange people_;
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace muster::query
