// A vector whose first elements stand in itself: short lists of a block cost no heap.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>

namespace muster::query {

template <typename T, std::size_t kInside>
using StackVector = boost::container::small_vector<T, kInside>;

}  // namespace muster::query
