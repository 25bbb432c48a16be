// Conditions on properties told from their packed values, many rows of a run at a time.
//
// Texts have become codes when the question was bound, so that every test here compares narrow
// numbers: a range of them, or a table of bits.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>

#include "query/plan/bound.h"

namespace muster::query {

// The column of the field's property in the run; null: no row has it.
const index::PropertyColumn* column_of(const index::EventRun& run, const BoundField& field);

// Bit i of `out`: row first + i passes the FieldTest; bits past the last row are 0.
// Returns false, and `out` means nothing, where the values are not packed so that it can be told.
// Shape: count / 64 words, rounded up.
// Cost: a pass over the packed values per range of the test.
bool select_packed_rows(const index::EventRun& run, const BoundNode& test, std::uint32_t first,
                        std::uint32_t count, std::span<std::uint64_t> out);

// Bit i of `out`: row first + i has the property. Shape: as above.
void present_rows(const index::PropertyColumn& column, std::uint32_t first, std::uint32_t count,
                  std::span<std::uint64_t> out);

// Bits [0, count) are set, those behind are not. Shape: as above.
void set_first(std::uint32_t count, std::span<std::uint64_t> out);

}  // namespace muster::query
