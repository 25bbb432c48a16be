// Names of events that the system itself adds to people. They begin with '$', which no row may.
//
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "index/sets/bitmap.h"

namespace muster::index {

inline constexpr char kSystemPrefix = '$';
inline bool is_system_event(std::string_view name) { return name.starts_with(kSystemPrefix); }

// What somebody has who entered a segment, or left it, as long as its history is followed.
enum class Move : std::uint8_t { Entered, Left };
inline std::string move_event(Move move, std::string_view segment) {
  return (move == Move::Entered ? "$entered " : "$left ") + std::string(segment);
}

// Events of one name, without properties; a person and a time each.
struct SystemEvents {
  std::string name;
  std::vector<Ordinal> people;
  std::vector<TimeMs> times;
};

}  // namespace muster::index
