// The seam through which raw rows become columns: file formats stay in the loader.
// Rows may be taken out of their bytes again, and the others keep their lines.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "index/batch.h"
#include "storage/record.h"

namespace muster::engine {

struct RawRows {
  storage::DataFormat format = storage::DataFormat::Ndjson;
  std::string_view csv_header;  // For CSV chunks after the first; else "".
  std::string_view bytes;
};

// Where a row stands in its bytes, with the line breaks inside it.
struct RowPlace {
  std::uint64_t line = 0;
  std::size_t offset = 0, size = 0;
  // It was refused for a quote that nothing closes: without the rows behind it, it might join
  // others. So it goes with the first that goes.
  bool is_open = false;
};

class RowDecoder {
 public:
  virtual ~RowDecoder() = default;

  // Splits into lines, reads each, reports the bad ones in Batch::rejected. The same bytes always
  // give the same batch.
  // Errors: InvalidArgument only when the bytes as a whole make no sense (a JSON array that does
  // not close, a CSV without a header line).
  virtual Result<index::Batch> decode(const RawRows& rows) const = 0;

  // Where every row stands, those that decode() rejects too, ascending by line.
  // Errors: those of decode().
  // Cost: one pass over the bytes; nothing is read of JSON but its borders.
  virtual Result<std::vector<RowPlace>> places(const RawRows& rows) const = 0;
};

// The bytes without the rows of these lines, ascending, and without open ones: blank lines, or an
// empty object in an array, stand in their place.  Requires the places of these rows.
std::string without_lines(const RawRows& rows, std::span<const RowPlace> places,
                          std::span<const std::uint64_t> lines);

}  // namespace muster::engine
