#include "loader/decoder.h"

#include "loader/formats.h"
#include "loader/json_text.h"

namespace muster::loader {

Result<index::Batch> FileDecoder::decode(const engine::RawRows& rows) const {
  switch (rows.format) {
    case storage::DataFormat::Ndjson:
      return decode_ndjson(rows.bytes);
    case storage::DataFormat::JsonArray:
      return decode_json_array(rows.bytes);
    case storage::DataFormat::Csv:
      return decode_csv(rows.bytes, rows.csv_header);
  }
  return Error{ErrorCode::InvalidArgument, "the rows are in a format this version does not know"};
}

Result<std::vector<engine::RowPlace>> FileDecoder::places(const engine::RawRows& rows) const {
  switch (rows.format) {
    case storage::DataFormat::Ndjson:
      return places_in_ndjson(rows.bytes);
    case storage::DataFormat::JsonArray:
      return places_in_json_array(rows.bytes);
    case storage::DataFormat::Csv: {
      RowPlaces places;
      TRY(decode_csv(rows.bytes, rows.csv_header, &places));
      return places;
    }
  }
  return Error{ErrorCode::InvalidArgument, "the rows are in a format this version does not know"};
}

storage::DataFormat json_format_of(std::string_view body) {
  const std::string_view json = trimmed(body);
  return !json.empty() && json.front() == '[' ? storage::DataFormat::JsonArray
                                              : storage::DataFormat::Ndjson;
}

}  // namespace muster::loader
