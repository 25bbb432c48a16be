// Reads JSON objects, one row each, into a batch: nested objects become dotted names, lists of
// scalars become lists, and what no field can hold is kept word for word as Json.
//
// Kept as Json: lists of objects, of lists, of mixed kinds or with nulls; empty objects; objects
// within a row that have a key twice, or a key that cannot be a field's name. The same at the top
// of a row is an error: there the row itself would be ambiguous.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "loader/batch_builder.h"

namespace muster::loader {

// Bytes that must be readable, whatever they are, behind every row: vector loads run over its end.
inline constexpr std::size_t kRowPadding = 64;

class JsonRows {
 public:
  // Both outlive the reader's use.
  explicit JsonRows(BatchBuilder& builder);
  ~JsonRows();
  JsonRows(const JsonRows&) = delete;
  JsonRows& operator=(const JsonRows&) = delete;

  // Takes the row, or reports its line with the reason.
  // Requires kRowPadding readable bytes behind `json`, and that it is not only white space.
  void read(std::string_view json, std::uint64_t line);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::loader
