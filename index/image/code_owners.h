// Who alone has a key of a dictionary as a value.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "index/column.h"
#include "index/dictionary.h"
#include "index/table.h"

namespace muster::index {

// Of a code: the ordinal of the one who has it, or one of these.
inline constexpr std::uint32_t kOwnedByNobody = 0xffff'ffff;
inline constexpr std::uint32_t kOwnedByMany = 0xffff'fffe;

// By code, of an attribute whose values are codes.  Cost: one pass over the column.
std::vector<std::uint32_t> code_owners(const Attribute& attribute);
// Of an identifier's values: whom they lead to.
std::vector<std::uint32_t> code_owners(const Dictionary& values, const NumberColumn& owners);

}  // namespace muster::index
