// Any bytes as rows of a file: the first byte chooses the format. Every row is either taken or
// reported, a second reading says the same, and without every other row the others are still there.
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
  const auto places = decoder.places(rows);
  CHECK(places.has_value());
  std::vector<std::uint64_t> out;
  for (const auto& place : *places) {
    CHECK(place.offset + place.size <= bytes.size());
    if (place.line % 2 == 0) out.push_back(place.line);
  }
  const std::string left = muster::engine::without_lines(rows, *places, out);
  const auto others = decoder.decode({.format = rows.format, .bytes = left});
  CHECK(others.has_value());
  const auto odd = [](const muster::index::Batch& of) {
    std::vector<std::uint64_t> lines;
    for (const std::uint64_t line : of.line_of_row) {
      if (line % 2 != 0) lines.push_back(line);
    }
    return lines;
  };
  CHECK(odd(*batch) == odd(*others));
  return 0;
}
