// Plain people for tests: attributes, events and entities as maps, as nobody would index them.
//
// They write themselves as rows in both spellings: NDJSON for the real decoder, and the private
// rows of tests/support/people_decoder.h where the loader is left out. Thread safety: one thread
// at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/value.h"
#include "index/schema.h"

namespace muster::testing {

struct PlainField;
// By name; an absent name is a missing value.
using PlainFields = std::map<std::string, PlainField>;

// One value, or the elements of a list: values or objects.
struct PlainField {
  bool list = false;
  std::vector<Value> values;                // Exactly one unless list.
  std::vector<PlainFields> objects = {};    // Of a list of objects, which has no values.
};

PlainField text(std::string value);

struct PlainEvent {
  std::string id;  // "": none.
  std::string name;
  TimeMs time = 0;
  PlainFields properties;
};

struct Person {
  std::string id;
  PlainFields attributes;
  std::vector<PlainEvent> events;  // In order of arrival.
};

struct People {
  std::vector<Person> people;  // In order of arrival.
  std::map<std::string, std::map<std::string, PlainFields>> entities;  // By entity, then id.
  std::map<std::string, index::FieldType> fields;   // By field key, as in index/schema.h.
  std::map<std::string, std::string> references;    // Field key -> entity.
  std::string timezone = "UTC";

  const Person* find(const std::string& id) const;
  Person& find_or_add(const std::string& id);
};

// What is declared before the first row: everything, or what cannot be inferred (references,
// doubles, geo points, the zone).
enum class Declare { Everything, WhatCannotBeInferred };
std::string declaration_of(const People& people, Declare how);

// A row before it is written. No value: an explicit null.
using Row = std::vector<std::pair<std::string, std::optional<PlainField>>>;

Row profile_row(const Person& person);
Row event_row(const std::string& profile_id, const PlainEvent& event);
Row entity_row(const std::string& entity, const std::string& id, const PlainFields& fields);

std::vector<Row> profile_rows(const People& people);
std::vector<Row> event_rows(const People& people);
std::vector<Row> entity_rows(const People& people, const std::string& entity);

// A list of objects as JSON.
std::string objects_text(const PlainField& list);

std::string to_ndjson(const std::vector<Row>& rows);

}  // namespace muster::testing
