// UTF-8 one character at a time: sizes and code points, with overlong forms and surrogates refused.
//
// Source: The Unicode Standard 15.0, table 3-7, "Well-Formed UTF-8 Byte Sequences".
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster {

// Bytes of the character that begins at `at`, 1 to 4; 0 when none does.  Requires at < size.
std::size_t utf8_size_at(std::string_view bytes, std::size_t at);

// The code point of the character at `at`.  Requires utf8_size_at(bytes, at) > 0.
char32_t code_point_at(std::string_view bytes, std::size_t at);

// Requires a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);

// Code points; a byte that begins no character counts as one.
std::size_t count_code_points(std::string_view bytes);

}  // namespace muster
