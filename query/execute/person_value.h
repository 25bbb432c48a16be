// What one person has of a value, as answers show it.
//
// Thread safety: any thread.
#pragma once

#include "base/value.h"
#include "query/plan/bound.h"

namespace muster::query {

// The value behind a key of a field; `scale` is that of exact numbers.
Value value_of_key(const BoundField& field, std::int64_t key, std::uint8_t scale);

}  // namespace muster::query
