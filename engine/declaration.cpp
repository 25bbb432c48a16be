#include "engine/declaration.h"

#include <boost/json.hpp>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/time.h"

namespace muster::engine {
namespace {

namespace json = boost::json;
using index::Field;
using index::Schema;

constexpr std::size_t kDeclarationBytesMax = 1U << 20;  // Thousands of fields fit.

Error wrong(const std::string& pointer, const std::string& what) {
  return {ErrorCode::InvalidArgument, "the declaration at " + pointer + " " + what};
}

std::string text_of(const json::string& text) { return {text.data(), text.size()}; }

Result<const json::object*> object_at(const json::value& value, const std::string& pointer) {
  if (!value.is_object()) return wrong(pointer, "must be an object");
  return &value.get_object();
}

Result<std::string> name_at(const json::value& value, const std::string& pointer) {
  if (!value.is_string() || value.get_string().empty() ||
      value.get_string().size() > kNameBytesMax) {
    return wrong(pointer, "must be a name of 1 to 512 bytes");
  }
  return text_of(value.get_string());
}

// Refuses keys that are not known, naming the nearest one that is.
Status known_keys(const json::object& object, const std::string& pointer,
                  const std::vector<std::string>& known) {
  for (const auto& member : object) {
    const std::string key(member.key());
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return wrong(pointer.empty() ? "/" : pointer,
                 "has the unknown key " + with_suggestion(key, known));
  }
  return Ok{};
}

// Reads the names among the members of one object into what they are for.
Status read_names(const json::object& object, const std::string& pointer,
                  const std::map<std::string, std::string*>& names) {
  std::vector<std::string> known;
  for (const auto& [key, target] : names) known.push_back(key);
  TRY(known_keys(object, pointer, known));
  for (const auto& member : object) {
    TRY_ASSIGN(std::string name,
               name_at(member.value(), pointer + "/" + std::string(member.key())));
    *names.at(std::string(member.key())) = std::move(name);
  }
  return Ok{};
}

Status read_flags(const json::object& object, const std::string& pointer, Field& field) {
  for (const char* key : {"list", "inferred"}) {
    const json::value* flag = object.if_contains(key);
    if (flag == nullptr) continue;
    if (!flag->is_bool()) return wrong(pointer + "/" + key, "must be true or false");
    if (key == std::string_view("list")) field.type.list = flag->get_bool();
    if (key == std::string_view("inferred")) field.declared = !flag->get_bool();
  }
  if (const json::value* epoch = object.if_contains("epoch")) {
    if (*epoch != "s" && *epoch != "ms") {
      return wrong(pointer + "/epoch", "must be \"s\" or \"ms\"");
    }
    field.epoch = text_of(epoch->get_string());
  }
  return Ok{};
}

Result<Field> read_field(const json::value& value, const std::string& pointer) {
  TRY_ASSIGN(const json::object* object, object_at(value, pointer));
  TRY(known_keys(*object, pointer, {"type", "scale", "list", "epoch", "inferred"}));
  Field field{.declared = true};
  const json::value* word = object->if_contains("type");
  const auto type = word != nullptr && word->is_string()
                        ? type_named(text_of(word->get_string())) : std::nullopt;
  if (!type) {
    return wrong(pointer + "/type", "must be one of bool, int64, decimal, double, string, "
                                    "timestamp, date, geo, json");
  }
  field.type.type = *type;
  if (const json::value* scale = object->if_contains("scale")) {
    const bool fits = *type == Type::Decimal && scale->is_int64() && scale->get_int64() >= 0 &&
                      scale->get_int64() <= kScaleMax;
    if (!fits) return wrong(pointer + "/scale", "must be 0 to 6 and stand with a decimal");
    field.type.scale = static_cast<std::uint8_t>(scale->get_int64());
  }
  TRY(read_flags(*object, pointer, field));
  return field;
}

Result<std::map<std::string, Field>> read_fields(const json::value& value,
                                                 const std::string& pointer) {
  TRY_ASSIGN(const json::object* object, object_at(value, pointer));
  if (object->size() > kFieldsMax) return wrong(pointer, "has more than 4,096 fields");
  std::map<std::string, Field> fields;
  for (const auto& member : *object) {
    const std::string key(member.key());
    const std::string at = pointer + "/" + key;
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == key.size()) {
      return wrong(at, "must be a field key: profiles.NAME, EVENT.NAME, *.NAME or ENTITY.NAME");
    }
    TRY_ASSIGN(Field field, read_field(member.value(), at));
    fields.emplace(key, std::move(field));
  }
  return fields;
}

Status read_events(const json::value& value, Schema& schema) {
  TRY_ASSIGN(const json::object* object, object_at(value, "/events"));
  return read_names(*object, "/events",
                    {{"profile", &schema.event_profile},
                     {"identifier", &schema.event_identifier},
                     {"name", &schema.event_name},
                     {"time", &schema.event_time},
                     {"id", &schema.event_id}});
}

Status read_entities(const json::value& value, Schema& schema) {
  TRY_ASSIGN(const json::object* object, object_at(value, "/entities"));
  for (const auto& member : *object) {
    const std::string name(member.key()), at = "/entities/" + name;
    if (name == "profiles" || name == "*" || name.find('.') != std::string::npos || name.empty()) {
      return wrong(at, "must be a name without a dot that is not 'profiles' or '*'");
    }
    TRY_ASSIGN(const json::object* entity, object_at(member.value(), at));
    std::string id;
    TRY(read_names(*entity, at, {{"id", &id}}));
    if (id.empty()) return wrong(at, "must say its id column: {\"id\": \"product_id\"}");
    schema.entity_ids[name] = id;
  }
  return Ok{};
}

Status read_references(const json::value& value, Schema& schema) {
  TRY_ASSIGN(const json::object* object, object_at(value, "/references"));
  for (const auto& member : *object) {
    const std::string key(member.key()), at = "/references/" + key;
    TRY_ASSIGN(std::string entity, name_at(member.value(), at));
    schema.references[key] = std::move(entity);
  }
  return Ok{};
}

Status read_identifiers(const json::value& value, Schema& schema) {
  TRY_ASSIGN(const json::object* object, object_at(value, "/identifiers"));
  for (const auto& member : *object) {
    const std::string key(member.key()), at = "/identifiers/" + key;
    TRY_ASSIGN(const json::object* identifier, object_at(member.value(), at));
    std::string normalise;
    TRY(read_names(*identifier, at, {{"normalise", &normalise}}));
    if (!normalise.empty() && normalise != "email") {
      return wrong(at + "/normalise", "must be \"email\", or be left out");
    }
    schema.identifiers[key] = normalise;
  }
  return Ok{};
}

Status read_userinfo(const json::value& value, Schema& schema) {
  TRY_ASSIGN(const json::object* object, object_at(value, "/userinfo"));
  for (const auto& member : *object) {
    const std::string name(member.key()), at = "/userinfo/" + name;
    TRY_ASSIGN(const json::object* source, object_at(member.value(), at));
    index::UserInfoSource read;
    TRY(read_names(*source, at, {{"key", &read.key}, {"identifier", &read.identifier}}));
    if (read.key.empty()) return wrong(at, "must say its key column: {\"key\": \"email\"}");
    if (read.identifier.empty()) read.identifier = read.key;
    schema.userinfo[name] = std::move(read);
  }
  return Ok{};
}

Status read_unknown(const json::value& value, Schema& schema) {
  if (value == "create") {
    schema.unknown = index::UnknownPolicy::Create;
  } else if (value == "reject") {
    schema.unknown = index::UnknownPolicy::Reject;
  } else if (value == "hold") {
    schema.unknown = index::UnknownPolicy::Hold;
  } else {
    return wrong("/unknown", "must be \"create\", \"hold\" or \"reject\"");
  }
  return Ok{};
}

// What no single part can see: names that must exist elsewhere in the document.
Status cross_check(const Schema& schema) {
  const auto is_identifier = [&](const std::string& name) {
    return name == "profile_id" || schema.identifiers.contains(name);
  };
  for (const auto& [key, entity] : schema.references) {
    if (!schema.entity_ids.contains(entity)) {
      return wrong("/references/" + key, "refers to the entity '" + entity +
                                             "', which is not under /entities");
    }
  }
  for (const auto& [name, source] : schema.userinfo) {
    if (!is_identifier(source.identifier)) {
      return wrong("/userinfo/" + name + "/identifier", "must be profile_id or stand under "
                                                        "/identifiers");
    }
  }
  if (!is_identifier(schema.event_identifier)) {
    return wrong("/events/identifier", "must be profile_id or stand under /identifiers");
  }
  for (const auto& [name, how] : schema.identifiers) {
    const Field* field = schema.field("profiles." + name);
    if (field != nullptr && field->type != index::FieldType{Type::String}) {
      return wrong("/fields/profiles." + name, "must be a string: it is an identifier");
    }
  }
  for (const auto& [key, field] : schema.fields) {
    const std::string table = key.substr(0, key.find('.'));
    const bool keyed = table == "profiles" || schema.entity_ids.contains(table);
    if (field.type.type == Type::Geo && (!keyed || field.type.list)) {
      return wrong("/fields/" + key, "is a geo point, which only profiles and entities have, one "
                                     "per field");
    }
  }
  return Ok{};
}

using ReadPart = Status (*)(const json::value&, Schema&);

const std::map<std::string, ReadPart>& parts() {
  static const std::map<std::string, ReadPart> kParts = {
      {"profiles",
       [](const json::value& value, Schema& schema) -> Status {
         TRY_ASSIGN(const json::object* object, object_at(value, "/profiles"));
         return read_names(*object, "/profiles", {{"id", &schema.profile_id}});
       }},
      {"events", read_events},
      {"entities", read_entities},
      {"references", read_references},
      {"identifiers", read_identifiers},
      {"userinfo", read_userinfo},
      {"unknown", read_unknown},
      {"fields",
       [](const json::value& value, Schema& schema) -> Status {
         TRY_ASSIGN(schema.fields, read_fields(value, "/fields"));
         return Ok{};
       }},
      {"timezone",
       [](const json::value& value, Schema& schema) -> Status {
         TRY_ASSIGN(schema.timezone, name_at(value, "/timezone"));
         if (auto zone = Zone::named(schema.timezone); !zone) {
           return wrong("/timezone", "names no zone: " + zone.error().message);
         }
         return Ok{};
       }},
      {"version", [](const json::value&, Schema&) -> Status { return Ok{}; }},
  };
  return kParts;
}

Result<json::value> parse_document(std::string_view text) {
  if (text.size() > kDeclarationBytesMax) {
    return Error{ErrorCode::TooLarge, "a declaration has at most 1 MiB"};
  }
  boost::system::error_code failure;
  json::value document = json::parse({text.data(), text.size()}, failure);
  if (failure) {
    return Error{ErrorCode::InvalidArgument,
                 "the declaration is no JSON document: " + failure.message()};
  }
  return document;
}

void write_field(JsonWriter& out, const Field& field) {
  out.begin_object().key("type").text(name_of(field.type.type));
  if (field.type.type == Type::Decimal) out.key("scale").number(int{field.type.scale});
  if (field.type.list) out.key("list").boolean(true);
  if (!field.epoch.empty()) out.key("epoch").text(field.epoch);
  if (!field.declared) out.key("inferred").boolean(true);
  out.end_object();
}

void write_links(JsonWriter& out, const Schema& schema) {
  out.key("references").begin_object();
  for (const auto& [key, entity] : schema.references) out.key(key).text(entity);
  out.end_object().key("identifiers").begin_object();
  for (const auto& [name, how] : schema.identifiers) {
    out.key(name).begin_object();
    if (!how.empty()) out.key("normalise").text(how);
    out.end_object();
  }
  out.end_object().key("userinfo").begin_object();
  for (const auto& [name, source] : schema.userinfo) {
    out.key(name).begin_object().key("key").text(source.key);
    out.key("identifier").text(source.identifier).end_object();
  }
  out.end_object();
}

std::string_view word_of(index::UnknownPolicy policy) {
  switch (policy) {
    case index::UnknownPolicy::Create: return "create";
    case index::UnknownPolicy::Hold: return "hold";
    case index::UnknownPolicy::Reject: return "reject";
  }
  return "create";
}

}  // namespace

