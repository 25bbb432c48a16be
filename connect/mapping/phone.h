// Telephone numbers as people write them, in E.164: refused rather than guessed.
//
// "+49 30 1234-567" and "0049 (30) 1234567" say their country. "030 1234567" is read only with a
// calling code whose plan is known here, and only when it begins as that plan says a national
// number does; letters, extensions and a trunk zero behind a calling code are refused.
// Source: ITU-T E.164 (2010), 6 and annex A; E.164 assigned country codes; E.123, 7 (spelling).
// Thread safety: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::connect {

// Digits of an international number, calling code and all.
inline constexpr std::size_t kPhoneDigitsMin = 7;
inline constexpr std::size_t kPhoneDigitsMax = 15;

// "+" and digits, or nothing. `calling_code` is "49"; "" reads international numbers only.
// Requires is_utf8(text).
std::optional<std::string> to_e164(std::string_view text, std::string_view calling_code);

// Whether national numbers can be read with this calling code.
bool has_numbering_plan(std::string_view calling_code);

}  // namespace muster::connect
