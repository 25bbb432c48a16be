#include "engine/compaction.h"

#include <set>

#include "base/hash.h"
#include "storage/archive.h"
#include "storage/record.h"

namespace muster::engine {
namespace {

// Put in place together, with one sync: bounds how long writers wait for it.
constexpr std::uint64_t kGroupBytes = 16U << 20;

}  // namespace

Status Compaction::put(std::uint64_t sequence, std::string record) {
  if (stop_.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
  waiting_bytes_ += record.size();
  waiting_.push_back({sequence, std::move(record)});
  return waiting_bytes_ < kGroupBytes ? Status(Ok{}) : flush();
}

Status Compaction::flush() {
  if (waiting_.empty()) return Ok{};
  TRY(replace_(waiting_));
  waiting_.clear();
  waiting_bytes_ = 0;
  return Ok{};
}

Status Compaction::take_out_lines(const ErasedFound& found, CompactionReceipt& receipt) {
  for (const auto& [sequence, lines] : found.in_log) {
    TRY_ASSIGN(const std::string record, storage::record_at(search_.log, sequence));
    TRY_ASSIGN(std::string without, record_without(record, lines, search_.decoder));
    TRY(put(sequence, std::move(without)));
    ++receipt.batches;
  }
  TRY(flush());
  for (const auto& [file, lines] : found.in_archive) {
    if (lines.empty()) {
      TRY(storage::remove_superseded(search_.archive, file, search_.keys));
    } else {
      TRY(rewrite_archive(file, lines));
    }
    receipt.batches += lines.size();
  }
  receipt.lines = found.lines;
  return remove_left_over();
}

// Copies of batches that the log has, in files of the archive that it does not name.
Status Compaction::remove_left_over() {
  std::error_code failed;
  if (search_.archive.empty() || !std::filesystem::is_directory(search_.archive, failed)) {
    return Ok{};
  }
  std::set<std::string> named;
  TRY(storage::read_range(
      search_.log, 1, search_.log.last_sequence(),
      [&](std::uint64_t, std::string_view bytes) -> Status {
        TRY_ASSIGN(const storage::RecordHead head, storage::decode_head(bytes));
        if (!head.is_retired) return Ok{};
        TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
        named.insert(std::get<storage::Retired>(record.body).archive);
        return Ok{};
      }));
  return storage::remove_left_over(search_.log, search_.archive, named, search_.keys);
}

// A new file takes the place of the old one: beside it, then in the log, then alone.
Status Compaction::rewrite_archive(const std::string& file, const LinesByRecord& lines) {
  TRY_ASSIGN(auto writer, storage::ArchiveWriter::begin(search_.archive, search_.keys));
  std::map<std::uint64_t, storage::Retired> retired;
  const auto copy = [&](std::uint64_t sequence, std::string_view record) -> Status {
    if (stop_.stop_requested()) return Error{ErrorCode::Unavailable, "the server stops"};
    std::string without(record);
    if (const auto found = lines.find(sequence); found != lines.end()) {
      TRY_ASSIGN(without, record_without(record, found->second, search_.decoder));
    }
    retired[sequence] = {hash128(without), without.size(), {}};
    return writer.add(sequence, without);
  };
  TRY(storage::read_archive(search_.archive / file, copy, search_.keys));
  TRY_ASSIGN(const std::string name, writer.finish());
  for (auto& [sequence, one] : retired) {
    TRY_ASSIGN(const std::string bytes, storage::record_at(search_.log, sequence));
    TRY_ASSIGN(const storage::Record before, storage::decode(bytes));
    const auto* const stands = std::get_if<storage::Retired>(&before.body);
    // It may have been put back into the log, or be of another log that shares the archive.
    if (stands == nullptr || stands->archive != file) continue;
    one.archive = name;
    TRY(put(sequence, storage::encode({before.received, 0, std::move(one)})));
  }
  TRY(flush());
  return storage::remove_superseded(search_.archive, name, search_.keys);
}

Status Compaction::take_out_outcomes(const EraseOutcome& erase, CompactionReceipt& receipt) {
  std::vector<std::uint64_t> outcomes;
  TRY(storage::read_range(search_.log, 1, search_.end,
                          [&](std::uint64_t sequence, std::string_view bytes) -> Status {
                            TRY_ASSIGN(const auto head, storage::decode_head(bytes));
                            if (head.is_outcome) outcomes.push_back(sequence);
                            return Ok{};
                          }));
  for (const std::uint64_t sequence : outcomes) {
    TRY_ASSIGN(const std::string bytes, storage::record_at(search_.log, sequence));
    TRY_ASSIGN(storage::Record record, storage::decode(bytes));
    auto& outcome = std::get<storage::Outcome>(record.body);
    TRY_ASSIGN(ErasedOutcome done, erase(outcome.stream, outcome.payload));
    if (done.is_needed) ++receipt.needed;
    if (!done.payload) continue;
    outcome.payload = std::move(*done.payload);
    ++receipt.outcomes;
    TRY(put(sequence, storage::encode(record)));
  }
  return flush();
}

Status Compaction::take_out_names(std::span<const std::uint64_t> erasures) {
  for (const std::uint64_t sequence : erasures) {
    TRY_ASSIGN(const std::string bytes, storage::record_at(search_.log, sequence));
    TRY_ASSIGN(storage::Record record, storage::decode(bytes));
    auto* const erasure = std::get_if<storage::Erasure>(&record.body);
    if (erasure == nullptr) continue;
    erasure->profile_id.clear();
    erasure->reason = storage::kNamelessErasure;
    TRY(put(sequence, storage::encode(record)));
  }
  return flush();
}

}  // namespace muster::engine
