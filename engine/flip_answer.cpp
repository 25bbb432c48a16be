#include "engine/flip_answer.h"

#include "base/json_writer.h"
#include "base/time.h"

namespace muster::engine {
namespace {

std::string word_of(query::ChangeKind kind) {
  switch (kind) {
    case query::ChangeKind::SetAttribute: return "set";
    case query::ChangeKind::RemoveAttribute: return "remove";
    case query::ChangeKind::AddEvent: return "add_event";
    case query::ChangeKind::RemoveEvent: return "remove_event";
    case query::ChangeKind::JoinList: return "join_list";
    case query::ChangeKind::LeaveList: return "leave_list";
  }
  return "";
}

void write_value(JsonWriter& json, const index::FieldValue& field) {
  if (field.type.type == Type::Json) {
    json.raw(std::get<std::string>(field.values.at(0)));
  } else if (!field.type.list) {
    json.value(field.values.at(0));
  } else {
    json.begin_array();
    for (const Value& value : field.values) json.value(value);
    json.end_array();
  }
}

std::string event_json(const index::EventRecord& event) {
  JsonWriter json;
  json.begin_object().key("name").text(event.name);
  json.key("time").text(to_rfc3339(event.time));
  json.key("properties").begin_object();
  for (const auto& [name, field] : event.properties) {
    json.key(name);
    write_value(json, field);
  }
  json.end_object().end_object();
  return json.take();
}

FlipChange flip_change(const query::Change& change) {
  FlipChange made{word_of(change.kind), change.name, "", query::to_display(change)};
  const bool is_event = change.kind == query::ChangeKind::AddEvent ||
                        change.kind == query::ChangeKind::RemoveEvent;
  if (is_event) made.json = event_json(change.event);
  if (change.kind == query::ChangeKind::SetAttribute) {
    JsonWriter json;
    write_value(json, change.value);
    made.json = json.take();
  }
  return made;
}

}  // namespace

FlipAnswer flip_answer(const query::Flip& flip) {
  FlipAnswer answer{{}, flip.is_minimal, flip.unknown};
  for (const query::Change& change : flip.changes) answer.changes.push_back(flip_change(change));
  return answer;
}

}  // namespace muster::engine
