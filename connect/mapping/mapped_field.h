// One name at the destination and where its value comes from.
//
//   "name": "first_name"                                       a field of the profile, as it is
//   "em": {"field": "email", "normalise": "email", "hash": "sha256"}
//   "ltv": {"trait": "lifetime_value"}
//   "source": {"constant": "muster"}
//   "customer": {"profile_id": true}
//   "ph": {"field": "phone", "normalise": "phone", "calling_code": "49"}
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "base/value.h"
#include "connect/document_reader.h"
#include "connect/mapping/normalise.h"
#include "engine/answers.h"

namespace muster::connect {

// Bytes of a constant.
inline constexpr std::size_t kConstantBytesMax = 4'096;

// What is written beside a value; what is left out is as the destination has it.
struct RuleParts {
  std::optional<Normalise> normalise = {};
  std::optional<Hash> hash = {};
  std::optional<std::string> calling_code = {};

  FieldRule over(const FieldRule& base) const;
  bool empty() const { return !normalise && !hash && !calling_code; }
};

enum class MappedFrom : std::uint8_t { Field, Trait, Constant, ProfileId };

struct MappedField {
  std::string name;                // At the destination.
  MappedFrom from = MappedFrom::Field;
  std::string field = {};          // Of the profile, or the id of the trait.
  Value constant = Missing{};
  RuleParts rule = {};
  // What the engine is asked for: "email", "traits.lifetime_value"; "" for nothing.
  std::string asked() const;
};

// A value as it is sent.
struct MappedValue {
  std::vector<Value> values;
  bool is_list = false;
  bool is_absent() const;
};

struct AudienceChange;

// Somebody as a destination sees them; values in the order of the mapping.
struct Person {
  std::string id;  // "": nobody knows any more who that was.
  std::vector<MappedValue> values;
  const AudienceChange* change = nullptr;  // That they are told of for, in a sync of events.
};

// The members "normalise", "hash" and "calling_code" of an object.
// Errors: InvalidArgument with the JSON pointer.
Result<RuleParts> read_rule(const DocumentReader& reader);
void write_rule(JsonWriter& json, const RuleParts& rule);

// The member `name` of "mapping".
// Errors: InvalidArgument with the JSON pointer.
Result<MappedField> read_mapped_field(const DocumentReader& mapping, const std::string& name);
void write_mapped_field(JsonWriter& json, const MappedField& field);

// What the engine is asked for, each once, in the order of the mapping.
std::vector<std::string> asked_fields(const std::vector<MappedField>& mapping);

// `row` was asked with asked_fields(mapping).
Person person_of(const std::vector<MappedField>& mapping, engine::ProfileRow row);

// A JSON value: null when absent.
void write_value(JsonWriter& json, const MappedValue& value);

}  // namespace muster::connect
