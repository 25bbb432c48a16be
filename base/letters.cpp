#include "base/letters.h"

#include <utf8proc.h>

#include <vector>

#include "base/utf8.h"

namespace muster {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kCapitalDottedI = 0x130;  // Its lower case is two code points.
constexpr char32_t kSharpS = 0xDF;  // Its capital is rare, and not what the standard maps it to.
constexpr char32_t kDotAbove = 0x307;

utf8proc_int32_t signed_point(char32_t code_point) {
  return static_cast<utf8proc_int32_t>(code_point);
}

bool is_cased(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(signed_point(code_point));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

// What stands between letters of one word without ending it.
bool is_case_ignorable(char32_t code_point) {
  switch (code_point) {
    case U'\'': case U'.': case U':': case U'^': case U'`': case 0xB7: case 0x2019: return true;
    default: break;
  }
  switch (utf8proc_category(signed_point(code_point))) {
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_ME: case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_SK: return true;
    default: return false;
  }
}

std::vector<char32_t> points_of(std::string_view text) {
  std::vector<char32_t> points;
  for (std::size_t at = 0; at < text.size(); at += utf8_size_at(text, at)) {
    points.push_back(code_point_at(text, at));
  }
  return points;
}

bool ends_word(const std::vector<char32_t>& points, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(points[before - 1])) --before;
  if (before == 0 || !is_cased(points[before - 1])) return false;
  std::size_t after = at + 1;
  while (after < points.size() && is_case_ignorable(points[after])) ++after;
  return after == points.size() || !is_cased(points[after]);
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  const std::vector<char32_t> points = points_of(text);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i] == kCapitalSigma && ends_word(points, i)) {
      append_utf8(lower, kFinalSigma);
    } else if (points[i] == kCapitalDottedI) {
      append_utf8(lower, U'i');
      append_utf8(lower, kDotAbove);
    } else {
      append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(signed_point(points[i]))));
    }
  }
  return lower;
}

std::string to_upper(std::string_view text) {
  std::string upper;
  for (const char32_t point : points_of(text)) {
    if (point == kSharpS) {
      append_utf8(upper, point);
      continue;
    }
    append_utf8(upper, static_cast<char32_t>(utf8proc_toupper(signed_point(point))));
  }
  return upper;
}

bool is_white_space(char32_t code_point) {
  return (code_point >= 0x9 && code_point <= 0xD) || code_point == 0x20 || code_point == 0x85 ||
         code_point == 0xA0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 ||
         code_point == 0x2029 || code_point == 0x202F || code_point == 0x205F ||
         code_point == 0x3000;
}

bool is_letter_or_mark(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(signed_point(code_point));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
}

bool is_punctuation(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(signed_point(code_point));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_SO;
}

std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = text.size();
  for (std::size_t at = 0; at < text.size(); at += utf8_size_at(text, at)) {
    if (is_white_space(code_point_at(text, at))) continue;
    if (begin == text.size()) begin = at;
    end = at + utf8_size_at(text, at);
  }
  return begin == text.size() ? std::string_view() : text.substr(begin, end - begin);
}

}  // namespace muster
