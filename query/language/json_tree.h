// A JSON document with its numbers as text, so that 12.50 stays a decimal and 1e3 a double.
//
// Thread safety: immutable once read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace muster::query {

enum class JsonKind : std::uint8_t { Null, True, False, Number, String, Array, Object };

struct Json {
  JsonKind kind = JsonKind::Null;
  std::string key;          // Inside an object: its name there.
  std::string text;         // Number: as written. String: its characters.
  std::vector<Json> items;  // Array and Object, in the order written.

  // The member of that name, or null. Where a name comes twice, the last one counts.
  const Json* find(std::string_view name) const;
};

// Bytes of one document: any tree whose text fits kSegmentTextBytesMax fits in here.
inline constexpr std::size_t kJsonBytesMax = 5 * kSegmentTextBytesMax;
// Values of one document: what the literals of the longest text come to.
inline constexpr std::size_t kJsonValuesMax = 600'000;
// Nested arrays and objects: at most five for each level of a segment, with four nodes each.
inline constexpr std::size_t kJsonDepthMax = 2'048;

// Errors: InvalidArgument for what is not JSON; LimitExceeded.
Result<Json> read_json(std::string_view text);

}  // namespace muster::query
