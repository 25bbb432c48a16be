#include "engine/erased_lines.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "engine/table_ref.h"
#include "index/writer.h"

namespace muster::engine {
namespace {

using storage::DataBatch;

// What words of a line that cannot be read stand between.
constexpr std::string_view kBetweenWords = " \t\",;:{}[]";

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

// A batch as it is looked at.
struct ErasedLines::Rows {
  index::Batch batch;
  index::RowPeople people;
  std::vector<bool> refused;

  // Nothing for a batch of which nothing can be read: none of it was taken.
  static std::optional<Rows> of(const DataBatch& batch, const RowDecoder& decoder,
                                const index::Schema& schema) {
    auto decoded = decoder.decode(rows_of(batch));
    if (!decoded) return std::nullopt;
    auto people = index::people_of(*decoded, table_ref(batch.table, batch.name), schema);
    auto refused = refused_rows(batch, *decoded);
    return Rows{std::move(*decoded), std::move(people), std::move(refused)};
  }
};

bool ErasedLines::is_erased(const std::string& id) const {
  return ids_.contains(id) || (asks_for_ids_ && !id.empty() && is_suppressed_("profile_id", id));
}

bool ErasedLines::is_theirs(const std::string& identifier, const std::string& value) const {
  if (value.empty()) return false;
  if (identifier == "profile_id") return is_erased(value);
  const auto known = identifiers_.find({identifier, value});
  if (known != identifiers_.end()) return known->second;
  if (is_erased(index::anonymous_id(identifier, value))) return true;
  return is_suppressed_ && is_suppressed_(identifier, value);
}

void ErasedLines::learn_claims(const DataBatch& batch) {
  if (batch.table != storage::TableKind::Profiles) return;
  const auto rows = Rows::of(batch, decoder_, schema_);
  if (!rows) return;
  for (const auto& [row, claimed] : rows->people.claims) {
    if (rows->refused[row] || claimed.value.empty()) continue;
    if (!is_erased(rows->people.values[row])) continue;
    identifiers_[{claimed.identifier, claimed.value}] = true;
  }
}

void ErasedLines::learn_first_claims(const DataBatch& batch) {
  if (batch.table != storage::TableKind::Profiles || identifiers_.empty()) return;
  const auto rows = Rows::of(batch, decoder_, schema_);
  if (!rows) return;
  for (const auto& [row, claimed] : rows->people.claims) {
    const auto known = identifiers_.find({claimed.identifier, claimed.value});
    if (known == identifiers_.end() || rows->refused[row]) continue;
    if (!first_seen_.insert(known->first).second) continue;
    known->second = is_erased(rows->people.values[row]);
  }
}

// Whoever claims an identifier has it from then on, and not what they had before.
void ErasedLines::follow_claims(const Rows& rows) {
  for (const auto& [row, claimed] : rows.people.claims) {
    if (rows.refused[row]) continue;
    const std::string& who = rows.people.values[row];
    const bool is_gone = is_erased(who);
    if (is_gone) {
      std::string& before = current_[{who, claimed.identifier}];
      const auto given_up = identifiers_.find({claimed.identifier, before});
      if (before != claimed.value && given_up != identifiers_.end()) given_up->second = false;
      before = claimed.value;
    }
    const auto known = identifiers_.find({claimed.identifier, claimed.value});
    if (known != identifiers_.end()) known->second = is_gone;
  }
}

bool ErasedLines::names_anybody(std::string_view line) const {
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(kBetweenWords), line.size());
    const std::string word(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    if (word.empty()) continue;
    if (is_erased(word)) return true;
    for (const auto& [identifier, how] : schema_.identifiers) {
      const auto known = identifiers_.find({identifier, word});
      if (known != identifiers_.end() && known->second) return true;
    }
  }
  return false;
}

void ErasedLines::add_unreadable(const DataBatch& batch, const Rows& rows,
                                 std::vector<std::uint64_t>& lines) const {
  if (rows.batch.rejected.empty()) return;
  const auto places = decoder_.places(rows_of(batch));
  std::map<std::uint64_t, std::string_view> texts;
  for (const RowPlace& place : places ? *places : std::vector<RowPlace>{}) {
    texts.emplace(place.line, std::string_view(batch.raw).substr(place.offset, place.size));
  }
  for (const index::RejectedLine& unreadable : rows.batch.rejected) {
    if (names_anybody(texts[unreadable.line])) lines.push_back(unreadable.line);
  }
}

std::vector<std::uint64_t> ErasedLines::find(const DataBatch& batch) {
  const auto rows = Rows::of(batch, decoder_, schema_);
  if (!rows) return {};
  follow_claims(*rows);
  std::vector<std::uint64_t> lines;
  for (std::uint32_t row = 0; row < rows->batch.rows; ++row) {
    if (!is_theirs(rows->people.identifier, rows->people.values[row])) continue;
    lines.push_back(rows->batch.line_of_row[row]);
  }
  // A claim that was refused names somebody else's identifier.
  for (const auto& [row, claimed] : rows->people.claims) {
    const bool names_them = rows->refused[row] && is_theirs(claimed.identifier, claimed.value);
    if (names_them) lines.push_back(rows->batch.line_of_row[row]);
  }
  for (const auto& [row, id] : rows->people.joins) {
    if (is_erased(id)) lines.push_back(rows->batch.line_of_row[row]);
  }
  add_unreadable(batch, *rows, lines);
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::vector<std::uint64_t> left;
  std::set_difference(lines.begin(), lines.end(), batch.blanked.begin(), batch.blanked.end(),
                      std::back_inserter(left));
  return left;
}

}  // namespace muster::engine
