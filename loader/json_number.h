// Numbers as JSON writes them, read from their text so that none is ever altered.
//
//   12        Integer: any 64-bit integer.
//   12.50     Decimal: up to 18 digits, 6 of them decimals; zeros at the end may be cut to fit.
//   0.1234567 Double, when the shortest text of that double is this very number; else refused.
//   1e3       Double, the nearest; too large is refused, too small becomes zero.
//
// Thread safety: any thread.
#pragma once

#include <string_view>

#include "index/batch.h"

namespace muster::loader {

struct ReadNumber {
  index::Cell cell;          // Integer, Decimal or Double.
  std::string_view problem;  // Why there is no cell; "" when there is one.
};

ReadNumber read_number(std::string_view text);

// Whether the text is a number by JSON's grammar, whatever its size.
bool is_number(std::string_view text);

}  // namespace muster::loader
