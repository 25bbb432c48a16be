// Any bytes as rows of a file: the first byte chooses the format. Every row is either taken or
// reported, and a second reading says the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "loader/decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using muster::storage::DataFormat;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const muster::engine::RawRows rows{.format = static_cast<DataFormat>(data[0] % 3),
                                     .bytes = bytes};
  const muster::loader::FileDecoder decoder;
  const auto batch = decoder.decode(rows);
  const auto again = decoder.decode(rows);
  CHECK(batch.has_value() == again.has_value());
  if (!batch) return 0;
  CHECK(batch->rows == again->rows);
  CHECK(batch->rejected.size() == again->rejected.size());
  for (const auto& column : batch->columns) {
    CHECK(!column.cells.empty());
    for (const auto& cell : column.cells) {
      CHECK(cell.row < batch->rows);
    }
  }
  return 0;
}
