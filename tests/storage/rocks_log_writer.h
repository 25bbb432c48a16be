// What rocks_log_writer writes under each number, so that its reader can tell.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>

namespace muster::storage {

// Different lengths, so that records straddle the blocks of the files below.
inline std::string written_record(std::uint64_t sequence) {
  return "record " + std::to_string(sequence) + std::string(sequence * 37 % 5'000, '.');
}

}  // namespace muster::storage
