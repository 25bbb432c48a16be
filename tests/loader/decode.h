// Decoding in tests: bytes in, and a batch printed so that a person can compare it.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/json_writer.h"
#include "base/value.h"
#include "loader/decoder.h"

namespace muster::testing {

inline Result<index::Batch> decode(storage::DataFormat format, std::string_view bytes,
                                   std::string_view csv_header = {}) {
  return loader::FileDecoder().decode({.format = format, .csv_header = csv_header, .bytes = bytes});
}

inline index::Batch ndjson(std::string_view bytes) {
  auto batch = decode(storage::DataFormat::Ndjson, bytes);
  EXPECT_TRUE(batch);
  return batch ? std::move(*batch) : index::Batch{};
}

inline std::string show(const index::Batch& batch, const index::Cell& cell) {
  using index::CellKind;
  switch (cell.kind) {
    case CellKind::Null:
      return "null";
    case CellKind::False:
      return "false";
    case CellKind::True:
      return "true";
    case CellKind::Integer:
      return std::to_string(cell.number);
    case CellKind::Decimal:
      return to_string(Decimal{cell.number, cell.scale}) + "d";
    case CellKind::Double:
      return JsonWriter().number(cell.real).take() + "f";
    case CellKind::Text:
      return "'" + std::string(batch.text_of(cell)) + "'";
    case CellKind::Json:
      return "json " + std::string(batch.text_of(cell));
    case CellKind::List:
      break;
  }
  std::string out = "[";
  for (std::uint32_t i = 0; i < cell.length; ++i) {
    out += (i == 0 ? "" : ", ") + show(batch, batch.elements[cell.offset + i]);
  }
  return out + "]";
}

// "1: a=1 b='x'" a line: every row by its line number, fields in column order, then "2: !reason".
inline std::string show(const index::Batch& batch) {
  std::string out;
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    out += std::to_string(batch.line_of_row[row]) + ":";
    for (const index::Column& column : batch.columns) {
      for (const index::Cell& cell : column.cells) {
        if (cell.row == row) out += " " + column.name + "=" + show(batch, cell);
      }
    }
    out += "\n";
  }
  for (const index::RejectedLine& line : batch.rejected) {
    out += std::to_string(line.line) + ": !" + line.reason + "\n";
  }
  return out;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

}  // namespace muster::testing
