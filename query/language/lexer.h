// Cuts a segment text into tokens, one at a time, so that a bad text is refused where it is bad
// and not after all of it was read.
//
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "query/language/ast.h"

namespace muster::query {

enum class TokenKind : std::uint8_t {
  End,
  Word,    // country, and, BETWEEN
  Quoted,  // `odd name`
  String,  // "x" or 'x'
  Number,  // 12, 12.50, 1e3; without a sign
  Date,    // 2011-06-01
  Time,    // 2011-06-01T08:30Z
  Symbol,  // ( ) , . : @ % + - * / = != < <= > >= and any other sign
  Bad,     // Lexer::error() says why.
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;  // As written; the lexer's text must outlive it.
  std::string value;      // Word, Quoted and String: what it stands for, in NFC.
  Place place;
};

class Lexer {
 public:
  // Borrows the text.  Requires is_utf8(text).
  explicit Lexer(std::string_view text) : text_(text) {}

  // The next token; End again and again at the end, Bad again and again after the first.
  Token next();

  // Requires that next() returned Bad.
  const Error& error() const { return *error_; }

 private:
  bool at_end(std::size_t ahead = 0) const { return at_ + ahead >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_end(ahead) ? '\0' : text_[at_ + ahead]; }
  bool at_digit(std::size_t ahead = 0) const;
  bool at_digits(std::size_t count, std::size_t ahead) const;
  bool at_date() const;
  std::size_t letter_size() const;

  void skip_blanks();
  Token token(TokenKind kind, std::size_t begin);
  Token bad(std::size_t offset, std::string_view message, std::string_view expected);
  Token word();
  Token number();
  Token date_or_time();
  Token quoted();
  bool escape(std::string& out);
  std::optional<char32_t> hex_escape();
  Token symbol();
  Place place_of(std::size_t offset);

  std::string_view text_;
  std::size_t at_ = 0;
  // The place of byte counted_: columns count code points, so they are counted as the text is read.
  std::size_t counted_ = 0;
  Place place_{.line = 1, .column = 1};
  std::optional<Error> error_;
};

// An error about a place in a text: "line 1, column 9: " and the message.
Error error_at(Place place, std::string_view message, std::string_view expected = {});

// Whether the text can stand as a name without backticks, reserved words aside.
bool is_plain_name(std::string_view name);

}  // namespace muster::query
