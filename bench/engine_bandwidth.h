// What the machine itself can read: the limit that a scan of cold memory cannot pass.
//
// Thread safety: one thread at a time.
#pragma once

namespace muster::bench {

// Bytes per second that one core reads from memory with its widest loads: the best of several
// passes over a buffer far beyond the caches.
double read_bandwidth();

}  // namespace muster::bench
