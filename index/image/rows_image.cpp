#include "index/image/rows_image.h"

#include <algorithm>
#include <vector>

#include "index/coded.h"
#include "index/image/field_type_image.h"

namespace muster::index {
namespace {

constexpr std::uint32_t kLeftOut = 0xffff'ffff;

// The rows that are written, and their numbers among those.
struct Chosen {
  std::vector<std::uint32_t> rows;     // Ascending.
  std::vector<std::uint32_t> numbers;  // By row; empty for one row alone.

  std::uint32_t number_of(std::uint32_t row) const { return numbers.empty() ? 0 : numbers[row]; }
};

Chosen choose(const TypedRows& rows, std::optional<std::uint32_t> only) {
  if (only) return {{*only}, {}};
  Chosen chosen{{}, std::vector<std::uint32_t>(rows.rows, kLeftOut)};
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row]) continue;
    chosen.numbers[row] = static_cast<std::uint32_t>(chosen.rows.size());
    chosen.rows.push_back(row);
  }
  return chosen;
}

// The cells of those rows; of one row, found without a look at the others.
std::vector<const TypedCell*> cells_of(const TypedColumn& column, const Chosen& chosen) {
  std::vector<const TypedCell*> cells;
  if (chosen.rows.empty()) return cells;
  auto cell = column.cells.begin(), end = column.cells.end();
  if (chosen.numbers.empty()) {
    const auto [first, last] = std::equal_range(
        cell, end, TypedCell{.row = chosen.rows.front()},
        [](const TypedCell& a, const TypedCell& b) { return a.row < b.row; });
    cell = first;
    end = last;
  }
  for (; cell != end; ++cell) {
    if (chosen.number_of(cell->row) != kLeftOut) cells.push_back(&*cell);
  }
  return cells;
}

// name, event, type, then cells: varint, of each its row: varint, whether a value: u8, and the
// value: key: i64, or bytes: text, or elements: varint with a text each.
void write_column(ByteWriter& out, const TypedColumn& column, const Chosen& chosen) {
  const std::vector<const TypedCell*> cells = cells_of(column, chosen);
  out.text(column.name);
  out.text(column.event);
  write_type(out, column.type);
  out.varint(cells.size());
  for (const TypedCell* cell : cells) {
    out.varint(chosen.number_of(cell->row));
    out.u8(cell->present ? 1 : 0);
    if (!cell->present) continue;
    if (column.type.list) {
      out.varint(cell->size);
      for (std::uint32_t i = 0; i < cell->size; ++i) out.text(column.elements[cell->first + i]);
    } else if (is_coded(column.type.type)) {
      out.text(cell->bytes);
    } else {
      out.i64(cell->key);
    }
  }
}

// Reads texts into an arena that lives as long as the rows.
class RowsReader {
 public:
  RowsReader(ByteReader& in, TypedRows& rows) : in_(in), rows_(rows) {}

  std::string_view text() {
    return rows_.arena->emplace_back(in_.text());
  }
  TypedColumn column() {
    TypedColumn column;
    column.name = in_.text();
    column.event = in_.text();
    column.type = read_type(in_);
    std::uint32_t next = 0;
    for (std::uint64_t left = in_.varint(); left > 0 && !in_.failed(); --left) {
      TypedCell cell;
      const std::uint64_t row = in_.varint();
      if (row < next || row >= rows_.rows) in_.fail();
      cell.row = static_cast<std::uint32_t>(row);
      next = cell.row + 1;
      cell.present = in_.u8() != 0;
      if (cell.present) value(column, cell);
      column.cells.push_back(cell);
    }
    return column;
  }

 private:
  void value(TypedColumn& column, TypedCell& cell) {
    if (column.type.list) {
      cell.first = static_cast<std::uint32_t>(column.elements.size());
      std::uint64_t left = in_.varint();
      for (; left > 0 && !in_.failed(); --left) column.elements.push_back(text());
      cell.size = static_cast<std::uint32_t>(column.elements.size()) - cell.first;
    } else if (is_coded(column.type.type)) {
      cell.bytes = text();
    } else {
      cell.key = in_.i64();
    }
  }

  ByteReader& in_;
  TypedRows& rows_;
};

}  // namespace

void write_rows(ByteWriter& out, const TypedRows& rows, std::optional<std::uint32_t> only) {
  const Chosen chosen = choose(rows, only);
  const bool events = rows.table.kind == TableKind::Events;
  out.u8(static_cast<std::uint8_t>(rows.table.kind));
  out.text(rows.table.name);
  out.text(rows.identifier);
  out.varint(rows.names.size());
  for (const std::string& name : rows.names) out.text(name);
  out.varint(chosen.rows.size());
  for (const std::uint32_t row : chosen.rows) {
    out.text(rows.identity[row]);
    if (!events) continue;
    out.varint(rows.event_name[row]);
    out.i64(rows.event_time[row]);
  }
  out.varint(rows.columns.size());
  for (const TypedColumn& column : rows.columns) write_column(out, column, chosen);
}

std::shared_ptr<const TypedRows> read_rows(ByteReader& in) {
  auto rows = std::make_shared<TypedRows>();
  rows->arena = std::make_shared<std::deque<std::string>>();
  RowsReader reader(in, *rows);
  const std::uint8_t kind = in.u8();
  if (kind > static_cast<std::uint8_t>(TableKind::Entities)) in.fail();
  rows->table.kind = static_cast<TableKind>(kind);
  rows->table.name = in.text();
  rows->identifier = in.text();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    rows->names.emplace_back(in.text());
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    rows->identity.push_back(reader.text());
    if (rows->table.kind != TableKind::Events) continue;
    const std::uint64_t name = in.varint();
    if (name >= rows->names.size()) in.fail();
    rows->event_name.push_back(static_cast<std::uint32_t>(name));
    rows->event_time.push_back(in.i64());
  }
  rows->rows = static_cast<std::uint32_t>(rows->identity.size());
  rows->taken.assign(rows->rows, true);
  rows->lines.assign(rows->rows, 0);
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    rows->columns.push_back(reader.column());
  }
  return rows;
}

}  // namespace muster::index
