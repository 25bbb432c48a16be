// Fills in the fields of a person, an event or an object so that a condition on them holds.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "query/flip/likely_values.h"
#include "query/flip/what_if.h"

namespace muster::query {

// What is being filled in.
struct Form {
  // Schema keys of its fields begin so: "profiles.", "purchase.", "*."; none: an object, whose
  // fields have the type of what they are given.
  std::vector<std::string> prefixes;
  // Earlier steps of a sequence by name, with the prefixes of their events' fields: `a.sku` is the
  // field of that name here.
  std::map<std::string, std::vector<std::string>> of_steps = {};
  // Whether the condition holds with these fields; nothing: it cannot be asked.
  std::function<std::optional<bool>(const NodePtr& condition, const index::FieldValues&)> holds;
};

// What is known to everything that fills in.
struct Filling {
  WhatIf& what_if;
  const index::PersonRecord& person;
  Clock clock;
};

// The fields that a path reads and somebody could set, with what it is worth setting them to.
// A value without content: the field goes.
struct FieldChoice {
  std::string name;
  std::vector<index::FieldValue> values;
};
std::optional<FieldChoice> choice_of(const Path& path, const Form& form, const Filling& filling,
                                     const Hints& hints, const index::FieldValues& fields);

// The attribute of people that a path reads: itself, or the one that refers to an entity.
std::string attribute_read(const Path& path, const index::Generation& generation);

// Lists of objects for a condition over them, `any items where (...)`: with one that passes, or one
// that does not, alone or beside those that are there.
std::vector<index::FieldValue> object_lists(const NodePtr& condition, const Form& form,
                                            const Filling& filling,
                                            const index::FieldValues& fields);

// The fields with as few changes as were found so that the condition holds, or does not.
// Nothing: no way was found.
std::optional<index::FieldValues> filled(const NodePtr& condition, bool wanted, const Form& form,
                                         const Filling& filling, index::FieldValues fields);

// Sets the field, or takes it away when the value has no content.
void set(index::FieldValues& fields, const std::string& name, const index::FieldValue& value);

}  // namespace muster::query
