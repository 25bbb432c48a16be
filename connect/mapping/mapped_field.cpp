#include "connect/mapping/mapped_field.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "connect/mapping/phone.h"

namespace muster::connect {
namespace {

constexpr std::string_view kProfilesPrefix = "profiles.";
constexpr std::string_view kTraitsPrefix = "traits.";
constexpr std::array<std::string_view, 7> kSettings{
    "field", "trait", "constant", "profile_id", "normalise", "hash", "calling_code"};
constexpr std::array<std::string_view, 4> kSources{"field", "trait", "constant", "profile_id"};

Result<std::string> field_name(const DocumentReader& reader, std::string_view key) {
  TRY_ASSIGN(std::string field, reader.required_text(key, kNameBytesMax));
  if (field.starts_with(kProfilesPrefix)) field.erase(0, kProfilesPrefix.size());
  if (field.empty()) return reader.wrong(key, "a field of the profiles belongs here.");
  return field;
}

Result<Value> constant_of(const DocumentReader& reader) {
  if (const auto text = reader.text("constant", kConstantBytesMax)) return Value(**text);
  if (const auto flag = reader.flag("constant")) return Value(**flag);
  if (const auto number = reader.number("constant", INT64_MIN, INT64_MAX)) {
    return Value(Decimal{**number, 0});
  }
  return reader.wrong("constant", "a text of at most 4096 bytes, a whole number, true or false "
                                  "belongs here.");
}

Result<MappedField> read_object(const DocumentReader& reader, const std::string& name) {
  TRY(reader.only(kSettings));
  MappedField mapped{.name = name};
  const auto sources = std::count_if(kSources.begin(), kSources.end(),
                                     [&](std::string_view key) { return reader.has(key); });
  if (sources != 1) {
    return reader.wrong("field", "exactly one of 'field', 'trait', 'constant' and 'profile_id' "
                                 "belongs here.");
  }
  if (reader.has("trait")) {
    mapped.from = MappedFrom::Trait;
    TRY_ASSIGN(mapped.field, reader.required_text("trait", kNameBytesMax));
  } else if (reader.has("profile_id")) {
    mapped.from = MappedFrom::ProfileId;
    TRY_ASSIGN(const auto wanted, reader.flag("profile_id"));
    if (!*wanted) return reader.wrong("profile_id", "true belongs here.");
  } else if (reader.has("constant")) {
    mapped.from = MappedFrom::Constant;
    TRY_ASSIGN(mapped.constant, constant_of(reader));
  } else {
    TRY_ASSIGN(mapped.field, field_name(reader, "field"));
  }
  TRY_ASSIGN(mapped.rule, read_rule(reader));
  return mapped;
}

bool is_calling_code(std::string_view text) {
  return !text.empty() && text.size() <= 3 && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string MappedField::asked() const {
  if (from == MappedFrom::Constant || from == MappedFrom::ProfileId) return {};
  return from == MappedFrom::Trait ? std::string(kTraitsPrefix) + field : field;
}

bool MappedValue::is_absent() const {
  return std::all_of(values.begin(), values.end(), [](const Value& v) { return is_missing(v); });
}

FieldRule RuleParts::over(const FieldRule& base) const {
  return {.normalise = normalise.value_or(base.normalise), .hash = hash.value_or(base.hash),
          .calling_code = calling_code.value_or(base.calling_code)};
}

Result<RuleParts> read_rule(const DocumentReader& reader) {
  RuleParts rule;
  TRY_ASSIGN(const auto normalise, reader.text("normalise", 64));
  TRY_ASSIGN(const auto hash, reader.text("hash", 64));
  TRY_ASSIGN(rule.calling_code, reader.text("calling_code", 8));
  if (normalise) rule.normalise = normalise_named(*normalise);
  if (normalise && !rule.normalise) {
    return reader.wrong("normalise", "one of " + known_normalise_rules() + " belongs here.");
  }
  if (hash) rule.hash = hash_named(*hash);
  if (hash && !rule.hash) {
    return reader.wrong("hash", "'none', 'sha256' or 'sha256_base64' belongs here.");
  }
  if (!rule.calling_code) return rule;
  const bool is_phone = !rule.normalise || rule.normalise == Normalise::Phone ||
                        rule.normalise == Normalise::PhoneDigits;
  if (!is_phone) {
    return reader.wrong("calling_code", "only 'phone' and 'phone_digits' have a calling code.");
  }
  if (!is_calling_code(*rule.calling_code) || !has_numbering_plan(*rule.calling_code)) {
    return reader.wrong("calling_code", "a calling code like \"49\" belongs here, of a country "
                                        "whose national numbers are known.");
  }
  return rule;
}

void write_rule(JsonWriter& json, const RuleParts& rule) {
  if (rule.normalise) json.key("normalise").text(name_of(*rule.normalise));
  if (rule.hash) json.key("hash").text(name_of(*rule.hash));
  if (rule.calling_code) json.key("calling_code").text(*rule.calling_code);
}

Result<MappedField> read_mapped_field(const DocumentReader& mapping, const std::string& name) {
  if (name.empty() || name.size() > kNameBytesMax) {
    return mapping.wrong(name.substr(0, 32), "a name at the destination has 1 to 512 bytes.");
  }
  if (name == "id") {
    return mapping.wrong(name, "'id' is always the profile id; choose another name.");
  }
  if (mapping.text(name, SIZE_MAX)) {
    TRY_ASSIGN(std::string field, field_name(mapping, name));
    return MappedField{.name = name, .field = std::move(field)};
  }
  const auto object = mapping.object(name);
  if (!object) {
    return mapping.wrong(name, "the name of a field, or an object with 'field', 'trait' or "
                               "'constant', belongs here.");
  }
  return read_object(**object, name);
}

void write_mapped_field(JsonWriter& json, const MappedField& field) {
  json.key(field.name);
  if (field.from == MappedFrom::Field && field.rule.empty()) {
    json.text(field.field);
    return;
  }
  json.begin_object();
  switch (field.from) {
    case MappedFrom::Field: json.key("field").text(field.field); break;
    case MappedFrom::Trait: json.key("trait").text(field.field); break;
    case MappedFrom::ProfileId: json.key("profile_id").boolean(true); break;
    case MappedFrom::Constant: json.key("constant").value(field.constant); break;
  }
  write_rule(json, field.rule);
  json.end_object();
}

std::vector<std::string> asked_fields(const std::vector<MappedField>& mapping) {
  std::vector<std::string> fields;
  for (const MappedField& field : mapping) {
    std::string asked = field.asked();
    if (!asked.empty()) fields.push_back(std::move(asked));
  }
  return fields;
}

Person person_of(const std::vector<MappedField>& mapping, engine::ProfileRow row) {
  Person person{.id = std::move(row.profile_id), .values = {}};
  person.values.reserve(mapping.size());
  std::size_t column = 0;
  for (const MappedField& field : mapping) {
    const FieldRule rule = field.rule.over({});
    MappedValue mapped;
    if (field.from == MappedFrom::Constant || field.from == MappedFrom::ProfileId) {
      const Value fixed =
          field.from == MappedFrom::ProfileId ? Value(person.id) : field.constant;
      if (auto value = sent_as(rule, fixed)) mapped.values.push_back(std::move(*value));
      person.values.push_back(std::move(mapped));
      continue;
    }
    mapped.is_list = row.is_list[column];
    if (rule == FieldRule{}) {  // Most are sent as they are.
      mapped.values = std::move(row.values[column]);
    } else {
      for (const Value& value : row.values[column]) {
        if (auto one = sent_as(rule, value)) mapped.values.push_back(std::move(*one));
      }
    }
    person.values.push_back(std::move(mapped));
    ++column;
  }
  return person;
}

void write_value(JsonWriter& json, const MappedValue& value) {
  if (value.is_absent()) {
    json.null();
  } else if (!value.is_list) {
    json.value(value.values.front());
  } else {
    json.begin_array();
    for (const Value& one : value.values) json.value(one);
    json.end_array();
  }
}

}  // namespace muster::connect
