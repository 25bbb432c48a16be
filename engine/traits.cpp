// Traits: saved when they mean something and leave everything that uses them with a meaning.
#include "engine/impl.h"
#include "engine/references.h"
#include "engine/trait_document.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

using query::BindContext;

Status check(const Definition& definition, const BindContext& context) {
  BindContext own = context;
  own.zone = context.workspace_zone;
  if (!definition.timezone.empty()) {
    TRY_ASSIGN(own.zone, Zone::named(definition.timezone));
  }
  if (definition.kind == "trait") return query::check_value(definition.tree, own);
  TRY(query::bind(definition.tree, own));
  return Ok{};
}

// Nobody who uses the trait may lose their meaning; who has none already does not count.
Status check_users(const std::string& id, const BindContext& before, const BindContext& after) {
  for (const Definition& user : users_of_trait(all_definitions(*before.generation), id)) {
    const Status fits = check(user, after);
    if (fits || !check(user, before)) continue;
    return Error{ErrorCode::Conflict, "trait '" + id + "' cannot change so: " + user.kind + " '" +
                                          user.id + "' uses it, and there " +
                                          fits.error().message};
  }
  return Ok{};
}

}  // namespace

Result<Document> Engine::put_trait(const Pass<Permission::Define>&, std::string_view id,
                                   std::string_view json) {
  TRY_ASSIGN(const TraitDocument trait, parse_trait(json));
  TRY_ASSIGN(const query::NodePtr value, query::parse_value(trait.value));
  const auto generation = impl_->generation();
  const std::string name(id);
  const BindContext before = impl_->context(generation, impl_->now(), trait.timezone);
  TRY_ASSIGN(const auto newest, before.trait(name));
  // An attribute may have come after the trait, which goes on to mean the same.
  if (!newest) TRY(check_trait_id(*generation, id));
  // Bound as its own newest version, so that a cycle shows before it is saved.
  BindContext after = before;
  after.trait = [&](const std::string& asked) -> Result<std::optional<BindContext::Trait>> {
    if (asked != name) return before.trait(asked);
    return std::optional(BindContext::Trait{value, before.zone});
  };
  TRY(query::check_value(value, after));  // Errors with the places of its own text.
  const query::NodePtr itself = std::make_shared<const query::Node>(
      query::Node{.kind = query::NodeKind::PathValue, .path = {{name}}});
  TRY(query::check_value(itself, after));
  if (newest) TRY(check_users(name, before, after));
  const std::set<std::string> moved = query::moved_segments(value);
  TRY(impl_->state_with(moved, {}));
  return impl_->put({"trait", name, trait_json(trait), false, {}}, {}, moved);
}

Result<Document> Engine::delete_trait(const Pass<Permission::Define>&, std::string_view id) {
  return impl_->put({"trait", std::string(id), "", true, {}});
}

}  // namespace muster::engine
