// Values in the form that nearly all data has, read without ceremony. Whatever is not of that form
// is left to the readers that know every form and every reason (base/time.h, base/value.h,
// index/convert.h); where a value comes back here, it is the one that they would give.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string_view>

#include "index/batch.h"
#include "index/schema.h"
#include "index/typing.h"

namespace muster::index {

// "2025-10-01T12:34:56Z" or with ".789" in front of the Z.
std::optional<TimeMs> plain_time(std::string_view text);

// [-]digits[.digits], up to 18 digits and kScaleMax decimals.
std::optional<Decimal> plain_decimal(std::string_view text);

// Fills `typed` (and `elements`, for a list of texts) from a cell of the usual form for the type.
// False: nothing was filled; convert() knows what to do.
bool convert_plainly(const Cell& cell, const Field& field, const Batch& batch, TypedCell& typed,
                     std::vector<std::string_view>& elements);

}  // namespace muster::index
