#include "base/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/utf8.h"

namespace muster {
namespace {

// Names to compare with before giving up: a suggestion is a courtesy, not a search.
constexpr std::size_t kCandidatesMax = 2'000;
// Longer names are not compared: nobody mistypes a third of so many letters.
constexpr std::size_t kComparedLettersMax = 64;

// Returns whether all bytes from `at` on in one word of eight are ASCII.
bool is_ascii_word(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return (word & 0x8080808080808080ULL) == 0;
}

bool is_ascii(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    if (!is_ascii_word(text.data() + at)) return false;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0x80) return false;
  }
  return true;
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = ascii_lower(c);
  return lower;
}

// In normal form C, or D when the options ask to decompose.
std::string map_unicode(std::string_view text, int options) {
  struct Free {
    void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
  };
  utf8proc_uint8_t* mapped = nullptr;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t size =
      utf8proc_map(bytes, static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(mapped);
  CHECK(size >= 0);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

std::u32string letters_of(std::string_view name) {
  const std::string folded = is_utf8(name) ? fold_case(name) : std::string(name);
  std::u32string letters;
  for (std::size_t at = 0; at < folded.size();) {
    const std::size_t size = utf8_size_at(folded, at);
    letters += size > 0 ? code_point_at(folded, at) : U'\xFFFD';
    at += size > 0 ? size : 1;
  }
  return letters;
}

// Letters changed, lost, added or swapped with their neighbour (optimal string alignment).
// Source: Oommen, Loke, "Pattern Recognition of Strings with Substitutions, Insertions,
// Deletions and Generalized Transpositions", 1997.
std::size_t edit_distance(const std::u32string& a, const std::u32string& b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (at + 8 <= bytes.size() && is_ascii_word(bytes.data() + at)) {
      at += 8;
      continue;
    }
    const std::size_t size = utf8_size_at(bytes, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

bool is_letter_or_digit(char32_t code_point) {
  if (code_point < 0x80) {
    const auto c = static_cast<char>(code_point);
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  }
  // The categories stand in this order: letters, marks, numbers, and then all others.
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

std::string to_nfc(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return map_unicode(text, UTF8PROC_COMPOSE);
}

std::string fold_case(std::string_view text) {
  if (is_ascii(text)) return ascii_lower(text);
  // The iota subscript folds to a letter, to which a mark behind it would then belong: normal form
  // D has it behind all marks. Source: The Unicode Standard, 3.13, D145.
  return map_unicode(map_unicode(text, UTF8PROC_DECOMPOSE), UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE);
}

std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates) {
  const std::u32string letters = letters_of(name);
  const std::size_t allowed = letters.size() / 3;
  if (letters.empty() || letters.size() > kComparedLettersMax) return std::nullopt;
  std::size_t best = allowed + 1;
  std::optional<std::string> nearest;
  for (const std::string& candidate :
       candidates.first(std::min(candidates.size(), kCandidatesMax))) {
    // A letter takes at most four bytes: what is longer or shorter in bytes can be left out early.
    if (candidate.size() > 4 * (letters.size() + allowed)) continue;
    const std::u32string other = letters_of(candidate);
    const bool too_long = other.size() > letters.size() + allowed;
    if (too_long || other.size() + allowed < letters.size()) continue;
    const std::size_t distance = edit_distance(letters, other);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string with_suggestion(std::string_view name, std::span<const std::string> candidates) {
  const auto nearest = nearest_name(name, candidates);
  if (!nearest || *nearest == name) return fmt::format("'{}'", name);
  return fmt::format("'{}'; did you mean '{}'?", name, *nearest);
}

std::string normalise_email(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
  if (is_ascii(text) || !is_utf8(text)) return ascii_lower(text);
  std::string lower;
  for (std::size_t at = 0; at < text.size(); at += utf8_size_at(text, at)) {
    const auto point = static_cast<utf8proc_int32_t>(code_point_at(text, at));
    append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(point)));
  }
  return to_nfc(lower);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace muster
