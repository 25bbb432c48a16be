#include "engine/erased_lines.h"

#include <algorithm>
#include <iterator>

#include "engine/table_ref.h"
#include "index/writer.h"

namespace muster::engine {
namespace {

using storage::DataBatch;

RawRows rows_of(const DataBatch& batch) { return {batch.format, batch.csv_header, batch.raw}; }

// By row, whether it was not taken.
std::vector<bool> refused_rows(const DataBatch& batch, const index::Batch& rows) {
  std::vector<bool> refused(rows.rows);
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    const auto at = std::lower_bound(
        batch.rejected.begin(), batch.rejected.end(), rows.line_of_row[row],
        [](const storage::RejectedRow& one, std::uint64_t line) { return one.line < line; });
    refused[row] = at != batch.rejected.end() && at->line == rows.line_of_row[row];
  }
  return refused;
}

}  // namespace

bool ErasedLines::is_erased(const std::string& identifier, const std::string& value) const {
  if (value.empty()) return false;
  if (identifier == "profile_id") return ids_.contains(value);
  const auto known = identifiers_.find({identifier, value});
  if (known != identifiers_.end()) return known->second;
  return ids_.contains(index::anonymous_id(identifier, value));
}

void ErasedLines::learn(const DataBatch& batch) {
  const index::TableRef table = table_ref(batch.table, batch.name);
  if (table.kind != index::TableKind::Profiles) return;
  const auto decoded = decoder_.decode(rows_of(batch));
  if (!decoded) return;
  const index::RowPeople people = index::people_of(*decoded, table, schema_);
  for (const auto& [row, claimed] : people.claims) {
    if (!ids_.contains(people.values[row])) continue;
    identifiers_[{claimed.identifier, claimed.value}] = true;
  }
}

// Whoever claims an identifier has it from then on.
void ErasedLines::follow_claims(const index::RowPeople& people, const std::vector<bool>& refused) {
  for (const auto& [row, claimed] : people.claims) {
    const auto known = identifiers_.find({claimed.identifier, claimed.value});
    if (known == identifiers_.end() || refused[row]) continue;
    known->second = ids_.contains(people.values[row]);
  }
}

bool ErasedLines::names_anybody(std::string_view line) const {
  const auto stands_in = [&](const std::string& text) {
    return line.find(text) != std::string_view::npos;
  };
  return std::any_of(ids_.begin(), ids_.end(), stands_in) ||
         std::any_of(identifiers_.begin(), identifiers_.end(),
                     [&](const auto& known) { return stands_in(known.first.second); });
}

std::vector<std::uint64_t> ErasedLines::find(const DataBatch& batch) {
  const index::TableRef table = table_ref(batch.table, batch.name);
  const auto decoded = decoder_.decode(rows_of(batch));
  if (!decoded) return {};  // Then none of it was taken, and it would not be here.
  const index::RowPeople people = index::people_of(*decoded, table, schema_);
  const std::vector<bool> refused = refused_rows(batch, *decoded);
  follow_claims(people, refused);
  std::vector<std::uint64_t> lines;
  for (std::uint32_t row = 0; row < decoded->rows; ++row) {
    if (!is_erased(people.identifier, people.values[row])) continue;
    lines.push_back(decoded->line_of_row[row]);
  }
  // A claim that was refused names somebody else's identifier.
  for (const auto& [row, claimed] : people.claims) {
    const bool is_theirs = is_erased(claimed.identifier, claimed.value);
    if (refused[row] && is_theirs) lines.push_back(decoded->line_of_row[row]);
  }
  if (!decoded->rejected.empty()) {
    const auto places = decoder_.places(rows_of(batch));
    std::map<std::uint64_t, std::string_view> texts;
    for (const RowPlace& place : places ? *places : std::vector<RowPlace>{}) {
      texts.emplace(place.line, std::string_view(batch.raw).substr(place.offset, place.size));
    }
    for (const index::RejectedLine& unreadable : decoded->rejected) {
      if (names_anybody(texts[unreadable.line])) lines.push_back(unreadable.line);
    }
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::vector<std::uint64_t> left;
  std::set_difference(lines.begin(), lines.end(), batch.blanked.begin(), batch.blanked.end(),
                      std::back_inserter(left));
  return left;
}

}  // namespace muster::engine
