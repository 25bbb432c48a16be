#include "loader/batch_builder.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace muster::loader {
namespace {

constexpr std::uint32_t kRowsWatched = 64;  // Enough to guess how the others are.

}  // namespace

bool is_surely_nfc(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0xcc; });
}

BatchBuilder::BatchBuilder(std::size_t bytes) : bytes_expected_(bytes) {
  batch_.text.reserve(bytes);
}

BatchBuilder::Mark BatchBuilder::mark() const {
  return {touched_.size(), batch_.text.size(), batch_.elements.size(), batch_.columns.size()};
}

void BatchBuilder::rollback(const Mark& mark) {
  while (touched_.size() > mark.cells) {
    batch_.columns[touched_.back()].cells.pop_back();
    touched_.pop_back();
  }
  batch_.text.resize(mark.text);
  batch_.elements.resize(mark.elements);
  while (batch_.columns.size() > mark.columns) {
    by_name_.erase(batch_.columns.back().name);
    batch_.columns.pop_back();
  }
}

std::uint32_t BatchBuilder::column(std::string_view name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
  if (batch_.columns.size() >= kFieldsMax) return kNoColumn;
  const auto made = static_cast<std::uint32_t>(batch_.columns.size());
  batch_.columns.push_back({.name = std::string(name), .cells = {}});
  by_name_.emplace(name, made);
  return made;
}

std::size_t BatchBuilder::place_of(std::uint32_t column) const {
  return static_cast<std::size_t>(std::find(touched_.begin(), touched_.end(), column) -
                                  touched_.begin());
}

std::optional<index::Cell> BatchBuilder::text_cell(std::string_view text) {
  if (text.size() > kTextBytesMax) return std::nullopt;
  index::Cell cell;
  cell.kind = index::CellKind::Text;
  cell.offset = batch_.text.size();
  if (is_surely_nfc(text)) {
    batch_.text.append(text);
  } else {
    batch_.text.append(to_nfc(text));
  }
  cell.length = static_cast<std::uint32_t>(batch_.text.size() - cell.offset);
  return cell;
}

index::Cell BatchBuilder::json_cell(std::string_view json) {
  index::Cell cell;
  cell.kind = index::CellKind::Json;
  cell.offset = batch_.text.size();
  cell.length = static_cast<std::uint32_t>(json.size());
  batch_.text.append(json);
  return cell;
}

void BatchBuilder::end_row(std::uint64_t line) {
  batch_.line_of_row.push_back(line);
  ++batch_.rows;
  touched_.clear();
  if (batch_.rows == kRowsWatched) reserve_cells();
  row_start_ = mark();
}

// Room for the cells that are coming, if the rows go on as they began.
void BatchBuilder::reserve_cells() {
  const std::size_t bytes_a_row = batch_.text.size() / kRowsWatched + 1;
  const std::size_t rows = bytes_expected_ / bytes_a_row;
  for (index::Column& column : batch_.columns) {
    const std::size_t cells = column.cells.size() * rows / kRowsWatched;
    column.cells.reserve(std::min(cells + cells / 16, rows + 1));
  }
}

void BatchBuilder::reject_row(std::uint64_t line, std::string reason) {
  rollback(row_start_);
  batch_.rejected.push_back({.line = line, .reason = std::move(reason)});
}

index::Batch BatchBuilder::take() {
  std::erase_if(batch_.columns, [](const index::Column& column) { return column.cells.empty(); });
  return std::move(batch_);
}

}  // namespace muster::loader
