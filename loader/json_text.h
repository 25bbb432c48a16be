// Texts and whole values of JSON as raw bytes: unescaping, and checking what is kept verbatim.
//
// Thread safety: any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace muster::loader {

// What stands between the quotes of a JSON text, with its escapes resolved; nothing when an escape
// is none of JSON's, or is half of a surrogate pair (no Unicode text has that).
std::optional<std::string> unescaped(std::string_view raw);

inline constexpr std::string_view kNoJson = "is not valid JSON";

// Why `json` is not exactly one JSON value; "" when it is one. `depth` levels stand around it, at
// most kNestingMax in all. Numbers are checked for their form only: a value kept as text keeps
// them as they are.  Requires valid UTF-8.
std::string_view json_problem(std::string_view json, std::size_t depth);

// Where a value or text ends, by counting brackets outside of texts: borders only, nothing is
// checked. text_end: the closing quote of the text whose opening quote stands at `from`; value_end:
// the place behind the value that begins at `from`. npos where there is no end.
std::size_t text_end(std::string_view json, std::size_t from);
std::size_t value_end(std::string_view json, std::size_t from);

inline bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Without the white space of JSON at both ends.
inline std::string_view trimmed(std::string_view json) {
  while (!json.empty() && is_json_space(json.front()))
    json.remove_prefix(1);
  while (!json.empty() && is_json_space(json.back()))
    json.remove_suffix(1);
  return json;
}

}  // namespace muster::loader
