// Groups of a person's events as slots: what `having` sees.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "query/execute/accumulator.h"
#include "query/execute/slots.h"

namespace muster::query {

class GroupSlots final : public Slots {
 public:
  // Fills an accumulator with an aggregate of all groups.
  using Accumulate = std::function<void(const BoundAggregate&, Accumulator&)>;

  GroupSlots(const index::Generation& generation, Accumulate accumulate)
      : Slots(generation), accumulate_(std::move(accumulate)) {}

  void move_to(std::size_t first, std::uint32_t count) {
    first_ = first;
    count_ = count;
  }

  void raw_keys(const BoundField& field, KeyChunk& out) override;
  std::vector<std::uint32_t> list_of(const BoundField& field, std::uint32_t slot) override;
  void aggregate(const BoundAggregate& aggregate, ValueChunk& out) override;
  std::optional<index::Ordinal> ordinal_of(std::uint32_t) override { return std::nullopt; }

 private:
  Accumulate accumulate_;
  std::map<const BoundAggregate*, std::unique_ptr<Accumulator>> results_;
  std::size_t first_ = 0;
};

}  // namespace muster::query
