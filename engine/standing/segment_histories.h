// Whose history is followed: the segments that somebody's `entered` or `left` names.
//
// As long as nobody asks, who entered and left stands in the change stream alone. The first
// question that asks makes events of a segment's rows (index/system_events.h), by a record that has
// them (storage::SegmentHistory); from then on every commit adds those of its own rows. So windows,
// conditions, explanations and standing segments know them as they know all events.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "index/generation.h"

namespace muster::engine {

// Rows of one segment that become events at once.
inline constexpr std::uint64_t kHistoryRowsMax = 20'000'000;
// Segments that are followed: each takes room, and whoever may ask may ask for it.
inline constexpr std::size_t kHistoriesMax = 1'000;

// Since when all moves of the segment are known; nothing: its history is not followed.
std::optional<TimeMs> history_since(const index::Generation& generation,
                                    const std::string& segment);

}  // namespace muster::engine
