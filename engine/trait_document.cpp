#include "engine/trait_document.h"

#include "base/limits.h"
#include "engine/definition_members.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

DefinitionForm form() { return {"trait", "value", "a value expression", query::value_from_json}; }

Error wrong(const std::string& what) { return {ErrorCode::InvalidArgument, what}; }

}  // namespace

Result<TraitDocument> parse_trait(std::string_view text) {
  TRY_ASSIGN(DefinitionMembers members, definition_members(text, form()));
  return TraitDocument{.value = std::move(members.expression),
                       .name = std::move(members.name),
                       .description = std::move(members.description),
                       .timezone = std::move(members.timezone)};
}

std::string trait_json(const TraitDocument& trait) {
  return definition_json({.expression = trait.value,
                          .name = trait.name,
                          .description = trait.description,
                          .timezone = trait.timezone},
                         form());
}

Result<std::optional<query::BindContext::Trait>> saved_trait(const index::Generation& generation,
                                                             const std::string& id,
                                                             const Zone& workspace) {
  const auto found = generation.documents.find({"trait", id});
  if (found == generation.documents.end() || found->second->back()->deleted) {
    return std::optional<query::BindContext::Trait>();
  }
  TRY_ASSIGN(const TraitDocument trait, parse_trait(found->second->back()->json));
  query::BindContext::Trait saved{.value = nullptr, .zone = workspace};
  TRY_ASSIGN(saved.value, query::parse_value(trait.value));
  if (!trait.timezone.empty()) {
    TRY_ASSIGN(saved.zone, Zone::named(trait.timezone));
  }
  return std::optional(std::move(saved));
}

std::vector<std::string> trait_ids(const index::Generation& generation) {
  std::vector<std::string> ids;
  for (auto at = generation.documents.lower_bound({"trait", ""});
       at != generation.documents.end() && at->first.first == "trait"; ++at) {
    if (!at->second->back()->deleted) ids.push_back(at->first.second);
  }
  return ids;
}

Status check_trait_id(const index::Generation& generation, std::string_view id) {
  const std::string name(id);
  const auto tree = id.size() <= kNameBytesMax ? query::parse_value(id) : query::parse_value("now");
  const bool is_name = tree && (*tree)->kind == query::NodeKind::PathValue &&
                       (*tree)->path.names == std::vector<std::string>{name};
  if (!is_name) {
    return wrong("a trait is named as expressions write it: a letter, then letters, digits and "
                 "'_', such as spend_90d, and no word of the language");
  }
  const index::Schema& schema = *generation.schema;
  const bool is_taken = generation.profiles.attributes.contains(name) ||
                        schema.field("profiles." + name) != nullptr || name == schema.profile_id;
  if (!is_taken) return Ok{};
  return wrong("'" + name + "' is an attribute of people; give the trait a name of its own, such "
               "as " + name + "_trait");
}

}  // namespace muster::engine
