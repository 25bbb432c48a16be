// A few people, or a few rows of events, and what they have: the one place where predicates and
// values are evaluated slot by slot.
//
// Up to 1,024 slots at a time. RowSlots serves `where` inside aggregates, PersonSlots one person
// (contains, explain) and value tests of a page of people; the fast paths over whole blocks
// (evaluate.h) answer the same nodes with fewer bytes touched.
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "query/execute/accumulator.h"

namespace muster::query {

inline constexpr std::uint32_t kSlotsMax = 1'024;
inline constexpr std::uint32_t kSlotWords = kSlotsMax / 64;

// A bit per slot; bits past the last slot are 0.
using SlotMask = std::array<std::uint64_t, kSlotWords>;

inline bool has_bit(std::span<const std::uint64_t> words, std::uint32_t i) {
  return (words[i / 64] >> (i % 64)) & 1;
}
inline void set_bit(std::span<std::uint64_t> words, std::uint32_t i) {
  words[i / 64] |= std::uint64_t{1} << (i % 64);
}
inline void clear_bit(std::span<std::uint64_t> words, std::uint32_t i) {
  words[i / 64] &= ~(std::uint64_t{1} << (i % 64));
}

// Calls visit(i) for every bit set, ascending.
template <typename Visit>
void for_each_bit(std::span<const std::uint64_t> words, const Visit& visit) {
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::uint64_t rest = words[w]; rest != 0; rest &= rest - 1) {
      visit(static_cast<std::uint32_t>(w * 64 +
                                       static_cast<std::size_t>(__builtin_ctzll(rest))));
    }
  }
}

// Order keys or codes; keys[i] counts where bit i of `present` is set.
struct KeyChunk {
  std::array<std::int64_t, kSlotsMax> keys;
  SlotMask present;
  std::uint8_t scale = 0;  // Of exact numbers.
};

// Values of an expression, for as many slots as there are: often it is only one.
struct ValueChunk {
  explicit ValueChunk(std::uint32_t slots) : exact(slots), real(slots) {}

  std::vector<Rational> exact;
  std::vector<double> real;
  SlotMask present{};

  Scalar at(std::uint32_t i) const {
    return {.present = has_bit(present, i), .exact = exact[i], .real = real[i]};
  }
};

// The event that a step of a sequence has taken for now.
struct PinnedEvent {
  std::size_t source = 0;  // Of the step.
  const index::EventRun* run = nullptr;
  std::uint32_t row = 0;
};

// What the slots of one kind have.
class Slots {
 public:
  explicit Slots(const index::Generation& generation) : generation_(generation) {}
  virtual ~Slots() = default;

  const index::Generation& generation() const { return generation_; }
  std::uint32_t count() const { return count_; }
  // An exact number left 128 bits; every answer since is void.
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }
  // Long searches fail when the budget, which outlives this, runs out; null: there is none.
  void obey(const Budget* budget) { budget_ = budget; }

  // The field's own keys, before any reference is followed.
  virtual void raw_keys(const BoundField& field, KeyChunk& out) = 0;
  // The slots whose key of a FieldTest's field passes, when that can be told from packed values.
  virtual std::optional<SlotMask> select_packed(const BoundNode&) { return std::nullopt; }
  // Who passes an AggregateTest, when that can be told without everybody's value at hand.
  virtual std::optional<SlotMask> select_results(const BoundNode&) { return std::nullopt; }
  // The elements of one slot's list; empty when missing.
  virtual std::vector<std::uint32_t> list_of(const BoundField& field, std::uint32_t slot) = 0;
  // Among people and groups only.
  virtual void aggregate(const BoundAggregate& aggregate, ValueChunk& out) = 0;
  // What the event that an earlier step has taken has, for all slots. Inside sequences only.
  virtual Scalar step_value(const BoundValue& of_step);
  virtual bool step_holds(const BoundNode& of_step);
  // Who has the sequence. Among people only.
  virtual SlotMask sequence(const BoundSequence& sequence);
  virtual std::optional<index::Ordinal> ordinal_of(std::uint32_t slot) = 0;

 protected:
  // The results of buckets [first, first + count).
  void fill(const Accumulator& results, std::size_t first, ValueChunk& out) const;

  const index::Generation& generation_;
  const Budget* budget_ = nullptr;
  std::uint32_t count_ = 0;
  bool failed_ = false;
};

// The keys of a field, its reference followed.
void read_keys(const BoundField& field, Slots& slots, KeyChunk& out);

// The slots that pass.  Cost: a pass over the slots' values per leaf.
SlotMask select(const BoundNode& node, Slots& slots);

// The values of an expression.
std::unique_ptr<ValueChunk> evaluate(const BoundValue& value, Slots& slots);
// What a ValueTest says of these operands.  Requires all of them present.
bool holds(const BoundNode& test, std::span<const Scalar> values);
// The slots for which a ValueTest holds.
SlotMask select_values(const BoundNode& test, Slots& slots);

// Whether the person falls into the sample.
bool in_sample(const BoundNode& sample, const index::Generation& generation,
               index::Ordinal ordinal);

// All slots.
SlotMask everyone_of(const Slots& slots);

}  // namespace muster::query
