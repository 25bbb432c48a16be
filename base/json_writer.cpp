#include "base/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include "base/check.h"
#include "base/time.h"
#include "base/utf8.h"

namespace muster {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD.

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

constexpr std::uint64_t each_byte(std::uint64_t byte) { return byte * 0x0101010101010101ULL; }

// Whether eight bytes are plain. The tests for a zero byte are exact in the lowest one that is, so
// the answer is: Henry S. Warren, "Hacker's Delight", 2nd edition, section 6-1.
bool are_plain(std::uint64_t bytes) {
  const auto has_zero = [](std::uint64_t v) { return (v - each_byte(1)) & ~v & each_byte(0x80); };
  const std::uint64_t control = (bytes - each_byte(0x20)) & ~bytes & each_byte(0x80);
  return ((bytes & each_byte(0x80)) | control | has_zero(bytes ^ each_byte('"')) |
          has_zero(bytes ^ each_byte('\\')) | has_zero(bytes ^ each_byte(0x7f))) == 0;
}

// How many bytes from there on are plain.
std::size_t plain_from(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    if (!are_plain(bytes)) break;
  }
  while (at < text.size() && is_plain(text[at])) ++at;
  return at - begin;
}

template <typename Integer>
void append_number(std::string& out, Integer value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// Appends the escape of a control character, quote or backslash.
void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
      return;
  }
}

}  // namespace

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_ += '{';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  out_ += '[';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  out_ += '"';
  std::size_t at = 0;
  while (at < value.size()) {
    const std::size_t plain = plain_from(value, at);
    out_.append(value.data() + at, plain);
    at += plain;
    if (at == value.size()) break;
    const auto byte = static_cast<unsigned char>(value[at]);
    if (byte == 0x7f) {
      out_ += value[at++];
    } else if (byte < 0x80) {
      append_escape(out_, value[at++]);
    } else if (const std::size_t size = utf8_size_at(value, at); size > 0) {
      out_.append(value.substr(at, size));
      at += size;
    } else {
      out_ += kReplacement;
      ++at;
    }
  }
  out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(std::uint64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  CHECK(std::isfinite(value));
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::value(const Value& value) {
  struct Visitor {
    JsonWriter& json;
    void operator()(Missing) const { json.null(); }
    void operator()(bool truth) const { json.boolean(truth); }
    void operator()(Decimal number) const {
      if (number.scale == 0) {
        json.number(number.mantissa);
      } else {
        json.raw(to_string(number));
      }
    }
    void operator()(double number) const { json.number(number); }
    void operator()(const std::string& text) const { json.text(text); }
    void operator()(Instant time) const { json.text(to_rfc3339(time.ms)); }
    void operator()(Date day) const { json.text(to_string(day)); }
    void operator()(GeoPoint point) const {
      json.begin_object();
      json.key("lat").number(point.latitude);
      json.key("lon").number(point.longitude);
      json.end_object();
    }
  };
  std::visit(Visitor{*this}, value);
  return *this;
}

}  // namespace muster
