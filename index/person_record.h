// One person as plain values: read from a generation, changed at will, and put into a generation
// of their own. What "what if they had ..." is asked of.
//
// Thread safety: any thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "index/generation.h"

namespace muster::index {

// Exactly one value, or those of a list: a field without a value does not stand in a record.
struct FieldValue {
  FieldType type;
  std::vector<Value> values;
  bool operator==(const FieldValue&) const = default;
};
using FieldValues = std::map<std::string, FieldValue>;  // By name.

struct EventRecord {
  std::string name;
  TimeMs time = 0;
  FieldValues properties;
  bool operator==(const EventRecord&) const = default;
};

struct PersonRecord {
  std::string id;
  FieldValues attributes;
  std::vector<EventRecord> events;  // By name, then time.
  std::set<std::string> lists;      // The static lists that they are in.
};

// Requires ordinal < the generation's profiles.
// Limits: of more than kEventsOfRecordMax events, none are read: nothing comes back.
// Cost: that person's rows.
std::optional<PersonRecord> person_record(const Generation& generation, Ordinal ordinal);
inline constexpr std::size_t kEventsOfRecordMax = 10'000;

// A generation in which the person is the only one (ordinal 0); schema, entities and documents are
// those of `around`.
// Errors: InvalidArgument for a value that its type does not hold.
// Cost: about 50 us and 2 us per event.
Result<std::shared_ptr<const Generation>> alone(const PersonRecord& person,
                                                const Generation& around);

}  // namespace muster::index
