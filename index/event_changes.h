// Which people of a block the last events were about: what lets a set made from the events before
// be brought up to date without reading the events again.
//
// Runs are merged, so nothing of them tells old rows from new. Here every row that came or went
// is one change, counted for ever, and the people of the last few thousand changes are kept.
// Thread safety: immutable once its block is published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace muster::index {

// What a set was made from. The default: a block that was not there.
struct ChangeMark {
  std::uint64_t lineage = 0, changes = 0;
  bool operator==(const ChangeMark&) const = default;
};

class EventChanges {
 public:
  // Of a block that begins now. No two of a process have one lineage, so that a mark of a block
  // that is gone fits no later one.
  EventChanges();

  ChangeMark mark() const { return {lineage_, changes_}; }
  // Rows of these people, one entry a row, came or went.
  // Limits: of more than kKeptMax changes the people are forgotten, and only the number stays.
  void add(std::span<const std::uint16_t> people);
  // The people of the changes after `mark`, one entry a change; nothing when that is not known.
  std::optional<std::span<const std::uint16_t>> since(const ChangeMark& mark) const;
  // Asks memory for the last changes ahead of their use.
  void prefetch() const {
    if (!people_.empty()) __builtin_prefetch(&people_.back());
  }
  std::size_t bytes() const { return people_.capacity() * sizeof people_[0]; }  // On the heap.

  // 4 KiB a block; beyond, reading the events again is not much dearer.
  static constexpr std::size_t kKeptMax = 2'048;

 private:
  std::uint64_t lineage_, changes_ = 0;
  std::vector<std::uint16_t> people_;  // Of the last changes, oldest first.
};

}  // namespace muster::index
