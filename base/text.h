// Texts as people write them: UTF-8 checks, normal forms, case folding, nearest names.
//
// Thread safety: any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

bool is_utf8(std::string_view bytes);

// What names are made of without quoting: letters with their marks, digits, underscore.
bool is_letter_or_digit(char32_t code_point);

// Unicode normal form C; pure ASCII comes back as it is.  Requires is_utf8(text).
std::string to_nfc(std::string_view text);

// NFC after full case folding: equal for texts that differ in case only, and for all spellings of
// one text.  Requires is_utf8(text).
std::string fold_case(std::string_view text);

// The candidate that a typing error most likely meant, or nothing when none is near: at most a
// third of its letters changed, swapped, lost or added.
// Cost: O(candidates x length^2); at most 2,000 candidates are looked at.
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

// "'x'", or "'x'; did you mean 'y'?" - the tail of a message about an unknown name.
std::string with_suggestion(std::string_view name, std::span<const std::string> candidates);

// An e-mail address for look-up: trimmed and in lower case.
std::string normalise_email(std::string_view text);

// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);

}  // namespace muster
