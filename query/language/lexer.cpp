#include "query/language/lexer.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "base/text.h"
#include "base/utf8.h"
#include "query/language/words.h"

namespace muster::query {
namespace {

constexpr char32_t kNoBreakSpace = 0xa0;     // Pasted from documents.
constexpr char32_t kByteOrderMark = 0xfeff;  // Left at the start by some editors.

// Signs of more than one character; the last four are other languages' and only read to be
// named in an error.
constexpr std::array<std::string_view, 7> kLongSymbols{"<=", ">=", "!=", "<>", "==", "&&", "||"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Bytes of the letter, digit or underscore at `at`; 0 when something else is there.
std::size_t name_letter_size(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const std::size_t size = utf8_size_at(text, at);
  if (size == 0) return 0;
  return is_letter_or_digit(code_point_at(text, at)) ? size : 0;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

Error error_at(Place place, std::string_view message, std::string_view expected) {
  return {
      .code = ErrorCode::InvalidArgument,
      .message = fmt::format("line {}, column {}: {}", place.line, place.column, message),
      .details = {{.line = place.line, .column = place.column, .expected = std::string(expected)}}};
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t size = name_letter_size(name, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

Token Lexer::next() {
  if (error_) return {.kind = TokenKind::Bad};
  skip_blanks();
  place_ = place_of(at_);
  counted_ = at_;
  if (at_end()) return token(TokenKind::End, at_);
  if (at_date()) return date_or_time();
  if (at_digit()) return number();
  const char c = peek();
  if (c == '"' || c == '\'' || c == '`') return quoted();
  if (letter_size() > 0) return word();
  return symbol();
}

bool Lexer::at_digit(std::size_t ahead) const {
  return is_digit(peek(ahead));
}

bool Lexer::at_digits(std::size_t count, std::size_t ahead) const {
  for (std::size_t i = 0; i < count; ++i) {
    if (!at_digit(ahead + i)) return false;
  }
  return true;
}

bool Lexer::at_date() const {
  return at_digits(4, 0) && peek(4) == '-' && at_digits(2, 5) && peek(7) == '-' && at_digits(2, 8);
}

std::size_t Lexer::letter_size() const {
  return name_letter_size(text_, at_);
}

Place Lexer::place_of(std::size_t offset) {
  Place place = place_;
  place.column +=
      static_cast<std::uint32_t>(count_code_points(text_.substr(counted_, offset - counted_)));
  return place;
}

void Lexer::skip_blanks() {
  while (!at_end()) {
    const char c = peek();
    if (c == '\n') {
      ++at_;
      ++place_.line;
      place_.column = 1;
      counted_ = at_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '-' && peek(1) == '-') {
      while (!at_end() && peek() != '\n')
        ++at_;
    } else {
      const char32_t point = code_point_at(text_, at_);
      if (point != kNoBreakSpace && point != kByteOrderMark) return;
      at_ += utf8_size_at(text_, at_);
    }
  }
}

Token Lexer::token(TokenKind kind, std::size_t begin) {
  return {.kind = kind, .text = text_.substr(begin, at_ - begin), .value = {}, .place = place_};
}

Token Lexer::bad(std::size_t offset, std::string_view message, std::string_view expected) {
  error_ = error_at(place_of(offset), message, expected);
  return {.kind = TokenKind::Bad};
}

Token Lexer::word() {
  const std::size_t begin = at_;
  while (const std::size_t size = letter_size())
    at_ += size;
  Token result = token(TokenKind::Word, begin);
  result.value = to_nfc(result.text);
  return result;
}

Token Lexer::number() {
  const std::size_t begin = at_;
  while (at_digit())
    ++at_;
  if (peek() == '.' && at_digit(1)) {
    ++at_;
    while (at_digit())
      ++at_;
  }
  if (peek() == 'e' || peek() == 'E') {
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (at_digit(1 + sign)) {
      at_ += 1 + sign;
      while (at_digit())
        ++at_;
    }
  }
  return token(TokenKind::Number, begin);
}

Token Lexer::date_or_time() {
  const std::size_t begin = at_;
  at_ += 10;
  if ((peek() == 'T' || peek() == 't') && at_digit(1)) {
    ++at_;
    while (at_digit() || ((peek() == ':' || peek() == '.') && at_digit(1)))
      ++at_;
    const bool has_offset =
        (peek() == '+' || peek() == '-') && at_digits(2, 1) && peek(3) == ':' && at_digits(2, 4);
    if (has_offset) at_ += 6;
    if (!has_offset && (peek() == 'Z' || peek() == 'z')) ++at_;
  }
  while (const std::size_t size = letter_size())
    at_ += size;
  const std::string_view text = text_.substr(begin, at_ - begin);
  const auto literal = to_time_literal(text);
  if (!literal) {
    return bad(begin, fmt::format("'{}' is no date or time from 1678 to 2261", text),
               "a date such as 2011-06-01 or a time such as 2011-06-01T08:30:00Z");
  }
  return token(literal->is_date ? TokenKind::Date : TokenKind::Time, begin);
}

Token Lexer::quoted() {
  const std::size_t begin = at_;
  const char quote = text_[at_++];
  std::string value;
  while (true) {
    if (at_end() || peek() == '\n' || peek() == '\r') {
      return bad(begin,
                 quote == '`' ? "this name is not closed: '`' is missing"
                              : fmt::format("this text is not closed: {} is missing", quote),
                 std::string(1, quote));
    }
    const char c = peek();
    if (is_control(c) && c != 0x7f) {
      return bad(at_, "a control character stands in the text: write it as \\u00XX", "\\u00XX");
    }
    if (c == quote) break;
    if (c != '\\') {
      value += c;
      ++at_;
      continue;
    }
    const std::size_t escape_at = at_;
    if (!escape(value)) {
      return bad(escape_at, "this is no escape: use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX",
                 "an escape as in JSON");
    }
  }
  ++at_;
  if (quote == '`' && value.empty()) return bad(begin, "this name is empty", "a name");
  Token result = token(quote == '`' ? TokenKind::Quoted : TokenKind::String, begin);
  result.value = to_nfc(value);
  return result;
}

// Reads one escape, from its backslash on; returns whether it is one.
bool Lexer::escape(std::string& out) {
  constexpr std::string_view kNames = "\"'`\\/bfnrt";
  constexpr std::string_view kMeanings = "\"'`\\/\b\f\n\r\t";
  const char c = peek(1);
  if (const std::size_t index = kNames.find(c); c != '\0' && index != std::string_view::npos) {
    out += kMeanings[index];
    at_ += 2;
    return true;
  }
  const auto first = hex_escape();
  if (!first || (*first >= 0xdc00 && *first <= 0xdfff)) return false;
  char32_t point = *first;
  if (point >= 0xd800 && point <= 0xdbff) {
    const auto second = hex_escape();
    if (!second || *second < 0xdc00 || *second > 0xdfff) return false;
    point = 0x10000 + ((point - 0xd800) << 10) + (*second - 0xdc00);
  }
  append_utf8(out, point);
  return true;
}

// Reads \uXXXX; nothing when something else is there.
std::optional<char32_t> Lexer::hex_escape() {
  if (peek() != '\\' || peek(1) != 'u') return std::nullopt;
  char32_t unit = 0;
  for (std::size_t i = 2; i < 6; ++i) {
    const char c = peek(i);
    char32_t digit = 0;
    if (is_digit(c)) {
      digit = static_cast<char32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<char32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<char32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    unit = unit * 16 + digit;
  }
  at_ += 6;
  return unit;
}

Token Lexer::symbol() {
  const std::size_t begin = at_;
  for (const std::string_view symbol : kLongSymbols) {
    if (text_.substr(at_).starts_with(symbol)) {
      at_ += symbol.size();
      return token(TokenKind::Symbol, begin);
    }
  }
  at_ += utf8_size_at(text_, at_);
  return token(TokenKind::Symbol, begin);
}

}  // namespace muster::query
