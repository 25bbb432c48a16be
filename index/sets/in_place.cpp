#include "index/sets/in_place.h"

#include <roaring/roaring.h>

namespace muster::index {
namespace {

// The set is the caller's to change; raw() is const for all others.
roaring_bitmap_t* own(Bitmap& set) { return const_cast<roaring_bitmap_t*>(set.raw()); }

}  // namespace

void add_all(Bitmap& to, const Bitmap& people) {
  roaring_bitmap_or_inplace(own(to), people.raw());
}

void remove_all(Bitmap& from, const Bitmap& people) {
  if (&from == &people) {  // Which the library does not take.
    from = {};
    return;
  }
  roaring_bitmap_andnot_inplace(own(from), people.raw());
}

}  // namespace muster::index
