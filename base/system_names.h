// Names of events that only the system gives. They begin with '$', which no row from outside may.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster {

inline bool is_system_event(std::string_view name) { return name.starts_with('$'); }

// What somebody has who entered a segment, or left it, as long as its history is followed.
enum class Move : std::uint8_t { Entered, Left };

inline constexpr std::string_view kEnteredPrefix = "$entered ", kLeftPrefix = "$left ";

inline std::string move_event(Move move, std::string_view segment) {
  return std::string(move == Move::Entered ? kEnteredPrefix : kLeftPrefix).append(segment);
}

// The segment whose moves events of that name are; nothing: they are no moves.
inline std::optional<std::string> moved_segment(std::string_view name) {
  for (const std::string_view prefix : {kEnteredPrefix, kLeftPrefix}) {
    if (name.starts_with(prefix)) return std::string(name.substr(prefix.size()));
  }
  return std::nullopt;
}

}  // namespace muster
