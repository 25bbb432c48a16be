#include "index/column_codes.h"

#include <algorithm>

namespace muster::index {

std::vector<std::uint32_t> codes_of(const TypedColumn& column, const std::vector<bool>& taken,
                                    DictionaryWriter& dictionary) {
  std::vector<std::string_view> keys;
  keys.reserve(std::max(column.cells.size(), column.elements.size()));
  const bool list = column.type.list;
  for (const TypedCell& cell : column.cells) {
    if (!taken[cell.row] || !cell.present) continue;
    if (!list) keys.push_back(cell.bytes);
    for (std::uint32_t i = 0; list && i < cell.size; ++i) {
      keys.push_back(column.elements[cell.first + i]);
    }
  }
  std::vector<std::uint32_t> codes(keys.size());
  dictionary.add_batch(keys, codes);
  if (!list) return codes;
  auto from = codes.begin();
  for (const TypedCell& cell : column.cells) {
    if (!taken[cell.row] || !cell.present) continue;
    std::sort(from, from + cell.size);
    from += cell.size;
  }
  return codes;
}

}  // namespace muster::index
