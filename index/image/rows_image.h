// Typed rows that wait, for their profile or for the end of a refresh, as bytes, and back.
//
// Thread safety: any thread.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "index/typing.h"

namespace muster::index {

// All rows that are taken, or one of them alone. Of the rest of TypedRows only what
// Writer::apply() needs.  Cost: of one row, O(columns * log rows).
void write_rows(ByteWriter& out, const TypedRows& rows, std::optional<std::uint32_t> only = {});
// in.failed() says whether they could be read.
std::shared_ptr<const TypedRows> read_rows(ByteReader& in);

}  // namespace muster::index
