#include "index/events.h"

#include <cstring>

#include "base/check.h"
#include "index/coded.h"
#include "index/table.h"

namespace muster::index {

std::size_t EventRun::bytes() const {
  std::size_t total = sizeof(EventRun) + person.capacity() * sizeof(person[0]) + time.bytes() +
                      order.bytes() + periods.bytes();
  for (const auto& property : properties) {
    if (!property) continue;
    total += sizeof(PropertyColumn) + property->values.bytes() +
             property->present.capacity() * sizeof(std::uint64_t);
  }
  return total;
}

std::uint64_t EventBlock::rows() const {
  std::uint64_t total = 0;
  for (const auto& run : runs)
    total += run->rows;
  return total;
}

Value EventProperty::value_of_key(std::int64_t key, std::uint8_t scale) const {
  if (is_coded(type.type)) {
    return value_of_bytes(type, dictionary.key(static_cast<std::uint32_t>(key)));
  }
  return value_of_order_key({type.type, false, scale}, key);
}

std::vector<std::uint32_t> EventProperty::list_codes(std::int64_t key) const {
  const KeyText text = lists.key(static_cast<std::uint32_t>(key));
  const std::string_view bytes = text.view();
  std::vector<std::uint32_t> codes(bytes.size() / sizeof(std::uint32_t));
  if (!codes.empty()) std::memcpy(codes.data(), bytes.data(), bytes.size());
  return codes;
}

Value EventProperty::element(std::uint32_t code) const {
  return value_of_bytes(type, dictionary.key(code));
}

std::size_t EventTable::bytes() const {
  std::size_t total = 0;
  for (const auto& block : blocks) {
    if (!block) continue;
    total += block->changes.bytes();
    for (const auto& run : block->runs)
      total += run->bytes();
  }
  return total;
}

}  // namespace muster::index
