// What is declared or was learnt about the data: tables, fields, types, references, identifiers.
//
// Field keys: "profiles.NAME", "EVENT.NAME", "*.NAME" for all events, "ENTITY.NAME", and
// "profiles.SOURCE.NAME" for user info. A field is Inferred until somebody declares it; inferred
// types widen (int64 to decimal, scale up to 6) without a new declaration.
//
// Thread safety: immutable once published.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"

namespace muster::index {

struct FieldType {
  Type type = Type::String;  // Of the value, or of each element of a list.
  bool list = false;
  std::uint8_t scale = 0;    // Of Decimal.
  bool operator==(const FieldType&) const = default;
};

struct Field {
  FieldType type;
  bool declared = false;     // Else inferred from data.
  std::string epoch;         // For timestamps given as numbers: "s" or "ms"; "": texts only.
  bool operator==(const Field&) const = default;
};

enum class UnknownPolicy : std::uint8_t { Create, Hold, Reject };

struct UserInfoSource {
  std::string key;         // The column that says who it is.
  std::string identifier;  // What it holds: "profile_id" or a declared identifier.
  bool operator==(const UserInfoSource&) const = default;
};

struct Schema {
  std::uint64_t version = 0;  // Grows with each declaration, and with each inferred addition.
  std::string profile_id = "profile_id";
  std::string event_profile = "profile_id";     // Column of the events that says who.
  std::string event_identifier = "profile_id";  // What that column holds.
  std::string event_name = "type", event_time = "ts", event_id = "event_id";
  std::map<std::string, std::string> entity_ids;     // entity -> id column
  std::map<std::string, std::string> references;     // field key -> entity
  std::map<std::string, std::string> identifiers;    // profile field -> normaliser: "", "email"
  std::map<std::string, UserInfoSource> userinfo;    // source -> its key
  std::map<std::string, Field> fields;               // by field key
  std::string timezone = "UTC";
  UnknownPolicy unknown = UnknownPolicy::Create;

  bool operator==(const Schema&) const = default;
  const Field* field(const std::string& key) const {
    const auto found = fields.find(key);
    return found == fields.end() ? nullptr : &found->second;
  }
};

// "decimal(2)", "list of string".
std::string to_display(const FieldType& type);

}  // namespace muster::index
