// The objects of lists as slots, and those of them that pass a condition.
//
// Thread safety: one thread at a time.
#pragma once

#include "query/execute/slots.h"

namespace muster::query {

// A bit per element that passes; nothing when an exact number left 128 bits.
// Cost: a pass over the columns that the condition names.
std::optional<std::vector<std::uint64_t>> select_objects(const BoundNode& where,
                                                         const index::Generation& generation,
                                                         const ObjectTable& table);

}  // namespace muster::query
