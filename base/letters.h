// Unicode letters one by one: lower case as the standard maps it, and what is a letter or a space.
//
// Source: The Unicode Standard 15.0, 3.13 "Default Case Algorithms", SpecialCasing.txt,
// PropList.txt "White_Space". Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

namespace muster {

// Lower case by the full mapping without a locale, the final sigma too; not folded: a sharp s
// stays one. Not normalised.  Requires is_utf8(text).
std::string to_lower(std::string_view text);
// Upper case, letter by letter (a sharp s stays one).  Requires is_utf8(text).
std::string to_upper(std::string_view text);

bool is_white_space(char32_t code_point);
bool is_letter_or_mark(char32_t code_point);
// Punctuation and symbols of any script.
bool is_punctuation(char32_t code_point);

// Without white space at both ends.  Requires is_utf8(text).
std::string_view trimmed(std::string_view text);

}  // namespace muster