Result<Schema> parse_declaration(std::string_view text) {
  TRY_ASSIGN(const json::value document, parse_document(text));
  TRY_ASSIGN(const json::object* object, object_at(document, "/"));
  std::vector<std::string> known;
  for (const auto& [key, read] : parts()) known.push_back(key);
  TRY(known_keys(*object, "", known));
  Schema schema;
  for (const auto& member : *object) {
    TRY(parts().at(std::string(member.key()))(member.value(), schema));
  }
  TRY(cross_check(schema));
  return schema;
}

std::string declaration_json(const Schema& schema) {
  JsonWriter out;
  out.begin_object().key("version").number(schema.version);
  out.key("profiles").begin_object().key("id").text(schema.profile_id).end_object();
  out.key("events").begin_object().key("profile").text(schema.event_profile);
  out.key("identifier").text(schema.event_identifier).key("name").text(schema.event_name);
  out.key("time").text(schema.event_time).key("id").text(schema.event_id).end_object();
  out.key("entities").begin_object();
  for (const auto& [name, id] : schema.entity_ids) {
    out.key(name).begin_object().key("id").text(id).end_object();
  }
  out.end_object();
  write_links(out, schema);
  out.key("unknown").text(word_of(schema.unknown)).key("timezone").text(schema.timezone);
  out.key("fields").raw(fields_json(schema.fields));
  out.end_object();
  return out.take();
}

std::string fields_json(const std::map<std::string, Field>& fields) {
  JsonWriter out;
  out.begin_object();
  for (const auto& [key, field] : fields) {
    out.key(key);
    write_field(out, field);
  }
  out.end_object();
  return out.take();
}

Result<std::map<std::string, Field>> parse_fields(std::string_view text) {
  TRY_ASSIGN(const json::value document, parse_document(text));
  return read_fields(document, "/fields");
}

}  // namespace muster::engine
