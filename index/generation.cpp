#include "index/generation.h"

namespace muster::index {

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
