// Builds an attribute whole, block after block: how many rows at once become queryable.
//
// A block's values are sorted by a counting sort on their codes and cut into containers, so nothing
// is looked up and nothing is copied twice.
// Thread safety: one thread at a time; the Attribute it makes is immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/table.h"

namespace muster::index {

class BulkAttribute {
 public:
  // The dictionary of a coded type (Attribute::dictionary); an empty one for the others.
  BulkAttribute(FieldType type, Dictionary dictionary);

  // The next 65,536 ordinals; the last call may have fewer. keys[i], an order key or a code below
  // dictionary.size(), counts where bit i of `present` is set; no `present` at all: everywhere.
  // Requires a type of single values.  Cost: O(keys + values).
  void add_block(std::span<const std::int64_t> keys, std::span<const std::uint64_t> present);

  // The same for lists: the codes of slot i are [ends[i - 1], ends[i]), strictly increasing.
  void add_block(std::span<const std::uint32_t> ends, std::span<const std::uint32_t> codes,
                 std::span<const std::uint64_t> present);

  std::shared_ptr<const Attribute> finish();

 private:
  std::uint32_t codes_end() const;

  Attribute attribute_;
  // Of the block being added; kept for their memory.
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint16_t> members_;
};

// The set of ordinals [0, ordinals): everybody of a table built whole.
Posting everybody(std::uint32_t ordinals);

}  // namespace muster::index
