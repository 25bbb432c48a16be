#include "query/plan/resolver.h"

#include <algorithm>
#include <charconv>

#include "query/plan/bind_error.h"
#include "query/plan/condition.h"

namespace muster::query {
namespace {

constexpr std::string_view kProfile = "profile";

std::optional<std::int64_t> whole_number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // Only "312" means 312: "0312" is another id.
  return std::to_string(number) == text ? std::optional(number) : std::nullopt;
}

BoundField described(const std::string& name, FieldPlace place, const index::Field* declared) {
  BoundField field;
  field.name = name;
  field.place = place;
  if (declared != nullptr) field.type = declared->type;
  return field;
}

std::vector<std::string> with_all(std::vector<std::string> names,
                                  const std::vector<std::string>& others) {
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

}  // namespace

std::string joined(const Path& path, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < path.names.size(); ++i) {
    if (i > from) text += '.';
    text += path.names[i];
  }
  return text;
}

// Lists of objects come with their elements.
BoundFieldPtr Resolver::askable(BoundField field) const {
  if (field.type.type == Type::Json) {
    const auto store = context_.objects ? context_.objects : std::make_shared<ObjectStore>();
    field.objects = store->of(field.dictionary, context_.workspace_zone);
  }
  return std::make_shared<const BoundField>(std::move(field));
}

// A field of the elements of a list of objects.
Result<Resolved> Resolver::element_field(const std::string& name, const Place& place,
                                         const BoundField& objects) const {
  const auto& columns = objects.objects->columns;
  const auto found = columns.find(name);
  if (found == columns.end()) {
    // Of no objects at all nothing is known, so every field of theirs is missing.
    if (columns.empty() || context_.allow_unknown) return Resolved{};
    std::vector<std::string> names;
    for (const auto& [known, column] : columns) names.push_back(known);
    return unknown_name(place, "field of the objects in '" + objects.name + "':", name, names);
  }
  BoundField field = described(name, FieldPlace::Element, nullptr);
  field.type = found->second->type;
  field.column = found->second;
  field.dictionary = found->second->dictionary;
  if (field.type.type == Type::Json) {
    return error_at(ErrorCode::InvalidArgument, place,
                    "'" + name + "' of the objects in '" + objects.name +
                        "' holds lists, or values of different kinds",
                    "a field of one kind");
  }
  return Resolved{.field = std::make_shared<const BoundField>(std::move(field))};
}

std::vector<Resolver::Reference> Resolver::references(const Scope& scope) const {
  std::vector<std::string> prefixes{"profiles."};
  if (scope.table) prefixes = {scope.table->name + ".", "*."};
  std::vector<Reference> found;
  for (const std::string& prefix : prefixes) {
    for (const auto& [key, entity] : context_.generation->schema->references) {
      if (!key.starts_with(prefix)) continue;
      const Reference reference{key.substr(prefix.size()), entity};
      const bool known = std::any_of(found.begin(), found.end(), [&](const Reference& other) {
        return other.field == reference.field;
      });
      if (!known) found.push_back(reference);
    }
  }
  return found;
}

// An attribute of people; null when there is none of that name.
BoundFieldPtr Resolver::attribute(const std::string& name) const {
  const index::Generation& generation = *context_.generation;
  const auto found = generation.profiles.attributes.find(name);
  const index::Field* declared = generation.schema->field("profiles." + name);
  if (found == generation.profiles.attributes.end() && declared == nullptr) return BoundFieldPtr();
  BoundField field = described(name, FieldPlace::Person, declared);
  if (found != generation.profiles.attributes.end()) {
    field.attribute = found->second;
    field.type = found->second->type;
    field.dictionary = found->second->dictionary;
  }
  return askable(std::move(field));
}

// A property of the events; null when no event of the aggregate has one of that name.
Result<BoundFieldPtr> Resolver::property(const std::string& name, const Place& place,
                                         const Scope& scope) {
  const index::Schema& schema = *context_.generation->schema;
  BoundField field = described(name, FieldPlace::Property, nullptr);
  bool known = false;
  std::string where_known;
  const auto found_type = [&](const index::FieldType& type, const std::string& event) -> Status {
    if (known && (kind_of(type.type) != kind_of(field.type.type) || type.list != field.type.list)) {
      return error_at(ErrorCode::InvalidArgument, place,
                      "'" + name + "' is " + index::to_display(field.type) + " in '" +
                          where_known + "' and " + index::to_display(type) + " in '" + event +
                          "': ask for one at a time");
    }
    if (!known) field.type = type;
    known = true;
    where_known = event;
    return Ok{};
  };
  for (const auto& table : scope.siblings) {
    const index::Field* declared = schema.field(table->name + "." + name);
    if (declared == nullptr) declared = schema.field("*." + name);
    if (const index::EventProperty* has = table->property(name)) {
      TRY(found_type(has->type, table->name));
    } else if (declared != nullptr) {
      TRY(found_type(declared->type, table->name));
    }
  }
  const auto own = scope.table->properties.find(name);
  if (own != scope.table->properties.end()) {
    field.property = own->second;
    field.type = own->second->type;
    field.dictionary = own->second->dictionary;
  }
  if (known) return askable(std::move(field));
  for (const Reference& reference : references(scope)) {
    // Declared as a reference, but no event had it so far: an id is a text.
    if (reference.field == name) return askable(std::move(field));
  }
  return BoundFieldPtr();
}

