// What the operating system counts of this process.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>

namespace muster::server {

struct ProcessFigures {
  std::uint64_t resident_bytes = 0;
  double cpu_seconds = 0;        // Of all threads, user and system.
  std::uint64_t open_files = 0;  // Descriptors, sockets included.
  std::uint64_t files_max = 0;   // The soft limit of them.
};

// What cannot be read is 0.
ProcessFigures process_figures();

// Raises the soft limit of descriptors to the hard one, and returns it.
std::uint64_t raise_file_limit();

}  // namespace muster::server
