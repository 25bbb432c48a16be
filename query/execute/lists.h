// The elements of lists, slot by slot: of attributes, of events, and of what they refer to.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/slots.h"

namespace muster::query {

class Lists {
 public:
  // The slots stay where they are as long as this is used.
  Lists(const BoundField& field, Slots& slots);

  // The codes of one slot's elements; empty when missing.
  std::vector<std::uint32_t> at(std::uint32_t slot);

 private:
  const BoundField& field_;
  Slots& slots_;
  std::unique_ptr<KeyChunk> referring_;  // Null unless a reference leads to the lists.
};

// The slots for which an ElementTest holds.
SlotMask select_elements(const BoundNode& test, Slots& slots);

}  // namespace muster::query
