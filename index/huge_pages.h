// Memory for tables that are read at random: aligned to cache lines, and large ones to huge pages,
// which the system is asked for (madvise), so that a look-up does not also miss the page tables.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace muster::index {

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kHugePage = 2U << 20;

struct FreeLines {
  void operator()(void* lines) const { std::free(lines); }
};

// Not initialised.  Cost: pages are touched by whoever writes them first.
void* allocate_lines(std::size_t bytes);

// An array of trivial objects in such memory; their bytes are not initialised.
template <typename T>
using Lines = std::unique_ptr<T[], FreeLines>;

template <typename T>
Lines<T> make_lines(std::size_t count) {
  return Lines<T>(static_cast<T*>(allocate_lines(count * sizeof(T))));
}

}  // namespace muster::index
