// How the ordinary heap treats memory that is given back.
#pragma once

namespace muster {

// From now on up to 256 MiB of freed memory stay with the process. Columns and runs are laid out in
// buffers of some MiB that come and go; with glibc's defaults each is mapped and zeroed anew, which
// is a sixth of the time of a start.  Call it first of all, before there are threads.
void keep_freed_memory();

}  // namespace muster
