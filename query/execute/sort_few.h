// Sorting what is mostly a handful: one person's values or events.
#pragma once

#include <algorithm>
#include <span>

namespace muster::query {

// Ascending; equal ones in any order.
// Cost: by insertion up to 24, which is soonest there; else O(n log n).
template <typename Item>
void sort_few(std::span<Item> items) {
  constexpr std::size_t kFew = 24;
  if (items.size() > kFew) {
    std::sort(items.begin(), items.end());
    return;
  }
  for (std::size_t i = 1; i < items.size(); ++i) {
    const Item item = items[i];
    std::size_t at = i;
    for (; at > 0 && item < items[at - 1]; --at) items[at] = items[at - 1];
    items[at] = item;
  }
}

}  // namespace muster::query
