#include "engine/identifier_holder.h"

#include "index/identifier_value.h"

namespace muster::engine {

std::optional<index::Ordinal> holder_of(const index::Generation& generation,
                                        const std::string& identifier, std::string_view value) {
  const auto how = generation.schema->identifiers.find(identifier);
  const auto held = generation.identifiers.find(identifier);
  if (how == generation.schema->identifiers.end() || held == generation.identifiers.end()) {
    return std::nullopt;
  }
  const auto code = held->second->values.find(index::normalised(how->second, value));
  const auto owner = code ? held->second->owners.at(*code) : std::nullopt;
  return owner ? std::optional(static_cast<index::Ordinal>(*owner)) : std::nullopt;
}

}  // namespace muster::engine
