// Everything there is to ask at one moment: what a reader holds, and nothing in it ever changes.
//
// One Generation per commit. Building the next one shares all that did not change.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/shared_map.h"
#include "base/time.h"
#include "index/events.h"
#include "index/schema.h"
#include "index/sets/bitmap.h"
#include "index/table.h"

namespace muster::index {

// Which profile holds a value of a declared identifier (an e-mail address, a phone number).
struct Identifier {
  Dictionary values;    // Normalised.
  NumberColumn owners;  // Code of the value -> ordinal of the profile.
};

// A static list of people.
struct StaticList {
  Bitmap members;
  std::uint64_t version = 0;
};

// A named document of any kind (segment, destination, sync, key, job, list): all its versions.
struct StoredDocument {
  std::uint64_t version = 0;
  TimeMs changed = 0;
  bool deleted = false;
  std::string json;
};
using DocumentVersions = std::vector<std::shared_ptr<const StoredDocument>>;  // Oldest first.

// What the parts of a state take on the heap.
struct BytesByPart {
  std::size_t profiles = 0, entities = 0, identifiers = 0, events = 0;
};

class Generation {
 public:
  std::uint64_t sequence = 0;  // The snapshot number: last log record contained.
  std::shared_ptr<const Schema> schema = std::make_shared<Schema>();
  Table profiles;
  TimeMs events_since = kTimeMin;  // Events from before are forgotten; kTimeMin: none were.
  NumberColumn joined;  // Profiles that became another one -> that one's ordinal.
  std::map<std::string, std::shared_ptr<const EventTable>> events;   // By event name.
  std::map<std::string, std::shared_ptr<const Table>> entities;      // By entity name.
  std::map<std::string, std::shared_ptr<const Identifier>> identifiers;  // By profile field.
  std::map<std::string, std::shared_ptr<const StaticList>> lists;    // By list id.
  SharedMap<std::pair<std::string, std::string>, std::shared_ptr<const DocumentVersions>>
      documents;  // By kind and id.

  const EventTable* event_table(const std::string& name) const {
    const auto found = events.find(name);
    return found == events.end() ? nullptr : found->second.get();
  }
  const Table* entity(const std::string& name) const {
    const auto found = entities.find(name);
    return found == entities.end() ? nullptr : found->second.get();
  }
  // The profile of this id, or the one that it has become.
  std::optional<Ordinal> find_profile(std::string_view id) const;
  // On the heap, shared parts counted whole.  Cost: O(pages + runs + containers).
  std::size_t bytes() const;
  BytesByPart bytes_by_part() const;  // The same, apart.

  // The newest version that is not deleted, or null.
  const StoredDocument* document(const std::string& kind, const std::string& id) const;
};

}  // namespace muster::index
