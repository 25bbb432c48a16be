// A list as a set: sorted, without repeats.
#pragma once

#include <algorithm>
#include <vector>

namespace muster {

// Cost: a sort.
template <typename Value>
void sort_once(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace muster