Result<BoundFieldPtr> Resolver::own_field(const std::string& name, const Place& place,
                                          const Scope& scope) {
  if (scope.table) return property(name, place, scope);
  if (BoundFieldPtr found = attribute(name)) return found;
  for (const Reference& reference : references(scope)) {
    if (reference.field == name) {
      return askable(described(name, FieldPlace::Person, nullptr));
    }
  }
  return BoundFieldPtr();
}

std::shared_ptr<const EntityLookup> Resolver::lookup(
    const BoundField& referring, const std::string& entity,
    std::shared_ptr<const index::Attribute> attribute) {
  const void* field = referring.attribute ? static_cast<const void*>(referring.attribute.get())
                                          : static_cast<const void*>(referring.property.get());
  auto& made = lookups_[{field, entity, attribute.get()}];
  if (made) return made;
  auto fresh = std::make_shared<EntityLookup>();
  fresh->entity = entity;
  fresh->attribute = std::move(attribute);
  const auto& entities = context_.generation->entities;
  const auto table = entities.find(entity);
  if (table != entities.end()) fresh->table = table->second;
  if (fresh->table && referring.type.type == Type::String) {
    fresh->by_code.resize(referring.dictionary.size(), kNoCode);
    for (std::uint32_t code = 0; code < referring.dictionary.size(); ++code) {
      const auto ordinal = fresh->table->ids.find(referring.dictionary.key(code));
      if (ordinal && fresh->table->live.contains(*ordinal)) fresh->by_code[code] = *ordinal;
    }
  } else if (fresh->table) {
    for (std::uint32_t ordinal = 0; ordinal < fresh->table->ids.size(); ++ordinal) {
      const auto number = whole_number_of(fresh->table->ids.key(ordinal));
      if (number && fresh->table->live.contains(ordinal)) fresh->by_number[*number] = ordinal;
    }
  }
  made = std::move(fresh);
  return made;
}

// A field of the entity that `reference` leads to; null when the entity has none of that name.
Result<BoundFieldPtr> Resolver::entity_field(const Reference& reference, const std::string& name,
                                             const Place& place, const Scope& scope) {
  const index::Generation& generation = *context_.generation;
  const index::Table* table = generation.entity(reference.entity);
  const index::Field* declared = generation.schema->field(reference.entity + "." + name);
  std::shared_ptr<const index::Attribute> attribute;
  if (table != nullptr) {
    const auto found = table->attributes.find(name);
    if (found != table->attributes.end()) attribute = found->second;
  }
  const auto id = generation.schema->entity_ids.find(reference.entity);
  const bool is_id = !attribute && id != generation.schema->entity_ids.end() && id->second == name;
  if (!attribute && declared == nullptr && !is_id) return BoundFieldPtr();

  TRY_ASSIGN(const BoundFieldPtr referring, own_field(reference.field, place, scope));
  BoundField field = described(reference.entity + "." + name,
                               scope.table ? FieldPlace::Property : FieldPlace::Person, declared);
  if (referring) {
    if (referring->type.list ||
        (referring->type.type != Type::String && referring->type.type != Type::Int)) {
      return unsupported(place, "a reference by '" + reference.field + "', which is " +
                                    index::to_display(referring->type) + ",");
    }
    field.place = referring->place;
    field.attribute = referring->attribute;
    field.property = referring->property;
  }
  if (attribute) {
    field.type = attribute->type;
    field.dictionary = attribute->dictionary;
  } else if (is_id && table != nullptr) {
    field.dictionary = table->ids;
  }
  if (!attribute && !is_id) {
    // Declared, but no entity has a value: the field is missing everywhere.
    field.attribute = nullptr;
    field.property = nullptr;
  } else if (referring) {
    field.lookup = lookup(*referring, reference.entity, attribute);
  }
  return askable(std::move(field));
}

Status Resolver::add_references(const Path& path, const Place& place, const Scope& scope,
                                Readings& readings) {
  std::vector<std::string> by_entity;
  for (const Reference& reference : references(scope)) {
    std::string rest;
    bool by_field = false;
    for (std::size_t names = 1; names < path.names.size(); ++names) {
      Path head{{path.names.begin(), path.names.begin() + static_cast<std::ptrdiff_t>(names)}};
      if (joined(head) != reference.field) continue;
      rest = joined(path, names);
      by_field = true;
    }
    if (!by_field && path.names.size() > 1 && path.names[0] == reference.entity) {
      rest = joined(path, 1);
    }
    if (rest.empty()) continue;
    TRY_ASSIGN(const BoundFieldPtr field, entity_field(reference, rest, place, scope));
    if (!field) continue;
    if (!by_field) by_entity.push_back(reference.field);
    readings.push_back({"the " + reference.entity + " of '" + reference.field + "' (write " +
                            reference.field + "." + rest + ")",
                        {.field = field}});
  }
  return Ok{};
}

