#include "base/utf8.h"

#include "base/check.h"

namespace muster {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

bool in(std::uint8_t byte, std::uint8_t low, std::uint8_t high) {
  return byte >= low && byte <= high;
}

// What a first byte promises: how many bytes, and the range of the second, which is what shuts
// out overlong forms, surrogates and code points beyond U+10FFFF.
struct Lead {
  std::size_t size = 0;
  std::uint8_t second_low = 0x80, second_high = 0xbf;
};

Lead lead_of(std::uint8_t first) {
  if (first < 0x80) return {1};
  if (in(first, 0xc2, 0xdf)) return {2};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (in(first, 0xe1, 0xef)) return {3};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (in(first, 0xf1, 0xf3)) return {4};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {};
}

}  // namespace

std::size_t utf8_size_at(std::string_view bytes, std::size_t at) {
  const Lead lead = lead_of(byte_at(bytes, at));
  if (lead.size <= 1) return lead.size;
  if (bytes.size() - at < lead.size) return 0;
  if (!in(byte_at(bytes, at + 1), lead.second_low, lead.second_high)) return 0;
  for (std::size_t i = 2; i < lead.size; ++i) {
    if (!in(byte_at(bytes, at + i), 0x80, 0xbf)) return 0;
  }
  return lead.size;
}

char32_t code_point_at(std::string_view bytes, std::size_t at) {
  const std::size_t size = utf8_size_at(bytes, at);
  CHECK(size > 0);
  const std::uint8_t first = byte_at(bytes, at);
  if (size == 1) return first;
  char32_t point = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i)
    point = (point << 6) | (byte_at(bytes, at + i) & 0x3fU);
  return point;
}

void append_utf8(std::string& out, char32_t code_point) {
  CHECK(code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff));
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    return put(0x80 | (code_point & 0x3f));
  }
  if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    return put(0x80 | (code_point & 0x3f));
  }
  put(0xf0 | (code_point >> 18));
  put(0x80 | ((code_point >> 12) & 0x3f));
  put(0x80 | ((code_point >> 6) & 0x3f));
  put(0x80 | (code_point & 0x3f));
}

std::size_t count_code_points(std::string_view bytes) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); ++count) {
    const std::size_t size = utf8_size_at(bytes, at);
    at += size > 0 ? size : 1;
  }
  return count;
}

}  // namespace muster
