#include "index/huge_pages.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace muster::index {

void* allocate_lines(std::size_t bytes) {
  const std::size_t alignment = bytes < kHugePage ? kCacheLine : kHugePage;
  const std::size_t rounded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* lines = nullptr;
  if (posix_memalign(&lines, alignment, rounded) != 0) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
  // Advice only: without huge pages everything works, slower.
  if (rounded >= kHugePage) static_cast<void>(madvise(lines, rounded, MADV_HUGEPAGE));
#endif
  return lines;
}

}  // namespace muster::index
