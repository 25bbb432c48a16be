#include "engine/row_decoder.h"

#include <algorithm>

namespace muster::engine {

std::string without_lines(const RawRows& rows, std::span<const RowPlace> places,
                          std::span<const std::uint64_t> lines) {
  std::string bytes;
  bytes.reserve(rows.bytes.size());
  std::size_t from = 0;
  for (const RowPlace& place : places) {
    const bool stays = !std::binary_search(lines.begin(), lines.end(), place.line);
    if (stays && !place.is_open) continue;
    bytes.append(rows.bytes.substr(from, place.offset - from));
    const std::string_view row = rows.bytes.substr(place.offset, place.size);
    if (rows.format == storage::DataFormat::JsonArray) {
      bytes.append("{}");
    } else {
      bytes.append(static_cast<std::size_t>(std::count(row.begin(), row.end(), '\n')), '\n');
    }
    from = place.offset + place.size;
  }
  return bytes.append(rows.bytes.substr(from));
}

}  // namespace muster::engine