// A path that begins with the name of an earlier step.
Status Resolver::add_steps(const Path& path, const Place& place, const Scope& scope,
                           Readings& readings) {
  for (std::size_t step = 0; step < scope.steps.size() && path.names.size() > 1; ++step) {
    const Scope::Step& named = scope.steps[step];
    if (named.name.empty() || named.name != path.names[0]) continue;
    const Path rest{{path.names.begin() + 1, path.names.end()}};
    Resolved resolved{.field = nullptr, .is_event_name = false, .step = step};
    for (const auto& table : named.tables) {
      const Scope rows{.zone = scope.zone, .table = table, .siblings = named.tables};
      TRY_ASSIGN(Resolved of_source, resolve(rest, place, rows));
      resolved.of_sources.push_back(std::move(of_source));
    }
    readings.push_back({"a field of step '" + named.name + "'", std::move(resolved)});
  }
  return Ok{};
}

Result<Resolved> Resolver::resolve(const Path& path, const Place& place, const Scope& scope) {
  const std::string name = joined(path);
  const index::Schema& schema = *context_.generation->schema;
  if (scope.in_group) {
    return error_at(ErrorCode::InvalidArgument, place,
                    "inside 'having' only aggregates such as sum(" + name + ") see the group",
                    "an aggregate");
  }
  if (scope.objects) return element_field(name, place, *scope.objects);
  Readings readings;
  if (scope.table && name == schema.event_name) {
    return Resolved{.field = nullptr, .is_event_name = true, .event = scope.table->name};
  }
  if (scope.table && name == schema.event_time) {
    BoundField field = described(name, FieldPlace::EventTime, nullptr);
    field.type = {.type = Type::Timestamp};
    return Resolved{.field = std::make_shared<const BoundField>(std::move(field))};
  }
  TRY_ASSIGN(const BoundFieldPtr own, own_field(name, place, scope));
  if (own) readings.push_back({scope.table ? "a property" : "an attribute", {.field = own}});
  TRY(add_references(path, place, scope, readings));
  TRY(add_steps(path, place, scope, readings));
  if (scope.table && path.names.size() > 1 && path.names[0] == kProfile) {
    const BoundFieldPtr person = attribute(joined(path, 1));
    if (person) readings.push_back({"an attribute of the person", {.field = person}});
  }
  if (readings.empty() && !scope.table && name == schema.profile_id) {
    BoundField field = described(name, FieldPlace::PersonId, nullptr);
    field.dictionary = context_.generation->profiles.ids;
    return Resolved{.field = std::make_shared<const BoundField>(std::move(field))};
  }
  if (readings.size() > 1) {
    return error_at(ErrorCode::InvalidArgument, place,
                    "'" + name + "' can be read as " + readings[0].described + " and as " +
                        readings[1].described,
                    "a name with one meaning");
  }
  if (readings.size() == 1) return readings[0].resolved;
  if (context_.allow_unknown) return Resolved{};
  return unknown(path, place, scope);
}

std::vector<std::string> Resolver::names_known(const Scope& scope) const {
  const index::Generation& generation = *context_.generation;
  std::vector<std::string> names;
  std::vector<std::string> prefixes;
  if (scope.table) {
    prefixes.push_back("*.");
    for (const auto& table : scope.siblings) {
      prefixes.push_back(table->name + ".");
      for (const auto& [name, property] : table->properties) names.push_back(name);
    }
    names.push_back(generation.schema->event_time);
    names.push_back(generation.schema->event_name);
  } else {
    prefixes.push_back("profiles.");
    for (const auto& [name, attribute] : generation.profiles.attributes) names.push_back(name);
    if (context_.trait_names) names = with_all(std::move(names), context_.trait_names());
  }
  for (const auto& [key, field] : generation.schema->fields) {
    for (const std::string& prefix : prefixes) {
      if (key.starts_with(prefix)) names.push_back(key.substr(prefix.size()));
    }
  }
  for (const Reference& reference : references(scope)) {
    const index::Table* table = generation.entity(reference.entity);
    if (table == nullptr) continue;
    for (const auto& [name, attribute] : table->attributes) {
      names.push_back(reference.entity + "." + name);
    }
  }
  return names;
}

Error Resolver::unknown(const Path& path, const Place& place, const Scope& scope) const {
  const std::string what = scope.table ? "property" : "attribute";
  const std::string name = joined(path, scope.table && path.names[0] == kProfile ? 1 : 0);
  const auto traits = context_.trait_names ? context_.trait_names() : std::vector<std::string>();
  if (std::find(traits.begin(), traits.end(), name) != traits.end()) {
    const bool is_inside = scope.table != nullptr;
    return error_at(ErrorCode::InvalidArgument, place,
                    "'" + name + "' is a trait, " +
                        (is_inside ? "which says something of people and cannot stand inside "
                                     "'where', 'per' or an aggregate"
                                   : "which has one value: leave out any, all, none or size()"),
                    is_inside ? "a property" : "a comparison");
  }
  return unknown_name(place, what, joined(path), names_known(scope));
}

}  // namespace muster::query
