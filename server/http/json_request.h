// Reads the JSON of requests strictly: one object, known keys, each once, depth limited.
//
// Thread safety: immutable once parsed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace muster::server {

// Levels of a document: the 64 of a segment, each of a few levels of JSON.
inline constexpr std::size_t kJsonDepthMax = 256;

// One element of an array.
struct JsonElement {
  bool is_text = false;
  std::string value;  // The text, or the JSON of any other value, byte for byte as it was sent.
};

class JsonObject {
 public:
  // Errors: InvalidArgument with line and column of what is no JSON; naming a key given twice.
  static Result<JsonObject> parse(std::string_view text);

  // Errors: InvalidArgument naming the first key that is not among `keys`, and the nearest.
  Status only(std::initializer_list<std::string_view> keys) const;

  bool has(std::string_view key) const;

  // Errors: InvalidArgument naming the key when it is absent or of another type. Null counts as
  // absent.
  Result<std::string> text(std::string_view key) const;
  Result<std::string> text_or(std::string_view key, std::string_view fallback) const;
  Result<std::vector<std::string>> texts(std::string_view key) const;
  // Of a list of whatever: empty when the key is absent.
  Result<std::vector<JsonElement>> elements(std::string_view key) const;
  Result<bool> flag_or(std::string_view key, bool fallback) const;
  Result<std::uint64_t> number_or(std::string_view key, std::uint64_t fallback) const;
  // A text as it is, or any other value as its JSON, byte for byte as it was sent.
  Result<std::string> text_or_json(std::string_view key) const;
  std::string_view whole() const;
  // Key and JSON of each member, byte for byte as they were sent, in order.
  const std::vector<std::pair<std::string, std::string>>& members() const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

// Errors: InvalidArgument with line and column when it is no JSON, or when a key stands twice.
Status check_json(std::string_view text);

}  // namespace muster::server
