#include "loader/json_text.h"

#include <cstdint>

#include "base/limits.h"
#include "loader/json_number.h"

namespace muster::loader {
namespace {

constexpr std::string_view kBroken = kNoJson;
constexpr std::string_view kTooDeep = "is nested deeper than 64 levels";
constexpr std::string_view kBadEscape = "has an escape that is none of JSON's or half a character";

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | (code >> 6));
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3f));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

std::optional<std::uint32_t> four_hex(std::string_view raw, std::size_t at) {
  if (raw.size() < at + 4) return std::nullopt;
  std::uint32_t code = 0;
  for (const char c : raw.substr(at, 4)) {
    code <<= 4;
    if (c >= '0' && c <= '9') {
      code |= static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      code |= static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      code |= static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return code;
}

// The character behind "\u", and how many bytes of the text wrote it.
struct Escaped {
  std::uint32_t code = 0;
  std::size_t bytes = 0;
};

// `at` is the place behind "\u".
std::optional<Escaped> unicode_escape(std::string_view raw, std::size_t at) {
  const std::optional<std::uint32_t> first = four_hex(raw, at);
  if (!first) return std::nullopt;
  if (*first < 0xd800 || *first > 0xdfff) return Escaped{*first, 4};
  if (*first > 0xdbff || raw.substr(at + 4, 2) != "\\u") return std::nullopt;
  const std::optional<std::uint32_t> second = four_hex(raw, at + 6);
  if (!second || *second < 0xdc00 || *second > 0xdfff) return std::nullopt;
  return Escaped{0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00), 10};
}

// The character of a two-byte escape, or 0.
char simple_escape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '/':
      return '/';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// A recursive-descent reader that keeps nothing: one function per rule of RFC 8259.
class Checker {
 public:
  Checker(std::string_view json, std::size_t depth) : json_(json), depth_(depth) {}

  std::string_view problem() {
    value();
    space();
    if (problem_.empty() && at_ != json_.size()) problem_ = kBroken;
    return problem_;
  }

 private:
  bool fail(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
    return false;
  }
  char peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }
  void space() {
    while (at_ < json_.size() && is_json_space(json_[at_]))
      ++at_;
  }
  bool accept(char c) {
    space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  bool value() {
    space();
    switch (peek()) {
      case '{':
        return container('}', &Checker::member);
      case '[':
        return container(']', &Checker::value);
      case '"':
        return text();
      default:
        return word();
    }
  }

  bool container(char close, bool (Checker::*item)()) {
    if (++depth_ > kNestingMax) return fail(kTooDeep);
    ++at_;
    if (!accept(close)) {
      do {
        if (!(this->*item)()) return false;
      } while (accept(','));
      if (!accept(close)) return fail(kBroken);
    }
    --depth_;
    return true;
  }

  bool member() {
    space();
    if (peek() != '"') return fail(kBroken);
    if (!text()) return false;
    return accept(':') ? value() : fail(kBroken);
  }

  bool text() {
    const std::size_t start = ++at_;
    bool escapes = false;
    while (at_ < json_.size() && json_[at_] != '"') {
      if (static_cast<unsigned char>(json_[at_]) < 0x20) return fail(kBroken);
      const bool escape = json_[at_] == '\\';
      escapes |= escape;
      at_ += escape ? 2 : 1;
    }
    if (at_ >= json_.size()) return fail(kBroken);
    const std::string_view raw = json_.substr(start, at_ - start);
    ++at_;
    return !escapes || unescaped(raw) ? true : fail(kBadEscape);
  }

  bool word() {
    const std::size_t start = at_;
    while (at_ < json_.size() && !is_json_space(json_[at_]) && json_[at_] != ',' &&
           json_[at_] != ']' && json_[at_] != '}' && json_[at_] != ':') {
      ++at_;
    }
    const std::string_view found = json_.substr(start, at_ - start);
    const bool known = found == "true" || found == "false" || found == "null" || is_number(found);
    return known || fail(kBroken);
  }

  std::string_view json_;
  std::size_t depth_;
  std::size_t at_ = 0;
  std::string_view problem_;
};

}  // namespace

std::optional<std::string> unescaped(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  std::size_t at = 0;
  while (at < raw.size()) {
    const std::size_t escape = raw.find('\\', at);
    if (escape == std::string_view::npos) break;
    out.append(raw.substr(at, escape - at));
    if (escape + 1 >= raw.size()) return std::nullopt;
    at = escape + 2;
    if (raw[escape + 1] == 'u') {
      const std::optional<Escaped> character = unicode_escape(raw, at);
      if (!character) return std::nullopt;
      append_utf8(out, character->code);
      at += character->bytes;
    } else {
      const char c = simple_escape(raw[escape + 1]);
      if (c == 0) return std::nullopt;
      out.push_back(c);
    }
  }
  if (at < raw.size()) out.append(raw.substr(at));
  return out;
}

std::size_t text_end(std::string_view json, std::size_t from) {
  for (std::size_t at = from + 1; at < json.size(); ++at) {
    if (json[at] == '"') return at;
    if (json[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

std::size_t value_end(std::string_view json, std::size_t from) {
  std::size_t depth = 0;
  for (std::size_t at = from; at < json.size(); ++at) {
    switch (json[at]) {
      case '"':
        at = text_end(json, at);
        if (at == std::string_view::npos) return at;
        break;
      case '[':
      case '{':
        ++depth;
        break;
      case ']':
      case '}':
        if (depth == 0) return at;  // The array's own end, behind a scalar.
        if (--depth == 0) return at + 1;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
  }
  return std::string_view::npos;
}

std::string_view json_problem(std::string_view json, std::size_t depth) {
  return Checker(json, depth).problem();
}

}  // namespace muster::loader
