// Values as dictionary keys, and back: what stands behind the codes of a coded column.
//
// Text and JSON as they are; a geo point as two doubles, latitude first; of lists, every other
// type as its order key in 8 little-endian bytes.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"
#include "index/schema.h"

namespace muster::index {

// Whether single values of the type are kept as dictionary codes.
constexpr bool is_coded(Type type) {
  return type == Type::String || type == Type::Geo || type == Type::Json;
}

std::string bytes_of_order_key(std::int64_t key);
std::string bytes_of_point(GeoPoint point);
// Requires bytes made for this type.
Value value_of_bytes(const FieldType& type, std::string_view bytes);

}  // namespace muster::index
