// Names to fields: which attribute, property or entity field a path means in its place.
//
// Among people a path is an attribute, the profile id, or a field of an entity that an attribute
// refers to. Among events it is a property, the declared time or name column, a field of an entity
// that a property refers to, or `profile.` and an attribute. The schema decides, never a row; two
// readings are an error that names both.
// Thread safety: one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "query/plan/bound.h"

namespace muster::query {

// Where a path stands.
struct Scope {
  Zone zone;
  std::shared_ptr<const index::EventTable> table;  // Null: among people.
  // All tables of the same aggregate: a property that only others have is missing here.
  std::vector<std::shared_ptr<const index::EventTable>> siblings;
  bool in_group = false;  // Inside `having`: only aggregates over siblings.
  // Inside the `where` of a list of objects: the field that holds it. Paths are its elements' own.
  BoundFieldPtr objects = nullptr;
  bool is_among_people() const { return !table && !in_group && !objects; }
  // Inside a sequence: the steps before, by number; unnamed ones have the name "".
  struct Step {
    std::string name;
    std::vector<std::shared_ptr<const index::EventTable>> tables;
  };
  std::vector<Step> steps = {};
};

struct Resolved {
  BoundFieldPtr field;          // Null for the event's name and for unknown names.
  bool is_event_name = false;
  std::optional<std::size_t> step = {};    // A field of the event that this step took:
  std::vector<Resolved> of_sources = {};   // by source of the step.
  std::string event = {};                  // With is_event_name: the name.
};

class Resolver {
 public:
  explicit Resolver(const BindContext& context) : context_(context) {}

  // Errors: InvalidArgument for an unknown name (unless allowed), two readings, or a property
  // whose type differs between the events of one aggregate.
  Result<Resolved> resolve(const Path& path, const Place& place, const Scope& scope);

 private:
  struct Reference {
    std::string field, entity;
  };
  // One reading of a path.
  struct Reading {
    std::string described;   // For the message about two readings.
    Resolved resolved;
  };
  using Readings = std::vector<Reading>;

  std::vector<Reference> references(const Scope& scope) const;
  BoundFieldPtr askable(BoundField field) const;
  BoundFieldPtr attribute(const std::string& name) const;
  Result<BoundFieldPtr> property(const std::string& name, const Place& place, const Scope& scope);
  Result<BoundFieldPtr> own_field(const std::string& name, const Place& place, const Scope& scope);
  Status add_references(const Path& path, const Place& place, const Scope& scope,
                        Readings& readings);
  Result<BoundFieldPtr> entity_field(const Reference& reference, const std::string& name,
                                     const Place& place, const Scope& scope);
  std::shared_ptr<const EntityLookup> lookup(const BoundField& referring,
                                             const std::string& entity,
                                             std::shared_ptr<const index::Attribute> attribute);
  Result<Resolved> element_field(const std::string& name, const Place& place,
                                 const BoundField& objects) const;
  Status add_steps(const Path& path, const Place& place, const Scope& scope, Readings& readings);
  Error unknown(const Path& path, const Place& place, const Scope& scope) const;
  std::vector<std::string> names_known(const Scope& scope) const;

  const BindContext& context_;
  // By the referring field, the entity and its attribute: each costs a pass over a dictionary.
  std::map<std::tuple<const void*, std::string, const void*>,
           std::shared_ptr<const EntityLookup>>
      lookups_;
};

// "a.b.c"
std::string joined(const Path& path, std::size_t from = 0);

}  // namespace muster::query
