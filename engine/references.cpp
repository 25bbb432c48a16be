#include "engine/references.h"

#include <algorithm>
#include <boost/json.hpp>

#include "engine/segment_document.h"
#include "engine/trait_document.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

Result<Definition> definition_of(const std::string& kind, const std::string& id,
                                 const std::string& json) {
  Definition made{.kind = kind, .id = id, .tree = nullptr, .timezone = ""};
  if (kind == "trait") {
    TRY_ASSIGN(TraitDocument trait, parse_trait(json));
    TRY_ASSIGN(made.tree, query::parse_value(trait.value));
    made.timezone = std::move(trait.timezone);
  } else {
    TRY_ASSIGN(SegmentDocument segment, parse_segment(json));
    TRY_ASSIGN(made.tree, parse_where(segment.where));
    made.timezone = std::move(segment.timezone);
  }
  return made;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::binary_search(names.begin(), names.end(), name);
}

bool is_sync_of(const std::string& text, const std::string& segment) {
  boost::system::error_code failure;
  const auto sync = boost::json::parse(text, failure);
  return !failure && sync.is_object() && sync.get_object().contains("segment") &&
         sync.at("segment") == boost::json::string_view(segment.data(), segment.size());
}

}  // namespace

std::vector<Definition> all_definitions(const index::Generation& generation) {
  std::vector<Definition> found;
  for (const auto& [key, versions] : generation.documents) {
    const bool is_one = key.first == "segment" || key.first == "trait";
    if (!is_one || versions->back()->deleted) continue;
    auto definition = definition_of(key.first, key.second, versions->back()->json);
    if (definition) found.push_back(std::move(*definition));
  }
  return found;
}

std::string referrer_of(const index::Generation& generation, const std::string& kind,
                        const std::string& id) {
  for (const Definition& each : all_definitions(generation)) {
    if (each.kind == kind && each.id == id) continue;
    const auto names = kind == "segment" ? query::referenced_segments(each.tree)
                                         : query::referenced_fields(each.tree);
    if (has(names, id)) return each.kind + " '" + each.id + "'";
  }
  if (kind != "segment") return "";
  for (const auto& [key, versions] : generation.documents) {
    const index::StoredDocument& newest = *versions->back();
    if (key.first != "sync" || newest.deleted) continue;
    if (is_sync_of(newest.json, id)) return "sync '" + key.second + "'";
  }
  return "";
}

std::vector<Definition> users_of_trait(const std::vector<Definition>& all, const std::string& id) {
  std::set<std::string> traits{id};
  std::vector<Definition> users;
  std::vector<bool> is_user(all.size());
  // Once more as long as another trait was found: its users are users, too.
  for (bool is_more = true; is_more;) {
    is_more = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool is_itself = all[i].kind == "trait" && all[i].id == id;
      if (is_user[i] || is_itself) continue;
      const auto names = query::referenced_fields(all[i].tree);
      is_user[i] = std::any_of(names.begin(), names.end(),
                               [&](const std::string& name) { return traits.contains(name); });
      if (!is_user[i]) continue;
      users.push_back(all[i]);
      if (all[i].kind == "trait") is_more = traits.insert(all[i].id).second || is_more;
    }
  }
  return users;
}

}  // namespace muster::engine
