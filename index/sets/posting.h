// Who has one value: per block of 65,536 ordinals at most one container.
//
// A value with update by copy: with() shares every block it does not change.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/sets/bitmap.h"
#include "index/sets/container.h"

namespace muster::index {

class Posting {
 public:
  struct Entry {
    std::uint32_t block = 0;
    ContainerPtr members;  // Never null.
  };

  Posting() = default;

  // The container of a block, or null.  Cost: O(log blocks).
  const Container* find(std::uint32_t block) const;
  std::span<const Entry> entries() const { return entries_; }  // By block, ascending.
  std::uint64_t count() const { return count_; }               // People.
  bool contains(Ordinal ordinal) const;
  std::size_t bytes() const;  // On the heap.

  // This set with `add` put in and `remove` taken out.
  // Requires both strictly increasing and disjoint.
  // Cost: O(entries + changes) plus 8 KiB per block changed.
  Posting with(std::span<const Ordinal> add, std::span<const Ordinal> remove) const;

  // Adds the members of a block behind all others: for sets that are built whole.
  // Requires block above those of entries(), members not null.
  void append(std::uint32_t block, ContainerPtr members);

 private:
  std::vector<Entry> entries_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::index
