#include "query/language/words.h"

#include <fmt/format.h>

#include "base/time.h"

namespace muster::query {
namespace {

// Where the T of a time stands: after YYYY-MM-DD.
constexpr std::size_t kDateBytes = 10;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

bool is_reserved(std::string_view word) {
  for (const std::string_view reserved : kReservedWords) {
    if (same_word(reserved, word)) return true;
  }
  return false;
}

bool is_in_range(const Duration& duration) {
  return duration.amount <= kDurationMsMax / ms_of(duration.unit);
}

std::optional<TimeLiteral> to_time_literal(std::string_view text) {
  if (parse_date(text)) return TimeLiteral{.text = std::string(text), .is_date = true};
  if (text.size() <= kDateBytes || lower(text[kDateBytes]) != 't') return std::nullopt;
  if (!parse_time(text, Zone())) return std::nullopt;
  return TimeLiteral{.text = std::string(text), .is_date = false};
}

std::string double_text(double number) {
  std::string text = fmt::format("{}", number);
  if (text.find('e') == std::string::npos) text += "e0";
  return text;
}

}  // namespace muster::query
