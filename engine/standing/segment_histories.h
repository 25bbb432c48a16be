// Whose history is followed: the segments that somebody's `entered` or `left` names.
//
// As long as nobody asks, who entered and left stands in the change stream alone. The first
// question that asks makes events of a segment's rows (index/system_events.h), by a record that has
// them (storage::SegmentHistory); from then on every commit adds those of its own rows. So windows,
// conditions, explanations and standing segments know them as they know all events. That ends when
// the segment is deleted, or its place is wanted for another one and nobody has asked for an hour;
// not where a version of a saved segment or trait asks. It may begin again.
//
// Thread safety: any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "index/generation.h"

namespace muster::engine {

// Rows of one segment that become events at once.
inline constexpr std::uint64_t kHistoryRowsMax = 20'000'000;

// The document that says since when: a state's own, that nobody but the engine writes.
inline constexpr const char* kHistoryKind = "segment history";

// The segments that `entered` and `left` of a question name; of one that cannot be read, none.
std::set<std::string> moves_in(std::string_view where);

// What is given away sooner would be read from the stream, and written to the log, again and again.
inline constexpr TimeMs kHistoryStay = 3'600'000;

// When each was asked about last, since the program began.
class HistoryUse {
 public:
  void note(const std::string& segment, TimeMs now);
  void forget(const std::string& segment);
  // kTimeMin: not at all.
  TimeMs last(const std::string& segment) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, TimeMs> last_;
};

// Since when all moves of the segment are known; nothing: its history is not followed.
std::optional<TimeMs> history_since(const index::Generation& generation,
                                    const std::string& segment);

}  // namespace muster::engine
