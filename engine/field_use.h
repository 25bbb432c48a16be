// Which saved segments name which fields: the catalogue's "used by".
//
// Thread safety: any thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "index/generation.h"

namespace muster::engine {

// Segment ids by field key ("profiles.NAME", "EVENT.NAME", "ENTITY.NAME"), of newest versions.
// Cost: parses every saved segment.
std::map<std::string, std::set<std::string>> field_use(const index::Generation& generation);

// Whether events hold values of the field: an entity may have the same key, and they keep theirs.
// Cost: one look at each event's name.
bool is_of_events(const index::Generation& state, const std::string& field_key);

}  // namespace muster::engine
