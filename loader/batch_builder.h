// Builds an index::Batch row by row; a row that turns out bad is taken back without a trace.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "index/batch.h"

namespace muster::loader {

inline constexpr std::uint32_t kNoColumn = std::numeric_limits<std::uint32_t>::max();

// Whether the text is in normal form C for sure: all its characters are below U+0300, where nothing
// composes. In UTF-8 these are the bytes below 0xCC.
// Source: Unicode Standard Annex 15, section 9.
bool is_surely_nfc(std::string_view text);

class BatchBuilder {
 public:
  // How far a row has come: everything put later can be taken back to here.
  struct Mark {
    std::size_t cells = 0, text = 0, elements = 0, columns = 0;
  };

  // `bytes` of input are coming: room for their texts.
  explicit BatchBuilder(std::size_t bytes);

  Mark mark() const;
  void rollback(const Mark& mark);

  // Takes the cells of the row being built back.
  void restart_row() { rollback(row_start_); }

  // The column of that name, made when it is new; kNoColumn when the batch has kFieldsMax already.
  std::uint32_t column(std::string_view name);
  std::size_t columns() const { return batch_.columns.size(); }

  // Whether the row being built has a cell there already.
  bool has_cell(std::uint32_t column) const {
    const auto& cells = batch_.columns[column].cells;
    return !cells.empty() && cells.back().row == batch_.rows;
  }
  // How many cells of this row were put before the one of `column`.  Requires has_cell(column).
  std::size_t place_of(std::uint32_t column) const;

  // Requires !has_cell(column).
  void put(std::uint32_t column, index::Cell cell) {
    cell.row = batch_.rows;
    batch_.columns[column].cells.push_back(cell);
    touched_.push_back(column);
  }

  // A Text cell in normal form C; nothing when it is longer than kTextBytesMax.
  // Requires valid UTF-8.
  std::optional<index::Cell> text_cell(std::string_view text);
  // Puts bytes behind the batch's text, for cells that lie in them; returns where they begin.
  std::uint64_t append_text(std::string_view bytes) {
    const std::uint64_t at = batch_.text.size();
    batch_.text.append(bytes);
    return at;
  }
  // A Json cell with exactly these bytes.
  index::Cell json_cell(std::string_view json);

  void add_element(const index::Cell& cell) { batch_.elements.push_back(cell); }
  std::size_t elements() const { return batch_.elements.size(); }

  void end_row(std::uint64_t line);
  // Takes the whole row back and reports its line.
  void reject_row(std::uint64_t line, std::string reason);

  // Columns made before the first row stay when that row is taken back.
  void keep_columns() { row_start_ = mark(); }

  // The batch, without columns that hold nothing. Call once, at the end.
  index::Batch take();

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };

  void reserve_cells();

  index::Batch batch_;
  std::size_t bytes_expected_;
  std::vector<std::uint32_t> touched_;  // Columns of this row's cells, in order.
  Mark row_start_;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> by_name_;
};

}  // namespace muster::loader
