// Who refers to whom: saved segments and traits as trees, and what would break without one.
//
// Thread safety: any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "index/generation.h"
#include "query/language/ast.h"

namespace muster::engine {

// The newest version of a saved segment or trait.
struct Definition {
  std::string kind, id;   // kind: "segment" or "trait"
  query::NodePtr tree;    // A trait's is a value.
  std::string timezone;   // "": the workspace's.
};

// All that can be read, by kind and id.  Cost: parses every one.
std::vector<Definition> all_definitions(const index::Generation& generation);

// Whose newest version refers to a segment or trait, as "segment 'x'", "trait 'y'" or "sync 'z'";
// "" for nobody.  Cost: parses every segment and trait.
std::string referrer_of(const index::Generation& generation, const std::string& kind,
                        const std::string& id);

// Of `all`, those that name the trait, or one that names it, and so on.
std::vector<Definition> users_of_trait(const std::vector<Definition>& all, const std::string& id);

}  // namespace muster::engine
