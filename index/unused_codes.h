// Which keys of a dictionary nobody's value is any more.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "index/events.h"
#include "index/table.h"

namespace muster::index {

// Codes below the size of the dictionary, ascending, without those that are forgotten already.
// Require an attribute, or a property, whose values are codes (Attribute::is_coded).
// Cost: one pass over the column.
std::vector<std::uint32_t> unused_codes(const Attribute& attribute);
std::vector<std::uint32_t> unused_codes(const EventTable& table, const EventProperty& property);
// Of an identifier's values: those that belong to nobody.
std::vector<std::uint32_t> unused_codes(const Dictionary& values, const NumberColumn& owners);

// What stands in place of a forgotten key of the type: a value like any other to whoever reads all
// of a dictionary.
std::string_view stand_in_of(const FieldType& type);

}  // namespace muster::index
