// The seam through which raw rows become columns: file formats stay in the loader.
//
// Thread safety: any thread.
#pragma once

#include "base/result.h"
#include "index/batch.h"
#include "storage/record.h"

namespace muster::engine {

struct RawRows {
  storage::DataFormat format = storage::DataFormat::Ndjson;
  std::string_view csv_header;  // For CSV chunks after the first; else "".
  std::string_view bytes;
};

class RowDecoder {
 public:
  virtual ~RowDecoder() = default;

  // Splits into lines, reads each, reports the bad ones in Batch::rejected. The same bytes always
  // give the same batch.
  // Errors: InvalidArgument only when the bytes as a whole make no sense (a JSON array that does
  // not close, a CSV without a header line).
  virtual Result<index::Batch> decode(const RawRows& rows) const = 0;
};

}  // namespace muster::engine
