#include <algorithm>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "query/flip.h"

namespace muster::query {
namespace {

// Properties of an event that a sentence names.
constexpr std::size_t kPropertiesShownMax = 8;

std::string value_text(const index::FieldValue& field) {
  if (field.type.type == Type::Json && field.values.size() == 1) {
    const auto* json = std::get_if<std::string>(&field.values[0]);
    if (json != nullptr) return *json;
  }
  if (!field.type.list) return to_display(field.values.at(0));
  std::string text = "[";
  for (const Value& value : field.values) text += (text.size() > 1 ? ", " : "") + to_display(value);
  return text + "]";
}

std::string in_quotes(const std::string& name) {
  JsonWriter json;
  json.text(name);
  return json.take();
}

std::string event_text(const index::EventRecord& event) {
  std::string text = in_quotes(event.name) + " at " + to_rfc3339(event.time);
  std::size_t shown = 0;
  for (const auto& [name, field] : event.properties) {
    if (++shown > kPropertiesShownMax) return text + ", ...";
    text += (shown == 1 ? " with " : ", ") + name + " " + value_text(field);
  }
  return text;
}

}  // namespace

std::string to_display(const Change& change) {
  switch (change.kind) {
    case ChangeKind::SetAttribute: return change.name + " becomes " + value_text(change.value);
    case ChangeKind::RemoveAttribute: return change.name + " is missing";
    case ChangeKind::AddEvent: return "they did " + event_text(change.event);
    case ChangeKind::RemoveEvent: return "they did not " + event_text(change.event);
    case ChangeKind::JoinList: return "they are in the list " + in_quotes(change.name);
    case ChangeKind::LeaveList: return "they are not in the list " + in_quotes(change.name);
  }
  return "";
}

void apply(const Change& change, index::PersonRecord& person) {
  switch (change.kind) {
    case ChangeKind::SetAttribute: person.attributes[change.name] = change.value; break;
    case ChangeKind::RemoveAttribute: person.attributes.erase(change.name); break;
    case ChangeKind::AddEvent: person.events.push_back(change.event); break;
    case ChangeKind::RemoveEvent: {
      const auto found = std::find(person.events.begin(), person.events.end(), change.event);
      CHECK(found != person.events.end());
      person.events.erase(found);
      break;
    }
    case ChangeKind::JoinList: person.lists.insert(change.name); break;
    case ChangeKind::LeaveList: person.lists.erase(change.name); break;
  }
}

}  // namespace muster::query
