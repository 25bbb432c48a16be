// From when on events are kept: a document that nobody but the system writes says so, so that a
// checkpoint has it.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <charconv>

#include "index/generation.h"

namespace muster::index {

inline constexpr const char* kEventsSince = "events since";  // The kind; its id is "".

inline TimeMs events_since_of(const StoredDocument& document) {
  TimeMs since = kTimeMin;
  std::from_chars(document.json.data(), document.json.data() + document.json.size(), since);
  return since;
}

// Whether a block has events from before the moment.  Cost: a look at each run.
inline bool has_events_before(const EventBlock& block, TimeMs before) {
  return std::any_of(block.runs.begin(), block.runs.end(),
                     [&](const auto& run) { return run->time.min() < before; });
}

}  // namespace muster::index
