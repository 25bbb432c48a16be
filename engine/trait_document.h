// What a trait is: a value expression with a name, which segments and other traits use like an
// attribute.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "index/generation.h"
#include "query/query.h"

namespace muster::engine {

struct TraitDocument {
  std::string value;        // Text spelling.
  std::string name, description;
  std::string timezone;     // "": the workspace's.
};

// Reads {"value": text or object, "name", "tz", "description"}.
// Errors: InvalidArgument naming the key, those of query::parse_value().
Result<TraitDocument> parse_trait(std::string_view json);
std::string trait_json(const TraitDocument& trait);

// The newest version of a trait; nothing when there is none of that name.
Result<std::optional<query::BindContext::Trait>> saved_trait(const index::Generation& generation,
                                                             const std::string& id,
                                                             const Zone& workspace);
std::vector<std::string> trait_ids(const index::Generation& generation);

// Whether expressions can name it, and no attribute of people has that name.
// Errors: InvalidArgument saying what would fit.
Status check_trait_id(const index::Generation& generation, std::string_view id);

}  // namespace muster::engine
