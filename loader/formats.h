// The file formats the decoder knows, one function each.
//
// Thread safety: any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/row_decoder.h"
#include "index/batch.h"

namespace muster::loader {

using RowPlaces = std::vector<engine::RowPlace>;

inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// One JSON object a line.
index::Batch decode_ndjson(std::string_view bytes);
RowPlaces places_in_ndjson(std::string_view bytes);

// One array of JSON objects.
// Errors: InvalidArgument when the array cannot be walked: not closed, no comma, more behind it.
Result<index::Batch> decode_json_array(std::string_view bytes);
Result<RowPlaces> places_in_json_array(std::string_view bytes);

// CSV; `header` is the header line when `bytes` do not begin with it, else "". Where the rows stand
// is added to `places`, unless that is null.
// Errors: InvalidArgument when the header line is missing or names a column twice.
Result<index::Batch> decode_csv(std::string_view bytes, std::string_view header,
                                RowPlaces* places = nullptr);

// Where the CSV row that begins at `from` ends: the place behind its line break, or the end of the
// bytes. A quote that nothing closes within kLineBytesMax ends with its line.
// Cost: O(row), or O(kLineBytesMax) for a quote that is not closed.
std::size_t csv_row_end(std::string_view bytes, std::size_t from);

}  // namespace muster::loader
