#include "base/bytes.h"

namespace muster {

void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  raw(value.data(), value.size());
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (failed_) return 0;
    // The tenth byte holds the last bit of 64: more would not fit.
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  failed_ = true;
  return 0;
}

std::string_view ByteReader::text() {
  const std::uint64_t size = varint();
  if (failed_ || size > remaining()) {
    failed_ = true;
    return {};
  }
  const std::string_view value = bytes_.substr(at_, size);
  at_ += size;
  return value;
}

}  // namespace muster
