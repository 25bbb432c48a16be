// One cell under one type: the typed value, or the reason why it does not fit.
//
// Thread safety: any thread; the arena is the caller's.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"
#include "index/batch.h"
#include "index/schema.h"
#include "index/typing.h"

namespace muster::index {

// What conversion needs besides the cell.
struct ConvertContext {
  const Batch& batch;
  Zone zone;                        // Of times without a zone.
  std::deque<std::string>& arena;   // Keeps bytes made here.
};

// Fills `typed` (and `column.elements` for a list) from a cell that is not Null.
// Returns the reason when the cell does not fit.
std::optional<std::string> convert(const Cell& cell, const Field& field,
                                   const ConvertContext& context, TypedColumn& column,
                                   TypedCell& typed);

// A text from a format without types (CSV) as a cell: booleans, numbers, else text.
Cell cell_of_untyped(const Cell& cell, const Batch& batch);

// The type that fits these cells, judged by the first; nothing while all are null or empty lists.
std::optional<FieldType> infer(std::span<const Cell> cells, const ConvertContext& context);

// Decimals needed by the numbers among the cells and elements.
std::uint8_t scale_needed(std::span<const Cell> cells, const Batch& batch);

}  // namespace muster::index
