#include "engine/blanked_batch.h"

#include <algorithm>
#include <vector>

namespace muster::engine {

using storage::DataBatch;

Status take_out(DataBatch& batch, std::span<const std::uint64_t> lines,
                const RowDecoder& decoder) {
  const RawRows rows{batch.format, batch.csv_header, batch.raw};
  TRY_ASSIGN(const std::vector<RowPlace> places, decoder.places(rows));
  // Whoever sends the same again is told the same again.
  if (!batch.idempotency_key.empty()) batch.request = request_hash(batch);
  batch.raw = without_lines(rows, places, lines);
  batch.blanked.insert(batch.blanked.end(), lines.begin(), lines.end());
  for (const RowPlace& place : places) {
    if (place.is_open) batch.blanked.push_back(place.line);
  }
  std::sort(batch.blanked.begin(), batch.blanked.end());
  batch.blanked.erase(std::unique(batch.blanked.begin(), batch.blanked.end()),
                      batch.blanked.end());
  return Ok{};
}

Error lost_to_compaction(std::uint64_t record) {
  return {ErrorCode::NotFound,
          "record " + std::to_string(record) + " of the log has lost what it said of people who "
              "were erased, and no checkpoint that can be read contains the rest: restore a "
              "backup"};
}

Hash128 request_hash(storage::TableKind table, const std::string& name, std::string_view bytes) {
  return hash128(bytes, hash64(name, static_cast<std::uint64_t>(table)));
}

Hash128 request_hash(const DataBatch& batch) {
  const bool is_whole = batch.request == Hash128{};
  return is_whole ? request_hash(batch.table, batch.name, batch.raw) : batch.request;
}

void forget_reasons(DataBatch& batch, std::span<const std::uint64_t> lines) {
  for (storage::RejectedRow& row : batch.rejected) {
    if (std::binary_search(lines.begin(), lines.end(), row.line)) row.reason = kForgottenReason;
  }
}

}  // namespace muster::engine
