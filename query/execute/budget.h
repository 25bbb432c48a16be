// When an evaluation has to stop, and how it says so.
//
// Thread safety: any thread.
#pragma once

#include <optional>

#include "query/query.h"

namespace muster::query {

// Nothing while there is time left.
std::optional<Error> exhausted(const Budget& budget);

// The same where there may be no budget, as rows are gone through.
inline bool is_over(const Budget* budget) { return budget != nullptr && exhausted(*budget); }

// How many people are looked at between two looks at the budget: some ms at most.
inline constexpr std::uint32_t kPeoplePerLook = 4'096;

// An exact number left 128 bits.
Error overflow();

// Why an evaluation under that budget failed.
Error failure(const Budget& budget);

}  // namespace muster::query
