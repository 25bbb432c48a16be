#include "engine/definition_members.h"

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "query/language/language.h"

namespace muster::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kDescriptionBytesMax = 4'096;  // A paragraph for a colleague.

Error wrong(const std::string& what) { return {ErrorCode::InvalidArgument, what}; }

Result<json::object> members_of(std::string_view text, const DefinitionForm& form) {
  boost::system::error_code failure;
  json::value document = json::parse({text.data(), text.size()}, failure);
  if (failure) return wrong("the " + form.kind + " is no JSON document: " + failure.message());
  if (!document.is_object()) {
    return wrong("a " + form.kind + " is a JSON object with \"" + form.key + "\"");
  }
  const std::vector<std::string> known = {form.key, "name", "tz", "description"};
  for (const auto& member : document.get_object()) {
    const std::string key(member.key());
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return wrong("a " + form.kind + " has no key " + with_suggestion(key, known));
    }
  }
  return std::move(document.get_object());
}

Result<std::string> text_member(const json::object& object, const DefinitionForm& form,
                                std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr) return std::string();
  if (!value->is_string() || value->get_string().size() > kDescriptionBytesMax) {
    return wrong("\"" + std::string(key) + "\" of a " + form.kind +
                 " must be a text of at most 4 KiB");
  }
  return std::string(value->get_string().data(), value->get_string().size());
}

Result<std::string> expression_member(const json::object& object, const DefinitionForm& form) {
  const json::value* value = object.if_contains(form.key);
  if (value != nullptr && value->is_string()) {
    return std::string(value->get_string().data(), value->get_string().size());
  }
  if (value == nullptr || !value->is_object()) {
    return wrong("a " + form.kind + " needs \"" + form.key + "\": " + form.what +
                 " as text, or its JSON spelling");
  }
  TRY_ASSIGN(const query::NodePtr tree, form.from_json(json::serialize(*value)));
  return query::print(tree);
}

}  // namespace

Result<DefinitionMembers> definition_members(std::string_view text, const DefinitionForm& form) {
  TRY_ASSIGN(const json::object object, members_of(text, form));
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
