// A field's type as three bytes: type, whether a list, scale.
#pragma once

#include "base/bytes.h"
#include "index/schema.h"

namespace muster::index {

inline void write_type(ByteWriter& out, const FieldType& type) {
  out.u8(static_cast<std::uint8_t>(type.type));
  out.u8(type.list ? 1 : 0);
  out.u8(type.scale);
}

// in.failed() says whether it was one.
inline FieldType read_type(ByteReader& in) {
  const std::uint8_t type = in.u8(), list = in.u8(), scale = in.u8();
  if (type > static_cast<std::uint8_t>(Type::Json) || list > 1 || scale > kScaleMax) in.fail();
  return {static_cast<Type>(type), list == 1, scale};
}

}  // namespace muster::index
