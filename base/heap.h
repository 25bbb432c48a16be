// How the ordinary heap treats memory that is given back.
#pragma once

#include <cstdint>

namespace muster {

// From now on up to 256 MiB of freed memory stay with the process. Columns and runs are laid out in
// buffers of some MiB that come and go; with glibc's defaults each is mapped and zeroed anew, which
// is a sixth of the time of a start.  Call it first of all, before there are threads.
void keep_freed_memory();

struct HeapFigures {
  std::uint64_t used_bytes = 0;  // Handed out and not given back.
  std::uint64_t kept_bytes = 0;  // Given back, and kept by the process.
};

// Both are 0 where the heap does not tell.  Cost: a walk over the heap's free lists.
HeapFigures heap_figures();

}  // namespace muster
