// One event as people read it: {"name": ..., "time": ..., "properties": {...}}.
//
// Thread safety: any thread.
#pragma once

#include <string>

#include "base/json_writer.h"
#include "index/events.h"

namespace muster::index {

// Requires row < run.rows, and a run of this table.
std::string event_json(const EventTable& table, const EventRun& run, std::uint32_t row);

// The same, appended to what is being written: for many of them, without memory of its own.
void write_event(JsonWriter& out, const EventTable& table, const EventRun& run, std::uint32_t row);

}  // namespace muster::index
