// Sets changed where they stand: those of a ledger have millions, a batch some thousand, and
// nothing of the former is copied for the latter.
//
// Thread safety: as the sets themselves.
#pragma once

#include "index/sets/bitmap.h"

namespace muster::index {

// Cost: O(people + blocks of both).
void add_all(Bitmap& to, const Bitmap& people);
void remove_all(Bitmap& from, const Bitmap& people);

}  // namespace muster::index
