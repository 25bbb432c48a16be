#include "base/json_writer.h"

#include <fmt/format.h>

#include <cmath>
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
    std::size_t plain = at;
    while (plain < value.size() && is_plain(value[plain]))
      ++plain;
    out_.append(value.substr(at, plain - at));
    at = plain;
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
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::number(std::uint64_t value) {
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
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
    void operator()(Decimal number) const { json.raw(to_string(number)); }
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
