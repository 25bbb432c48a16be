// A keyed table: the profiles, or one entity. Ids in order of arrival, attributes as columns.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/value.h"
#include "index/column.h"
#include "index/dictionary.h"
#include "index/schema.h"
#include "index/sets/posting.h"
#include "index/sets/value_bitmaps.h"

namespace muster::index {

// More distinct values than this have no value bitmaps: their codes are scanned instead.
inline constexpr std::uint32_t kBitmapValuesMax = 4'096;

// One attribute of all ordinals.
struct Attribute {
  FieldType type;
  NumberColumn single;      // Order keys or codes, unless type.list.
  ListColumn list;          // Codes, when type.list.
  // Of strings, geo points (16 bytes: two doubles, latitude first), json texts; of lists, also
  // of every other type: the element's order key as 8 little-endian bytes.
  Dictionary dictionary;
  ValueBitmaps bitmaps;     // By code (bool: 0 and 1), when has_bitmaps.
  bool has_bitmaps = false;

  bool is_coded() const {
    return type.list || type.type == Type::String || type.type == Type::Geo ||
           type.type == Type::Json;
  }
  std::uint64_t count() const { return type.list ? list.count() : single.count(); }
  // The value behind a code of a coded attribute, or behind an order key of another.
  Value value_of_code(std::uint32_t code) const;
  Value value_of_key(std::int64_t key) const;
  // Nothing, the one value, or the list's elements.
  std::vector<Value> values(std::uint32_t ordinal) const;
  std::size_t bytes() const;  // Without the dictionary's.
};

struct Table {
  Dictionary ids;           // Code = ordinal.
  Posting live;             // Ordinals that exist; the others are erased.
  std::map<std::string, std::shared_ptr<const Attribute>> attributes;  // By field name.
  TimeMs changed = 0;       // Received time of the newest batch.

  std::uint32_t blocks() const { return (ids.size() + kBlockSize - 1) / kBlockSize; }
  const Attribute* attribute(const std::string& name) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? nullptr : found->second.get();
  }
};

// The value of an order key of `type` (no coded one).
Value value_of_order_key(const FieldType& type, std::int64_t key);

}  // namespace muster::index
