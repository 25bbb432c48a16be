// Whom the last steps of a Writer were about: what the upkeep of standing segments begins with.
//
// Thread safety: a value.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/system_names.h"
#include "index/sets/bitmap.h"

namespace muster::index {

// Lists of people have an entry for each time, in the order of the steps.
struct Touched {
  struct ByEvent {
    Ordinal person = 0;
    TimeMs time = 0;  // Of the event.
  };

  std::map<std::string, std::vector<ByEvent>> events;  // New ones, by event name.
  // Whose events went, being from before the moment from which they are kept, by event name.
  std::map<std::string, std::vector<Ordinal>> forgotten;
  // Whose attributes came, changed or went, by attribute.
  std::map<std::string, std::vector<Ordinal>> values;
  std::vector<Ordinal> newcomers;  // Who are there, and were not.
  std::vector<Ordinal> erased;
  std::vector<Ordinal> joined;     // Who became somebody else, and who that is.
  std::set<std::string> entities;  // Tables of things of which a row came or changed.
  bool is_everybody = false;       // A refresh or a declaration: anybody's values may be others.
  bool is_document = false;        // A segment, trait or list was saved or deleted.

  bool empty() const { return events.empty() && has_only_events(); }
  // Anything but events that the system itself has added.
  bool has_news() const {
    return !has_only_events() || std::any_of(events.begin(), events.end(), [](const auto& named) {
      return !is_system_event(named.first);
    });
  }

 private:
  bool has_only_events() const {
    return values.empty() && newcomers.empty() && erased.empty() && joined.empty() &&
           entities.empty() && forgotten.empty() && !is_everybody && !is_document;
  }
};

}  // namespace muster::index
