#include "base/heap.h"

#include <malloc.h>

namespace muster {

void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // The most that glibc allows.
  // Each arena keeps what its threads freed, so that few of them keep little.
  constexpr int kArenas = 4;
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_TRIM_THRESHOLD, (256 << 20) / kArenas);
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

HeapFigures heap_figures() {
#if defined(__GLIBC__)
  const struct mallinfo2 info = mallinfo2();
  return {.used_bytes = info.uordblks + info.hblkhd, .kept_bytes = info.fordblks};
#else
  return {};
#endif
}

}  // namespace muster
