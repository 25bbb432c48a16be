#include "connect/known_people.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/json_writer.h"
#include "connect/compress.h"
#include "connect/planner.h"

namespace muster::connect {
namespace {

Error damaged() {
  return {ErrorCode::Corrupt, "What a stored delivery knows of its people is damaged."};
}

// The list of a batch; empty when it has none.
Result<boost::json::array> list_of(const BatchPlanned& batch) {
  if (batch.known.empty()) return boost::json::array();
  TRY_ASSIGN(const std::string text, unpack(batch.known, kBodyUnpackedMax));
  boost::json::error_code failed;
  boost::json::value list = boost::json::parse(text, failed);
  if (failed || !list.is_array() || list.get_array().size() != batch.people.count()) {
    return damaged();
  }
  return std::move(list.get_array());
}

Value value_of(const boost::json::value& json) {
  if (json.is_string()) return Value(std::string(json.get_string()));
  if (json.is_bool()) return Value(json.get_bool());
  if (json.is_int64()) return Value(Decimal{json.get_int64(), 0});
  if (json.is_double()) return Value(json.get_double());
  return Missing{};
}

MappedValue mapped_of(const boost::json::value& json) {
  MappedValue mapped;
  mapped.is_list = json.is_array();
  if (!mapped.is_list) {
    mapped.values.push_back(value_of(json));
    return mapped;
  }
  for (const boost::json::value& one : json.get_array()) mapped.values.push_back(value_of(one));
  return mapped;
}

Result<KnownPerson> known_of(const boost::json::value& one) {
  const boost::json::object* const object = one.if_object();
  const boost::json::value* const id = object ? object->if_contains("id") : nullptr;
  const boost::json::value* const values = object ? object->if_contains("values") : nullptr;
  if (id == nullptr || !id->is_string() || values == nullptr || !values->is_object()) {
    return damaged();
  }
  KnownPerson person{.id = std::string(id->get_string()), .values = {}};
  for (const auto& value : values->get_object()) {
    person.values[std::string(value.key())] = mapped_of(value.value());
  }
  return person;
}

// From the text of a person in a body of our own form: the id is all that is needed.
std::optional<KnownPerson> from_member(std::string_view text) {
  boost::json::error_code failed;
  const boost::json::value member = boost::json::parse({text.data(), text.size()}, failed);
  if (failed || !member.is_object()) return std::nullopt;
  const boost::json::value* const id = member.get_object().if_contains("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  KnownPerson person{.id = std::string(id->get_string()), .values = {}};
  for (const auto& value : member.get_object()) {
    person.values[std::string(value.key())] = mapped_of(value.value());
  }
  return person;
}

}  // namespace

std::string known_text(const std::vector<MappedField>& mapping, const Person& person,
                       const std::vector<std::string>* names) {
  JsonWriter json;
  json.begin_object().key("id").text(person.id).key("values").begin_object();
  for (std::size_t i = 0; i < mapping.size(); ++i) {
    const bool kept = names == nullptr ||
                      std::find(names->begin(), names->end(), mapping[i].name) != names->end();
    if (!kept || person.values[i].is_absent()) continue;
    json.key(mapping[i].name);
    write_value(json, person.values[i]);
  }
  json.end_object().end_object();
  return json.take();
}

std::string pack_known(const std::vector<std::string>& texts) {
  JsonWriter json;
  json.begin_array();
  for (const std::string& text : texts) json.raw(text);
  json.end_array();
  return pack(json.str());
}

Person KnownPerson::as_person(const std::vector<MappedField>& mapping) const {
  Person person{.id = id, .values = {}};
  for (const MappedField& field : mapping) {
    const auto found = values.find(field.name);
    person.values.push_back(found == values.end() ? MappedValue{} : found->second);
  }
  return person;
}

Result<std::vector<std::optional<KnownPerson>>> known_people(const BatchPlanned& batch) {
  std::vector<std::optional<KnownPerson>> people;
  if (batch.known.empty()) {
    TRY_ASSIGN(const std::string body, unpack(batch.packed, kBodyUnpackedMax));
    std::size_t at = batch.prefix_bytes;
    for (const std::uint32_t size : batch.member_bytes) {
      if (at + size > body.size()) return damaged();
      people.push_back(from_member(std::string_view(body).substr(at, size)));
      at += size + batch.separator_bytes;
    }
    return people;
  }
  TRY_ASSIGN(const boost::json::array list, list_of(batch));
  for (const boost::json::value& one : list) {
    if (one.is_null()) {
      people.emplace_back();
      continue;
    }
    TRY_ASSIGN(KnownPerson person, known_of(one));
    people.emplace_back(std::move(person));
  }
  return people;
}

Result<KnownPerson> parse_known(std::string_view text) {
  boost::json::error_code failed;
  const boost::json::value json = boost::json::parse({text.data(), text.size()}, failed);
  if (failed) return damaged();
  return known_of(json);
}

Result<bool> forget_known(BatchPlanned& batch, const index::Bitmap& people) {
  TRY_ASSIGN(boost::json::array list, list_of(batch));
  if (list.empty()) return false;
  const std::vector<index::Ordinal> all = batch.people.to_vector();
  bool changed = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!people.contains(all[i]) || list[i].is_null()) continue;
    list[i] = nullptr;
    changed = true;
  }
  if (changed) batch.known = pack(boost::json::serialize(list));
  return changed;
}

Result<std::string> known_part(const BatchPlanned& batch, std::span<const std::size_t> places) {
  TRY_ASSIGN(const boost::json::array list, list_of(batch));
  if (list.empty()) return std::string();
  std::vector<std::string> texts;
  for (const std::size_t i : places) texts.push_back(boost::json::serialize(list[i]));
  return pack_known(texts);
}

}  // namespace muster::connect
