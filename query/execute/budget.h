// When an evaluation has to stop, and how it says so.
//
// Thread safety: any thread.
#pragma once

#include <optional>

#include "query/query.h"

namespace muster::query {

// Nothing while there is time left.
std::optional<Error> exhausted(const Budget& budget);

// An exact number left 128 bits.
Error overflow();

// Why an evaluation under that budget failed.
Error failure(const Budget& budget);

}  // namespace muster::query
