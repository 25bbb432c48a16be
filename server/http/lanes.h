// Classes of requests, each with workers and a queue of its own, so that none starves another.
//
// Thread safety: immutable.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::server {

enum class Lane : std::uint8_t {
  Watch = 0,      // Figures and live counts: read from memory, in microseconds.
  Questions = 1,  // Whoever waits for a number: counts, checks, profiles, documents.
  Ingest = 2,     // Rows in: they wait for the disk, together.
  Work = 3,       // Members out, definitions, exports, upkeep by hand: may take long.
  Follow = 4,     // Changes of members: they read the log, for as long as somebody follows.
};
inline constexpr std::size_t kLaneCount = 5;

struct LaneOptions {
  unsigned workers = 8;
  // Requests waiting for one of them; with more, the last would wait longer than its caller does.
  std::size_t waiting_max = 256;
  // Bytes of the bodies of all that wait or are worked on.
  std::uint64_t bytes_max = 1ULL << 40;
  // Longest that the first of a queue that stands has waited when more are taken in
  // (server/http/waiting_room.h); 0: as long as it may.
  std::chrono::milliseconds standing_wait_max{0};
};
using LaneTable = std::array<LaneOptions, kLaneCount>;

// Rows of many callers go to the disk with one sync, so many of them may wait for it at once: as
// many as the engine lets wait (engine/commit.cpp), and as many bytes as one commit may have.
inline constexpr LaneTable kLanes{{
    {.workers = 2, .waiting_max = 1'024},
    {.workers = 8, .waiting_max = 256},
    {.workers = 16,
     .waiting_max = 1'008,
     .bytes_max = 64ULL << 20,
     .standing_wait_max = std::chrono::milliseconds(100)},
    {.workers = 4, .waiting_max = 64},
    {.workers = 4, .waiting_max = 1'024},
}};

constexpr std::string_view name_of(Lane lane) {
  constexpr std::array<std::string_view, kLaneCount> kNames{"watch", "questions", "ingest",
                                                            "work", "follow"};
  return kNames[static_cast<std::size_t>(lane)];
}

}  // namespace muster::server
