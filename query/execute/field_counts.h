// The people of a segment, and everyone, counted by the values or bands of one field, block by
// block.
//
//   texts, bools, lists with value bitmaps   each value of the block intersected with the segment;
//                                            everyone is known
//   other texts, points and lists            a counter per code, in one pass over the column
//   numbers, dates, times                    a range of every page per band or value
// Thread safety: add() any thread, each block once; the rest one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/table.h"
#include "query/breakdown.h"
#include "query/execute/bands.h"
#include "query/execute/selection.h"

namespace muster::query {

// What a field is counted by.
struct FieldRows {
  std::string name;
  const index::Attribute* attribute = nullptr;  // Null: nobody has it.
  bool is_by_key = false;      // By `keys`, else by code.
  bool by_bands = false;       // The bands say where bands begin and end, else a value each.
  std::vector<KeyBand> keys;
};

class FieldCounts {
 public:
  // The attribute outlives this.
  explicit FieldCounts(FieldRows rows);

  // The people of the segment who are in the block; `words`: the same as bits.
  void add(std::uint32_t block, const BlockSet& people, Block words);

  // Requires every block added.  `all`: of the segment and of everyone.
  FieldBreakdown told(BreakdownCount all, std::size_t rows_max) const;

 private:
  // Filled by several threads; what they add is only read when all are done.
  struct Counter {
    std::atomic<std::uint32_t> people = 0, everyone = 0;
  };

  void add_key_ranges(std::uint32_t block, Block words);
  void add_bitmaps(std::uint32_t block, const BlockSet& people, Block words);
  void add_few(std::uint32_t block, Block words);
  void add_codes(std::uint32_t block, Block words);
  void add_listed_codes(std::uint32_t block, Block words);
  void add_value_holders(std::uint32_t block, Block words);
  void add_list_holders(std::uint32_t block, Block words);
  BreakdownCount at(std::size_t row) const;
  Value value_of(std::size_t row) const;
  bool is_before(std::size_t a, std::size_t b) const;
  void tell_values(std::size_t rows_max, FieldBreakdown& told) const;
  void tell_bands(FieldBreakdown& told) const;

  FieldRows rows_;
  std::unique_ptr<Counter[]> counters_;  // By row or by code.
  std::size_t counters_size_ = 0;
  std::atomic<std::uint64_t> holders_ = 0, everyone_holders_ = 0;  // Who have any value.
};

}  // namespace muster::query
