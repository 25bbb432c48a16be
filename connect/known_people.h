// What a destination knows of the people of a batch, where the bytes it was sent do not tell us.
//
//   [{"id": "p1", "values": {"email": "5c0f...", "tags": ["a"]}}, null, ...], packed, in order
//
// It is how somebody is removed by the identifier they were sent with, also after it changed or the
// person is gone. null: forgotten, because they were erased.
// Thread safety: any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connect/mapping/mapped_field.h"
#include "connect/outcome_record.h"

namespace muster::connect {

// Of one person: those values of the mapping that `names` has, all for nothing.
std::string known_text(const std::vector<MappedField>& mapping, const Person& person,
                       const std::vector<std::string>* names);
std::string pack_known(const std::vector<std::string>& texts);

// Somebody as they were sent; a value that was not sent, or is no longer mapped, is absent.
struct KnownPerson {
  std::string id;
  std::unordered_map<std::string, MappedValue> values;

  Person as_person(const std::vector<MappedField>& mapping) const;
};

// One for each person of the batch; nothing for who was forgotten.
// Errors: Corrupt.
Result<std::vector<std::optional<KnownPerson>>> known_people(const BatchPlanned& batch);

// Puts null in the place of people; returns whether anything changed.
Result<bool> forget_known(BatchPlanned& batch, const index::Bitmap& people);

// What is known of those at these places of a batch, packed.
// Errors: Corrupt.
Result<std::string> known_part(const BatchPlanned& batch, std::span<const std::size_t> places);

// One of them: {"id": "p1", "values": {...}}.
// Errors: Corrupt.
Result<KnownPerson> parse_known(std::string_view text);

}  // namespace muster::connect
