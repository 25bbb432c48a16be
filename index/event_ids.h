// Which events are known by id, and with which content: the same id counts once.
//
// Open addressing on 128-bit hashes of the ids (hash128), 24 bytes a slot, up to 85 % full. A place
// grows with the hash, so a larger table is filled in one pass; large ones grow by an eighth.
// Two different ids with one hash would be taken for one event: for 10^9 ids the chance is 10^-21.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "index/huge_pages.h"

namespace muster::index {

class EventIds {
 public:
  enum class Verdict { New, Same, Different };
  struct Slot {
    Hash128 id;             // {0, 0}: free.
    std::uint64_t content = 0;
  };

  // Fetches what remember() will read; worth it some ids ahead.
  void prefetch(const Hash128& id) const {
    if (slot_count_ != 0) __builtin_prefetch(&slots_[place_of(id)]);
  }
  // Remembers the id with its content unless it is known; says how it compares.
  Verdict remember(const Hash128& id, std::uint64_t content);
  std::size_t size() const { return size_; }
  std::size_t bytes() const {
    return (slot_count_ + fresh_.capacity()) * sizeof(Slot);
  }

  // Whether new ids are also listed from now on for take_fresh(), which somebody has to call then.
  void list_fresh(bool list) {
    lists_fresh_ = list;
    if (!list) fresh_ = {};
  }
  // The ids that became known since the last call, in their order.
  std::vector<Slot> take_fresh() { return std::exchange(fresh_, {}); }
  // Makes room for that many ids at once, and some more.
  void reserve(std::size_t ids);
  // Takes in ids that were remembered once, none of them listed as fresh.
  // Returns whether all of them were unknown and could be ids.
  // Cost: less for ids that are sorted, which go through memory from front to back.
  bool restore(std::span<const Slot> known);
  // In the order of their places in any table.
  static void sort(std::span<Slot> ids);

 private:
  std::size_t place_of(const Hash128& id) const {
    return static_cast<std::size_t>((id.low >> 32) * slot_count_ >> 32);
  }
  void grow_to(std::size_t count);
  Slot& slot_of(const Hash128& id);
  Lines<Slot> slots_;  // In huge pages: a look-up is one miss, not two.
  std::size_t slot_count_ = 0, size_ = 0;
  std::vector<Slot> fresh_;
  bool lists_fresh_ = false;
};

}  // namespace muster::index
