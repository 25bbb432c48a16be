// Bytes of NDJSON, JSON arrays and CSV into batches; the engine's RowDecoder.
//
// NDJSON: one object a line; blank lines do not count as rows but as lines. A JSON array: the
// element's index, from 1, stands for its line. A byte order mark in front is refused in both, as
// RFC 8259 allows; files lose theirs in the chunker. CSV: RFC 4180 with commas and a header line;
// a byte order mark is skipped, an empty cell is no cell, and every value stays a text
// (Batch::untyped_texts).
//
// A line is refused, with its reason, when it is longer than kLineBytesMax, is no valid UTF-8, has
// a field twice, a number that would be altered, half a surrogate pair, or breaks a limit of
// base/limits.h; the other lines are taken.
// Thread safety: any thread.
#pragma once

#include <string_view>

#include "engine/row_decoder.h"

namespace muster::loader {

class FileDecoder final : public engine::RowDecoder {
 public:
  Result<index::Batch> decode(const engine::RawRows& rows) const override;
  Result<std::vector<engine::RowPlace>> places(const engine::RawRows& rows) const override;
};

// Whether a body of JSON is an array of rows or NDJSON, by its first character.
storage::DataFormat json_format_of(std::string_view body);

}  // namespace muster::loader
