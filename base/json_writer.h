// Writes JSON into a buffer, value by value; commas and escapes are its business.
//
// JsonWriter json; json.begin_object(); json.key("count"); json.number(12); json.end_object();
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"

namespace muster {

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);  // Invalid UTF-8 becomes U+FFFD.
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(int value) { return number(static_cast<std::int64_t>(value)); }
  JsonWriter& number(unsigned value) { return number(static_cast<std::uint64_t>(value)); }
  JsonWriter& number(double value);  // Shortest form that reads back the same.
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Times as RFC 3339, dates as YYYY-MM-DD, points as {"lat", "lon"}, decimals with their scale.
  JsonWriter& value(const Value& value);
  // Text that is JSON already.
  JsonWriter& raw(std::string_view json);

  const std::string& str() const { return out_; }
  std::string take() { return std::move(out_); }
  void clear() {
    out_.clear();
    comma_ = false;
  }

 private:
  void separate();
  std::string out_;
  bool comma_ = false;  // Whether the next value or key needs a comma before it.
};

}  // namespace muster
