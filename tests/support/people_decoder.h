// A row decoder without a JSON library, so that the engine runs under TSan on its own.
//
// Private rows: one per line, cells separated by tabs, each `name=K:payload` with K one of
//   n null · b true or false · i integer · d mantissa/scale · f double · t text
//   l elements, each `K:payload`, separated by U+001F
// Tab, line feed, backslash and U+001F stand in texts as \t \n \\ \u. A line that is not of this
// form is rejected, as the real decoder does. Thread safety: immutable.
#pragma once

#include <string>
#include <vector>

#include "engine/row_decoder.h"
#include "tests/support/people.h"

namespace muster::testing {

std::string to_private_rows(const std::vector<Row>& rows);

class PeopleDecoder final : public engine::RowDecoder {
 public:
  Result<index::Batch> decode(const engine::RawRows& rows) const override;
  Result<std::vector<engine::RowPlace>> places(const engine::RawRows& rows) const override;
};

}  // namespace muster::testing
