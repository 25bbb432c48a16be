#include "index/generation.h"

namespace muster::index {
namespace {

std::size_t bytes_of(const Table& table) {
  std::size_t total = table.ids.bytes() + table.live.bytes();
  for (const auto& [name, attribute] : table.attributes) {
    total += attribute->bytes() + attribute->dictionary.bytes();
  }
  return total;
}

}  // namespace

std::optional<Ordinal> Generation::find_profile(std::string_view id) const {
  const auto ordinal = profiles.ids.find(id);
  if (!ordinal) return std::nullopt;
  return static_cast<Ordinal>(joined.at(*ordinal).value_or(*ordinal));
}

BytesByPart Generation::bytes_by_part() const {
  BytesByPart by;
  by.profiles = bytes_of(profiles) + joined.bytes();
  for (const auto& [name, table] : entities) by.entities += bytes_of(*table);
  for (const auto& [name, identifier] : identifiers) {
    by.identifiers += identifier->values.bytes() + identifier->owners.bytes();
  }
  for (const auto& [name, table] : events) {
    by.events += table->bytes();
    for (const auto& [property_name, property] : table->properties) {
      by.events += property->dictionary.bytes() + property->lists.bytes();
    }
  }
  return by;
}

std::size_t Generation::bytes() const {
  const BytesByPart by = bytes_by_part();
  return by.profiles + by.entities + by.identifiers + by.events;
}

const StoredDocument* Generation::document(const std::string& kind, const std::string& id) const {
  const auto found = documents.find({kind, id});
  if (found == documents.end() || found->second->empty()) return nullptr;
  const StoredDocument* newest = found->second->back().get();
  return newest->deleted ? nullptr : newest;
}

std::string to_display(const FieldType& type) {
  std::string word(name_of(type.type));
  if (type.type == Type::Decimal) word += "(" + std::to_string(type.scale) + ")";
  return type.list ? "list of " + word : word;
}

}  // namespace muster::index
