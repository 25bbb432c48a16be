#include <algorithm>

#include "base/limits.h"
#include "engine/impl.h"
#include "engine/table_ref.h"

namespace muster::engine {
namespace {

using index::TypedRows;

RowNames names_of(const index::Schema& schema) {
  RowNames names{.profile_id = schema.profile_id,
                 .event_profile = schema.event_profile,
                 .event_name = schema.event_name,
                 .event_time = schema.event_time,
                 .event_id = schema.event_id,
                 .event_identifier = schema.event_identifier,
                 .account_id = ""};
  const auto account = schema.entity_ids.find("account");
  if (account != schema.entity_ids.end()) names.account_id = account->second;
  return names;
}

Status check_parts(const std::vector<IngestRequest>& parts) {
  std::size_t bytes = 0;
  for (const IngestRequest& part : parts) {
    bytes += part.bytes.size();
    const bool is_plain = part.replace_id.empty() && part.idempotency_key.empty() &&
                          !part.dry_run && part.format == storage::DataFormat::Ndjson;
    if (!is_plain) {
      return Error{ErrorCode::Unsupported,
                   "rows of several tables are NDJSON, no refresh, no dry run, and have no "
                   "idempotency key"};
    }
  }
  if (bytes <= kBatchBytesMax) return Ok{};
  return Error{ErrorCode::TooLarge, "a batch has at most 64 MiB; send it in pieces"};
}

// The decoder's verdicts, and those of whoever wrote the rows.
void add_refused(const std::vector<storage::RejectedRow>& refused, index::Batch& batch) {
  for (const auto& [line, reason] : refused) batch.rejected.push_back({line, reason});
  std::stable_sort(batch.rejected.begin(), batch.rejected.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
}

void pass_over(const std::vector<std::uint64_t>& known, TypedRows& rows) {
  for (std::uint32_t row = 0; row < rows.rows; ++row) {
    if (!rows.taken[row] || !std::binary_search(known.begin(), known.end(), rows.lines[row])) {
      continue;
    }
    rows.taken[row] = false;
    rows.skipped.push_back(rows.lines[row]);
  }
}

bool says_anything(const TypedRows& rows) {
  return !rows.rejected.empty() ||
         std::find(rows.taken.begin(), rows.taken.end(), true) != rows.taken.end();
}

}  // namespace

std::string anonymous_profile(std::string_view anonymous_id) {
  return index::anonymous_id("anonymous_id", anonymous_id);
}

RowNames Engine::row_names(const Pass<Permission::Ingest>&) const {
  return names_of(*impl_->generation()->schema);
}

Result<std::vector<IngestReceipt>> Engine::Impl::ingest_together(
    const RowNames& names, std::vector<IngestRequest> requests) {
  TRY(check_parts(requests));
  TRY(has_memory());
  std::vector<std::shared_ptr<const index::Batch>> batches;
  std::size_t bytes = 0;
  for (const IngestRequest& request : requests) {
    TRY_ASSIGN(index::Batch decoded,
               parts.decoder->decode({request.format, request.csv_header, request.bytes}));
    add_refused(request.refused, decoded);
    batches.push_back(std::make_shared<const index::Batch>(std::move(decoded)));
    bytes += request.bytes.size();
  }
  const index::CanWiden can_widen = [this](const std::string& key, std::uint8_t scale) {
    return writer.can_widen(key, scale);
  };
  std::vector<IngestReceipt> taken(requests.size());
  const Change change = [&](Commit& into) -> Status {
    if (names_of(*writer.state().schema) != names) {
      return Error{ErrorCode::Conflict, "the declaration changed while the rows were written"};
    }
    std::vector<std::uint64_t> known;  // Lines, ascending.
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const index::TableRef table = table_ref(requests[i].table, requests[i].name);
      // These tables are declared, so from here on nothing fails.
      TRY_ASSIGN(TypedRows rows, type_rows(batches[i], table, *writer.state().schema, can_widen));
      rows.event_id_is_enough |= requests[i].event_id_is_enough;
      pass_over(known, rows);
      writer.resolve(rows, suppressed());
      std::sort(rows.skipped.begin(), rows.skipped.end());
      if (table.kind == index::TableKind::Identities) {
        known.insert(known.end(), rows.skipped.begin(), rows.skipped.end());
        std::sort(known.begin(), known.end());
      }
      taken[i].sequence = into.last_sequence();
      taken[i].skipped = rows.skipped.size();
      if (!says_anything(rows)) continue;
      TRY_ASSIGN(taken[i], record_rows(requests[i], {}, std::move(rows), {}, into));
    }
    return Ok{};
  };
  TRY(commit(change, 2 * bytes + kSmallChangeBytes * (requests.size() + 1)));
  return taken;
}

Result<std::vector<IngestReceipt>> Engine::ingest_together(const Pass<Permission::Ingest>&,
                                                           const RowNames& names,
                                                           std::vector<IngestRequest> parts) {
  return impl_->ingest_together(names, std::move(parts));
}

}  // namespace muster::engine
