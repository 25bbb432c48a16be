// Which events are known by id, and with which content: the same id counts once.
//
// Open addressing on 128-bit hashes of the ids (hash128), 24 bytes a slot, at most 7/10 full.
// Two different ids with one hash would be taken for one event: for 10^9 ids the chance is 10^-21.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"

namespace muster::index {

class EventIds {
 public:
  enum class Verdict { New, Same, Different };

  // Remembers the id with its content unless it is known; says how it compares.
  Verdict remember(const Hash128& id, std::uint64_t content);
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    Hash128 id;             // {0, 0}: free.
    std::uint64_t content = 0;
  };
  void grow();
  Slot& slot_of(const Hash128& id);
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace muster::index
