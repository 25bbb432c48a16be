#include "index/table.h"

#include <cstring>

#include "base/check.h"
#include "index/coded.h"
#include "index/order_key.h"

namespace muster::index {

Value value_of_order_key(const FieldType& type, std::int64_t key) {
  switch (type.type) {
    case Type::Bool: return key != 0;
    case Type::Int: return Decimal{key, 0};
    case Type::Decimal: return Decimal{key, type.scale};
    case Type::Double: return double_of_key(key);
    case Type::Timestamp: return Instant{key};
    case Type::Date: return Date{static_cast<std::int32_t>(key)};
    case Type::String:
    case Type::Geo:
    case Type::Json: break;
  }
  CHECK(!"coded types have no order keys");
  return Missing{};
}

std::string bytes_of_order_key(std::int64_t key) {
  std::string bytes(sizeof key, '\0');
  std::memcpy(bytes.data(), &key, sizeof key);
  return bytes;
}

std::string bytes_of_point(GeoPoint point) {
  std::string bytes(2 * sizeof(double), '\0');
  std::memcpy(bytes.data(), &point.latitude, sizeof(double));
  std::memcpy(bytes.data() + sizeof(double), &point.longitude, sizeof(double));
  return bytes;
}

Value value_of_bytes(const FieldType& type, std::string_view bytes) {
  switch (type.type) {
    case Type::String:
    case Type::Json: return std::string(bytes);
    case Type::Geo: {
      CHECK(bytes.size() == 2 * sizeof(double));
      GeoPoint point;
      std::memcpy(&point.latitude, bytes.data(), sizeof(double));
      std::memcpy(&point.longitude, bytes.data() + sizeof(double), sizeof(double));
      return point;
    }
    default: break;
  }
  std::int64_t key = 0;
  CHECK(bytes.size() == sizeof key);
  std::memcpy(&key, bytes.data(), sizeof key);
  return value_of_order_key(type, key);
}

Value Attribute::value_of_code(std::uint32_t code) const {
  return value_of_bytes(type, dictionary.key(code));
}

Value Attribute::value_of_key(std::int64_t key) const {
  if (is_coded()) return value_of_code(static_cast<std::uint32_t>(key));
  return value_of_order_key(type, key);
}

std::vector<Value> Attribute::values(std::uint32_t ordinal) const {
  std::vector<Value> found;
  if (type.list) {
    for (const std::uint32_t code : list.at(ordinal)) found.push_back(value_of_code(code));
  } else if (const auto key = single.at(ordinal)) {
    found.push_back(value_of_key(*key));
  }
  return found;
}

std::size_t Attribute::bytes() const {
  return single.bytes() + list.bytes() + bitmaps.bytes();
}

}  // namespace muster::index
