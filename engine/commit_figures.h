// What a commit did and took, for whoever watches the server.
//
// Thread safety: immutable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace muster::engine {

// One group of changes that became durable and visible together; without records, the clock moved
// somebody in or out of a segment, or might have.
struct CommitFigures {
  std::size_t changes = 0;  // Requests, and works of the server itself.
  std::size_t records = 0;  // Appended to the log, those of the change stream among them.
  std::size_t bytes = 0;    // Of these records, before they are packed.
  std::uint64_t flips = 0;  // Rows of the change stream: who entered or left a segment.
  // From when the first of the changes was handed in until all could be seen.
  std::chrono::nanoseconds lag{0};
  std::chrono::nanoseconds upkeep{0};  // Of it, keeping saved segments exact.
  std::chrono::nanoseconds log{0};     // Of it, the log's append with its sync.
};

}  // namespace muster::engine
