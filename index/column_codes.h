// A typed column of texts as dictionary codes, all at once.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "index/dictionary.h"
#include "index/typing.h"

namespace muster::index {

// The codes of the cells that are taken and present, in the order of the cells: one for a single
// value; for a list one for each element, strictly increasing within the cell. What is new gets its
// code now, in the order of cells and elements; rows that are not taken give nothing.
// Requires column.type to be coded or a list.
std::vector<std::uint32_t> codes_of(const TypedColumn& column, const std::vector<bool>& taken,
                                    DictionaryWriter& dictionary);

}  // namespace muster::index
