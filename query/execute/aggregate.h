// What the events of people add up to: one dense result per aggregate for a block of people, or
// for one person.
//
// The rows of a block are read run by run, 1,024 at a time: time, then `where`, then the value,
// then one step per remaining row. Results keep only what their kind needs.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "query/execute/row_slots.h"

namespace muster::query {

// People [first, first + count) of a block.
struct PeopleRange {
  std::uint32_t block = 0;
  std::uint32_t first = 0;  // Within the block.
  std::uint32_t count = 0;
};

class AggregateResult {
 public:
  // Reads the events of these people. Storage of the last use is used again.
  void compute(const BoundAggregate& aggregate, const index::Generation& generation,
               const PeopleRange& people);

  bool failed() const { return failed_; }
  // The value of a person, counted from the first of the range.
  Scalar at(std::uint32_t person) const;
  // Sets the bits of people whose key lies in ranges.  Requires no Avg.
  void select(const RangeSet& ranges, std::span<std::uint64_t> out) const;

 private:
  struct PersonKey {
    std::uint32_t person = 0;
    std::int64_t key = 0;
  };
  // Keys of the aggregate's values, exact ones at its scale.
  struct WideChunk {
    std::array<Int128, kSlotsMax> keys;
    SlotMask present;
  };

  void clear();
  void take_slots(const EventSource& source, RowSlots& slots, const SlotMask& mask);
  void take_times(RowSlots& slots, const SlotMask& mask);
  void take_values(const EventSource& source, RowSlots& slots, const SlotMask& mask);
  void read_values(const EventSource& source, RowSlots& slots, WideChunk& out);
  void take(std::uint32_t person, Int128 key);
  void take_at(std::uint32_t person, TimeMs time, Int128 key);
  bool is_smaller(Int128 a, Int128 b) const;
  void finish();
  std::optional<Int128> key_at(std::uint32_t person) const;
  std::uint32_t index_of(std::uint16_t person) const { return person - people_.first; }
  bool is_touched(std::uint32_t person) const { return has_bit(touched_, person); }

  const BoundAggregate* aggregate_ = nullptr;
  PeopleRange people_;
  bool failed_ = false;
  std::vector<std::uint64_t> touched_;   // Who has a value at all.
  std::vector<std::uint32_t> counts_;    // Count, Distinct, Avg
  std::vector<Int128> keys_;             // Sum and Avg of exact; Min, Max, First, Last
  std::vector<TimeMs> times_;            // First, Last of a value
  std::vector<double> reals_;            // Sum, Avg of doubles
  std::vector<PersonKey> pairs_;         // Distinct; sums of doubles, added in order at the end
};

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
  // Valid until kKept others have been asked for or move_to().
  const AggregateResult& of(const BoundAggregate& aggregate);

 private:
  // A result for a block takes up to 2 MiB; most segments ask for fewer than these.
  static constexpr std::size_t kKept = 32;
  struct Entry {
    const BoundAggregate* aggregate = nullptr;
    std::uint64_t used = 0;
    std::unique_ptr<AggregateResult> result;
  };

  const index::Generation& generation_;
  PeopleRange people_;
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace muster::query
