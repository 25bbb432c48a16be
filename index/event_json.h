// One event as people read it: {"name": ..., "time": ..., "properties": {...}}.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "index/events.h"

namespace muster::index {

// Requires row < run.rows, and a run of this table.
std::string event_json(const EventTable& table, const EventRun& run, std::uint32_t row);

}  // namespace muster::index
