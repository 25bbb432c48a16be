// Sets of people changed where they stand: those of a ledger have millions, a batch some thousand,
// and nothing of the former is copied for the latter.
//
// Thread safety: as the sets themselves.
#pragma once

#include "index/sets/bitmap.h"

namespace muster::connect {

// Above so many people copying the whole set is no more work.
inline constexpr std::uint64_t kFewMax = 65'536;

// Cost: O(people log blocks), or of both sets where there are many.
inline void add_all(index::Bitmap& to, const index::Bitmap& people) {
  if (people.count() > kFewMax) {
    to = unite(to, people);
  } else {
    to.add_sorted(people.to_vector());
  }
}

inline void remove_all(index::Bitmap& from, const index::Bitmap& people) {
  if (from.empty()) return;
  if (people.count() > kFewMax) {
    from = subtract(from, people);
  } else {
    for (const index::Ordinal person : people.to_vector()) from.remove(person);
  }
}

}  // namespace muster::connect
