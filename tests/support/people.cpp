#include "tests/support/people.h"

#include <array>
#include <charconv>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"

namespace muster::testing {
namespace {

void append_fields(Row& row, const PlainFields& fields) {
  for (const auto& [name, field] : fields) row.emplace_back(name, field);
}

// Doubles carry an exponent, so that they are read as doubles even where nothing is declared.
std::string double_text(double value) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific);
  CHECK(end.ec == std::errc());
  return std::string(buffer.data(), end.ptr);
}

void write_value(JsonWriter& json, const Value& value) {
  if (const double* number = std::get_if<double>(&value)) {
    json.raw(double_text(*number));
  } else {
    json.value(value);
  }
}

void write_field(JsonWriter& json, const std::optional<PlainField>& field);

void write_object(JsonWriter& json, const PlainFields& object) {
  json.begin_object();
  for (const auto& [name, field] : object) {
    json.key(name);
    write_field(json, field);
  }
  json.end_object();
}

void write_field(JsonWriter& json, const std::optional<PlainField>& field) {
  if (!field) {
    json.null();
    return;
  }
  if (!field->list) {
    CHECK(field->values.size() == 1);
    write_value(json, field->values.front());
    return;
  }
  json.begin_array();
  for (const Value& value : field->values) write_value(json, value);
  for (const PlainFields& object : field->objects) write_object(json, object);
  json.end_array();
}

bool can_be_inferred(const index::FieldType& type) { return type.type != Type::Geo; }

void write_type(JsonWriter& json, const index::FieldType& type) {
  json.begin_object().key("type").text(name_of(type.type));
  if (type.list) json.key("list").boolean(true);
  if (type.type == Type::Decimal) json.key("scale").number(static_cast<int>(type.scale));
  json.end_object();
}

}  // namespace

PlainField text(std::string value) { return {.list = false, .values = {std::move(value)}}; }

const Person* People::find(const std::string& id) const {
  for (const Person& person : people) {
    if (person.id == id) return &person;
  }
  return nullptr;
}

Person& People::find_or_add(const std::string& id) {
  for (Person& person : people) {
    if (person.id == id) return person;
  }
  return people.emplace_back(Person{.id = id, .attributes = {}, .events = {}});
}

std::string declaration_of(const People& people, Declare how) {
  JsonWriter json;
  json.begin_object();
  json.key("entities").begin_object();
  for (const auto& [name, rows] : people.entities) {
    json.key(name).begin_object().key("id").text(name + "_id").end_object();
  }
  json.end_object();
  json.key("references").begin_object();
  for (const auto& [key, entity] : people.references) json.key(key).text(entity);
  json.end_object();
  json.key("fields").begin_object();
  for (const auto& [key, type] : people.fields) {
    if (how == Declare::WhatCannotBeInferred && can_be_inferred(type)) continue;
    json.key(key);
    write_type(json, type);
  }
  json.end_object();
  json.key("timezone").text(people.timezone);
  json.end_object();
  return json.take();
}

std::string objects_text(const PlainField& list) {
  JsonWriter json;
  write_field(json, list);
  return json.take();
}

Row profile_row(const Person& person) {
  Row row{{"profile_id", text(person.id)}};
  append_fields(row, person.attributes);
  return row;
}

Row event_row(const std::string& profile_id, const PlainEvent& event) {
  Row row{{"profile_id", text(profile_id)},
          {"type", text(event.name)},
          {"ts", text(to_rfc3339(event.time))}};
  if (!event.id.empty()) row.emplace_back("event_id", text(event.id));
  append_fields(row, event.properties);
  return row;
}

Row entity_row(const std::string& entity, const std::string& id, const PlainFields& fields) {
  Row row{{entity + "_id", text(id)}};
  append_fields(row, fields);
  return row;
}

std::vector<Row> profile_rows(const People& people) {
  std::vector<Row> rows;
  for (const Person& person : people.people) rows.push_back(profile_row(person));
  return rows;
}

std::vector<Row> event_rows(const People& people) {
  std::vector<Row> rows;
  for (const Person& person : people.people) {
    for (const PlainEvent& event : person.events) rows.push_back(event_row(person.id, event));
  }
  return rows;
}

std::vector<Row> entity_rows(const People& people, const std::string& entity) {
  std::vector<Row> rows;
  for (const auto& [id, fields] : people.entities.at(entity)) {
    rows.push_back(entity_row(entity, id, fields));
  }
  return rows;
}

std::string to_ndjson(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    JsonWriter json;
    json.begin_object();
    for (const auto& [name, field] : row) {
      json.key(name);
      write_field(json, field);
    }
    json.end_object();
    out += json.str();
    out += '\n';
  }
  return out;
}

}  // namespace muster::testing
