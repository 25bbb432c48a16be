// Identifiers in the one spelling that a destination hashes, and the hash.
//
// A text that does not fit its rule is absent, never repaired by guessing: a wrong hash finds
// nobody, or somebody else.
// Source: Meta, Marketing API, "Customer File Custom Audiences", section "Hashing and Normalization
// for Multi-Key"; Google, Data Manager API, "Format user data"; FIPS 180-4 (SHA-256).
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"

namespace muster::connect {

// Bytes of a text that is normalised; longer ones are absent: no identifier is so long.
inline constexpr std::size_t kNormalisedBytesMax = 4'096;

enum class Normalise : std::uint8_t {
  None,          // As it is.
  Trim,          // Without white space at both ends.
  Lower,         // Trimmed, NFC, in lower case.
  Upper,
  Email,         // Trimmed, NFC, in lower case; one '@', no white space within.
  EmailGmail,    // Google's: no white space at all; at gmail.com and googlemail.com without dots
                 // and without "+..." before the '@'.
  EmailNoPlus,   // As EmailGmail, and "+..." is left out for every server.
  Phone,         // E.164 with its '+' (connect/mapping/phone.h).
  PhoneDigits,   // The same without the '+', as Meta has it.
  Name,          // NFC, lower case, without punctuation, single spaces inside.
  Letters,       // NFC, lower case, letters and marks only: a city, a state.
  Zip,           // Lower case, no spaces and dashes; of 12345-6789 the first five.
  Country,       // Two letters of ISO 3166-1 in lower case.
  CountryUpper,
  Gender,        // "f" or "m".
  BirthYear,     // Of a date or a text YYYY-MM-DD: YYYY.
  BirthMonth,    // MM
  BirthDay,      // DD
};
std::string_view name_of(Normalise rule);
std::optional<Normalise> normalise_named(std::string_view name);
// "'none', 'trim', ...", for messages.
std::string known_normalise_rules();

enum class Hash : std::uint8_t {
  None,
  Sha256,        // 64 hexadecimal digits in lower case.
  Sha256Base64,  // With padding.
};
std::string_view name_of(Hash hash);
std::optional<Hash> hash_named(std::string_view name);

struct FieldRule {
  Normalise normalise = Normalise::None;
  Hash hash = Hash::None;
  std::string calling_code = {};  // Of telephone numbers without one; "": there is none to assume.
  bool operator==(const FieldRule&) const = default;
};

// As the destination takes it, or nothing. Other types than text are spelt out first, unless
// nothing is to be done with them.
std::optional<Value> sent_as(const FieldRule& rule, const Value& value);

// A value as plain text: numbers with their scale, times as RFC 3339; "" for a missing one.
std::string text_of(const Value& value);

// Nothing when the text does not fit the rule.
std::optional<std::string> normalised(const FieldRule& rule, std::string_view text);

}  // namespace muster::connect
