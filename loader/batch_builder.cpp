#include "loader/batch_builder.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace muster::loader {
namespace {

// Whether the text is in normal form C for sure: all its characters are below U+0300, where nothing
// composes. In UTF-8 these are the bytes below 0xCC.
// Source: Unicode Standard Annex 15, section 9.
bool is_surely_nfc(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0xcc; });
}

}  // namespace

BatchBuilder::BatchBuilder(std::size_t bytes) {
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
  row_start_ = mark();
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
