#include "engine/definition_members.h"

#include <algorithm>
#include <vector>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "query/language/json_tree.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

using query::Json;
using query::JsonKind;

constexpr std::size_t kDescriptionBytesMax = 4'096;  // A paragraph for a colleague.

Error wrong(const std::string& what) { return {ErrorCode::InvalidArgument, what}; }

// As it was written but for spaces: numbers keep their digits.
void write(const Json& json, JsonWriter& out) {
  switch (json.kind) {
    case JsonKind::Null: out.null(); return;
    case JsonKind::True:
    case JsonKind::False: out.boolean(json.kind == JsonKind::True); return;
    case JsonKind::Number: out.raw(json.text); return;
    case JsonKind::String: out.text(json.text); return;
    case JsonKind::Array:
      out.begin_array();
      for (const Json& item : json.items) write(item, out);
      out.end_array();
      return;
    case JsonKind::Object:
      out.begin_object();
      for (const Json& item : json.items) {
        out.key(item.key);
        write(item, out);
      }
      out.end_object();
  }
}

Result<Json> members_of(std::string_view text, const DefinitionForm& form) {
  auto document = query::read_json(text);
  if (!document) {
    return Error{document.error().code,
                 "the " + form.kind + " is no JSON document: " + document.error().message};
  }
  if (document->kind != JsonKind::Object) {
    return wrong("a " + form.kind + " is a JSON object with \"" + form.key + "\"");
  }
  const std::vector<std::string> known = {form.key, "name", "tz", "description"};
  for (const Json& member : document->items) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      return wrong("a " + form.kind + " has no key " + with_suggestion(member.key, known));
    }
  }
  return document;
}

Result<std::string> text_member(const Json& object, const DefinitionForm& form,
                                std::string_view key) {
  const Json* const value = object.find(key);
  if (value == nullptr) return std::string();
  if (value->kind != JsonKind::String || value->text.size() > kDescriptionBytesMax) {
    return wrong("\"" + std::string(key) + "\" of a " + form.kind +
                 " must be a text of at most 4 KiB");
  }
  return value->text;
}

Result<std::string> expression_member(const Json& object, const DefinitionForm& form) {
  const Json* const value = object.find(form.key);
  if (value != nullptr && value->kind == JsonKind::String) return value->text;
  if (value == nullptr || value->kind != JsonKind::Object) {
    return wrong("a " + form.kind + " needs \"" + form.key + "\": " + form.what +
                 " as text, or its JSON spelling");
  }
  JsonWriter written;
  write(*value, written);
  TRY_ASSIGN(const query::NodePtr tree, form.from_json(written.str()));
  return query::print(tree);
}

}  // namespace

Result<DefinitionMembers> definition_members(std::string_view text, const DefinitionForm& form) {
  TRY_ASSIGN(const Json object, members_of(text, form));
  DefinitionMembers members;
  TRY_ASSIGN(members.expression, expression_member(object, form));
  TRY_ASSIGN(members.name, text_member(object, form, "name"));
  TRY_ASSIGN(members.description, text_member(object, form, "description"));
  TRY_ASSIGN(members.timezone, text_member(object, form, "tz"));
  if (!members.timezone.empty()) TRY(Zone::named(members.timezone));
  return members;
}

std::string definition_json(const DefinitionMembers& members, const DefinitionForm& form) {
  JsonWriter out;
  out.begin_object().key(form.key).text(members.expression);
  if (!members.name.empty()) out.key("name").text(members.name);
  if (!members.timezone.empty()) out.key("tz").text(members.timezone);
  if (!members.description.empty()) out.key("description").text(members.description);
  out.end_object();
  return out.take();
}

}  // namespace muster::engine
