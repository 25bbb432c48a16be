// What people did: one table per event name, cut into blocks of 65,536 people.
//
// A block is a few immutable runs, each sorted by time: a window is a stretch of rows, found by
// binary search and exact to the millisecond, and only its bytes are read. One person's events are
// found through an index into the same columns. New events come as small runs and are merged when
// they have grown (sizes at least double from run to run), so a commit copies little. An event is
// in exactly one run.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "index/dictionary.h"
#include "index/event_changes.h"
#include "index/event_periods.h"
#include "index/event_times.h"
#include "index/packed.h"
#include "index/person_order.h"
#include "index/schema.h"

namespace muster::index {

// One property of the events of a run.
struct PropertyColumn {
  PackedInts values;                   // One per row; rows without the property hold 0.
  std::vector<std::uint64_t> present;  // A bit per row; empty: every row has it.
  std::uint8_t scale = 0;              // Of decimals: key = mantissa at this scale.

  bool has(std::uint32_t row) const {
    return present.empty() || ((present[row / 64] >> (row % 64)) & 1);
  }
};

// Rows by time, then person, then arrival.
struct EventRun {
  std::uint32_t rows = 0;
  std::vector<std::uint16_t> person;  // By row: who, within the block.
  EventTimes time;                    // Milliseconds.
  PersonOrder order;
  EventPeriods periods;
  // By EventTable property number; null or beyond the end: no row has it.
  std::vector<std::shared_ptr<const PropertyColumn>> properties;

  // The rows of one person, by time.  Cost: O(log rows).
  std::vector<std::uint32_t> rows_of(std::uint16_t who) const { return order.rows_of(person, who); }
  std::size_t bytes() const;
};

struct EventBlock {
  std::vector<std::shared_ptr<const EventRun>> runs;  // Largest first.
  EventChanges changes;                               // Of the rows of all runs.
  std::uint64_t rows() const;
};

// A property's type; coded like an Attribute: strings, geo, json and every list (the list's
// sorted codes make one key of 4 bytes each in `lists`; see list_codes).
struct EventProperty {
  std::uint32_t number = 0;  // Index into EventRun::properties.
  FieldType type;
  Dictionary dictionary;  // Of strings, geo, json, and of list elements.
  Dictionary lists;       // Of lists: the distinct ones; the values are its codes.
  Value value_of_key(std::int64_t key, std::uint8_t scale) const;  // No list.
  // Requires type.list.  The element codes of one distinct list.
  std::vector<std::uint32_t> list_codes(std::int64_t key) const;
  Value element(std::uint32_t code) const;
};

struct EventTable {
  std::string name;
  std::map<std::string, std::shared_ptr<const EventProperty>> properties;  // By name.
  std::vector<std::shared_ptr<const EventBlock>> blocks;  // Null: no events in the block.
  std::uint64_t count = 0;
  TimeMs oldest = 0, newest = 0;  // Event times.

  const EventBlock* block(std::uint32_t block) const {
    return block < blocks.size() ? blocks[block].get() : nullptr;
  }
  const EventProperty* property(const std::string& property_name) const {
    const auto found = properties.find(property_name);
    return found == properties.end() ? nullptr : found->second.get();
  }
  std::size_t bytes() const;
};

}  // namespace muster::index
