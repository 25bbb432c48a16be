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
  bool knows(const Hash128& id) const;
  std::size_t size() const { return size_; }
  std::size_t bytes() const {
    return (slot_count_ + fresh_.capacity()) * sizeof(Slot);
  }

  // From now on new ids are also listed for take_fresh().
  void list_fresh() { lists_fresh_ = true; }
  struct Fresh {
    bool all = false;  // Every id that is known: there were too many new ones to list them.
    std::vector<Slot> ids;
  };
  // The ids that became known since the last call; or all, when `wants_all`.
  // Limits: more than kFreshMax new ones are not listed, 96 MiB.
  // Cost: a move; of all, a pass over the table.
  Fresh take_fresh(bool wants_all = false);
  static constexpr std::size_t kFreshMax = 4U << 20;
  // Makes room for that many ids at once, and some more.
  void reserve(std::size_t ids);
  // Takes in ids that were remembered once, none of them listed as fresh.
  // Returns whether all of them were unknown and could be ids.
  // Cost: less for ids that are sorted, which go through memory from front to back.
  bool restore(std::span<const Slot> known);
  // In the order of their places in any table.
  static void sort(std::span<Slot> ids);
  // The same for the same ids with the same contents, in whatever order they came.
  Hash128 digest() const;

 private:
  std::size_t place_of(const Hash128& id) const {
    return static_cast<std::size_t>((id.low >> 32) * slot_count_ >> 32);
  }
  void grow_to(std::size_t count);
  void list(const Slot& slot);
  Slot& slot_of(const Hash128& id);
  Lines<Slot> slots_;  // In huge pages: a look-up is one miss, not two.
  std::size_t slot_count_ = 0, size_ = 0;
  std::vector<Slot> fresh_;
  bool lists_fresh_ = false, too_many_fresh_ = false;
};

}  // namespace muster::index
