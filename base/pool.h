// Memory for the immutable parts of an index: pages and containers of a few sizes, in huge pages,
// used again as soon as they are free.
//
// A class of sizes carves its pieces from chunks of 2 MiB that, once it has several, the system is
// asked to back with one huge page each: a scan of many pieces costs few look-ups of addresses. A
// piece given back is the next one handed out, so that a steady stream of changes causes no page
// faults. Pieces above kPooledMax come from the ordinary heap. Under a sanitizer all do, so that it
// sees every misuse.
// Thread safety: any thread; each class has a lock held for a few instructions, as in any heap.
#pragma once

#include <cstddef>

namespace muster {

inline constexpr std::size_t kPooledMax = 64 * 1024;  // Bytes; larger pieces are rare.
inline constexpr std::size_t kPoolAlignment = 64;     // A cache line: kernels load whole lines.

// At least `size` bytes, aligned to kPoolAlignment; those of up to 16 to 16.  Cost: about 20 ns.
void* pool_allocate(std::size_t size);
// Requires the size it was allocated with.
void pool_free(void* piece, std::size_t size);
// What an allocation of this size takes: sizes are rounded up by a sixtieth on average.
std::size_t pool_size_of(std::size_t size);

struct PoolUse {
  std::size_t reserved = 0;  // Bytes taken from the system, free pieces included.
  std::size_t used = 0;      // Bytes in pieces handed out.
};
PoolUse pool_use();

}  // namespace muster
