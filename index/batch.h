// Columns in: a batch of rows as a reader of files or requests hands it over, before any schema
// has been applied to it.
//
// One Column per field name, sparse: a cell says its row. Nested objects arrive flattened
// ("address.city"). Thread safety: immutable once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::index {

enum class CellKind : std::uint8_t {
  Null,     // An explicit null: deletes the value.
  False,
  True,
  Integer,  // number
  Decimal,  // number / 10^scale
  Double,   // real: written with an exponent
  Text,     // offset, length into Batch::text; valid UTF-8, NFC
  List,     // offset, length into Batch::elements: scalars only
  Json,     // offset, length into Batch::text: JSON that is no scalar and no list of scalars
};

struct Cell {
  std::uint32_t row = 0;
  CellKind kind = CellKind::Null;
  std::uint8_t scale = 0;
  std::uint32_t length = 0;
  union {
    std::int64_t number = 0;
    double real;
    std::uint64_t offset;
  };
};

struct Column {
  std::string name;
  std::vector<Cell> cells;  // Rows strictly ascending.
};

// A line that could not be read as a row. Lines count from 1.
struct RejectedLine {
  std::uint64_t line = 0;
  std::string reason;  // One sentence: what was wrong and what would fit.
};

struct Batch {
  std::uint32_t rows = 0;
  std::vector<std::uint64_t> line_of_row;  // Ascending, size rows.
  std::vector<Column> columns;             // In order of first appearance; names unique.
  std::vector<Cell> elements;              // Of lists; their `row` is unused.
  std::string text;
  std::vector<RejectedLine> rejected;      // Ascending by line.
  // The cells came from a format without types (CSV): every value is Text as it was written, to be
  // read as the field's type, and types are inferred from the texts.
  bool untyped_texts = false;

  std::string_view text_of(const Cell& cell) const {
    return std::string_view(text).substr(cell.offset, cell.length);
  }
  // Cost: O(columns).
  const Column* column(std::string_view name) const {
    for (const Column& column : columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }
};

}  // namespace muster::index
