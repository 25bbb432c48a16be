// Builds the events of one name from whole columns: for bulk loads and benchmarks.
//
// A counting sort by block, then each block by time and person; every block becomes one run, laid
// out as EventWriter lays it out after all its merges.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index/events.h"
#include "index/sets/bitmap.h"

namespace muster::index {

// One property of all events; the spans outlive the call.
struct BulkProperty {
  std::string name;
  FieldType type;  // No list.
  // By event: order keys (index/order_key.h), or codes of the dictionary.
  std::span<const std::int64_t> keys;
  // keys[i] counts where bit i is set; empty: everywhere.
  std::span<const std::uint64_t> present;
  Dictionary dictionary;  // Of strings, geo points and json; else empty.
};

struct BulkEvents {
  std::string name;
  std::span<const Ordinal> ordinals;  // By event, in any order: whose it is.
  std::span<const TimeMs> times;      // By event.
  std::vector<BulkProperty> properties;
};

// Requires columns of one size, below 2^32 events, and keys of the type.
// Cost: O(events); 4 bytes an event and a block's columns of memory besides the result.
std::shared_ptr<const EventTable> build_events(const BulkEvents& events);

}  // namespace muster::index
