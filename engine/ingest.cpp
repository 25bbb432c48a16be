#include <algorithm>

#include "base/limits.h"
#include "engine/blanked_batch.h"
#include "engine/declaration.h"
#include "engine/impl.h"
#include "engine/table_ref.h"

namespace muster::engine {
namespace {

using index::TypedRows;

// More of a table than this may not go in one refresh without force.
constexpr std::uint64_t kReplaceLossPercentMax = 20;

Error conflict(std::string message) { return {ErrorCode::Conflict, std::move(message)}; }

storage::DataBatch record_of(IngestRequest& request, const TypedRows& rows,
                             std::uint64_t schema_version) {
  storage::DataBatch batch;
  batch.table = request.table;
  batch.name = request.name;
  batch.format = request.format;
  batch.csv_header = request.csv_header;
  batch.raw = std::move(request.bytes);
  batch.schema_version = schema_version;
  if (!rows.additions.empty()) batch.schema_additions = fields_json(rows.additions);
  for (const auto& rejected : rows.rejected) {
    batch.rejected.push_back({rejected.line, rejected.reason});
  }
  batch.skipped = rows.skipped;
  batch.accepted = rows.rows + rows.batch->rejected.size() - rows.rejected.size();
  batch.idempotency_key = request.idempotency_key;
  batch.first_line = request.first_line;
  batch.replace_id = request.replace_id;
  batch.replace_last = request.replace_last;
  batch.is_derived = request.is_derived;
  return batch;
}

IngestReceipt receipt_of(const storage::DataBatch& batch, std::uint64_t sequence) {
  IngestReceipt receipt;
  receipt.accepted = batch.accepted;
  receipt.rejected = batch.rejected.size();
  receipt.skipped = batch.skipped.size();
  receipt.sequence = sequence;
  const std::size_t listed = std::min(batch.rejected.size(), kErrorsListedMax);
  for (std::size_t i = 0; i < listed; ++i) {
    receipt.errors.push_back(
        {batch.first_line + batch.rejected[i].line - 1, batch.rejected[i].reason});
  }
  return receipt;
}

std::vector<std::uint64_t> sorted(std::vector<std::uint64_t> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

Status allowed_loss(const IngestRequest& request, std::uint64_t removed, std::uint64_t live) {
  if (request.force || removed * 100 <= live * kReplaceLossPercentMax) return Ok{};
  return conflict("the refresh would remove " + std::to_string(removed) + " of " +
                  std::to_string(live) + " rows, more than 20 %; send it again with force if "
                  "that is meant");
}

std::uint64_t live_rows(const index::Generation& state, const index::TableRef& table) {
  if (table.kind != index::TableKind::Entities) return state.profiles.live.count();
  const index::Table* entity = state.entity(table.name);
  return entity == nullptr ? 0 : entity->live.count();
}

}  // namespace

std::uint64_t Engine::Impl::index_bytes() const {
  return generation()->bytes() + event_id_bytes + standing.bytes() + changes.bytes();
}

Status Engine::Impl::has_memory() {
  if (parts.memory_bytes_max == 0) return Ok{};
  const std::uint64_t taken = memory_gauge.bytes([this] { return index_bytes(); });
  if (taken <= parts.memory_bytes_max / 10 * 9) return Ok{};
  return Error{ErrorCode::StorageFull,
               "the index takes " + std::to_string(taken >> 20) + " MiB of the " +
                   std::to_string(parts.memory_bytes_max >> 20) +
                   " MiB that --memory-limit allows, and takes no more rows; questions go on; "
                   "start with a higher limit, or erase people who are not needed"};
}

Result<IngestReceipt> Engine::Impl::ingest(const IngestRequest& asked) {
  if (asked.bytes.size() > kBatchBytesMax) {
    return Error{ErrorCode::TooLarge, "a batch has at most 64 MiB; send it in pieces"};
  }
  if (!asked.replace_id.empty() && asked.table == storage::TableKind::Events) {
    return Error{ErrorCode::InvalidArgument,
                 "events cannot be replaced; profiles, user info and entities can"};
  }
  const Status room = has_memory();
  IngestRequest request = asked;
  const Hash128 hash = request.idempotency_key.empty()
                           ? Hash128{}
                           : request_hash(request.table, request.name, request.bytes);
  const index::TableRef table = table_ref(request.table, request.name);
  TRY_ASSIGN(index::Batch decoded,
             parts.decoder->decode({request.format, request.csv_header, request.bytes}));
  const auto batch = std::make_shared<const index::Batch>(std::move(decoded));
  const index::CanWiden can_widen = [this](const std::string& key, std::uint8_t scale) {
    return writer.can_widen(key, scale);
  };
  IngestReceipt receipt;
  const Change change = [&](Commit& into) -> Status {
    if (const auto kept = receipts.find(request.idempotency_key);
        kept != receipts.end() && !request.idempotency_key.empty()) {
      if (kept->second.request != hash) {
        return conflict("the idempotency key '" + request.idempotency_key +
                        "' was used with other rows");
      }
      receipt = kept->second.receipt;
      receipt.repeated = true;
      return Ok{};
    }
    // What was acknowledged before is told again, and what changes nothing needs no room.
    if (!request.dry_run) TRY(room);
    TRY_ASSIGN(TypedRows rows, type_rows(batch, table, *writer.state().schema, can_widen));
    TRY_ASSIGN(receipt, take_rows(request, hash, std::move(rows), into));
    return Ok{};
  };
  // Raw bytes and, at worst, a reason for every line.
  TRY(commit(change, 2 * asked.bytes.size() + kSmallChangeBytes));
  return receipt;
}

Result<IngestReceipt> Engine::Impl::take_rows(IngestRequest& request, const Hash128& hash,
                                              index::TypedRows rows, Commit& into) {
  const bool replacing = !request.replace_id.empty();
  if (replacing) writer.reject_suppressed(rows, suppressed());
  index::Writer::Applied done;
  if (replacing && (request.replace_last || request.dry_run)) {
    done = writer.preview(request.replace_id, rows);
  }
  if (request.dry_run) {
    IngestReceipt receipt = receipt_of(record_of(request, rows, 0), into.last_sequence());
    receipt.created = done.created;
    receipt.removed = done.removed;
    return receipt;
  }
  if (replacing && request.replace_last) {
    TRY(allowed_loss(request, done.removed, live_rows(writer.state(), rows.table)));
  }
  if (!replacing) writer.resolve(rows, suppressed());
  return record_rows(request, hash, std::move(rows), done, into);
}

Result<IngestReceipt> Engine::Impl::record_rows(IngestRequest& request, const Hash128& hash,
                                                TypedRows rows, index::Writer::Applied done,
                                                Commit& into) {
  const bool replacing = !request.replace_id.empty();
  writer.add_fields(rows.additions);
  const TimeMs received = now();
  storage::DataBatch body = record_of(request, rows, writer.state().schema->version);
  const std::uint64_t sequence = into.last_sequence() + 1;
  if (!rows.suppressed.empty()) {
    // What is applied is what the log has: without those lines columns may come in another order.
    TRY(take_out(body, sorted(rows.suppressed), *parts.decoder));
    TRY_ASSIGN(index::Batch left,
               parts.decoder->decode({body.format, body.csv_header, body.raw}));
    TRY_ASSIGN(rows, typed_again(body, std::move(left), sequence));
  }
  IngestReceipt receipt = receipt_of(body, sequence);
  keep_rejected(body, sequence, received);
  into.add({received, 0, std::move(body)});
  if (replacing) {
    writer.stage(request.replace_id, std::make_shared<const TypedRows>(std::move(rows)));
    if (request.replace_last) writer.replace(request.replace_id, received);
  } else {
    done = writer.apply(rows, received);
  }
  receipt.created = done.created;
  receipt.removed = done.removed;
  if (!request.idempotency_key.empty()) {
    keep_receipt(request.idempotency_key, {hash, receipt, received});
  }
  return receipt;
}

// The rows of a batch that were taken, as a replay finds them.
Result<TypedRows> Engine::Impl::typed_again(const storage::DataBatch& body, index::Batch decoded,
                                            std::uint64_t sequence) const {
  std::vector<std::uint64_t> ignored = body.skipped;
  for (const auto& rejected : body.rejected) ignored.push_back(rejected.line);
  std::sort(ignored.begin(), ignored.end());
  const index::CanWiden never = [](const std::string&, std::uint8_t) { return false; };
  TRY_ASSIGN(TypedRows rows,
             type_rows(std::make_shared<const index::Batch>(std::move(decoded)),
                       table_ref(body.table, body.name), *writer.state().schema, never, ignored));
  if (!rows.rejected.empty()) {
    return Error{ErrorCode::Corrupt,
                 "record " + std::to_string(sequence) + " of the log: line " +
                     std::to_string(rows.rejected.front().line) +
                     " was accepted but cannot be read now: " + rows.rejected.front().reason};
  }
  return rows;
}

Status Engine::Impl::replay_batch(storage::DataBatch body, index::Batch decoded, TimeMs received,
                                  std::uint64_t sequence) {
  if (body.is_partial) return lost_to_compaction(sequence);
  if (!body.schema_additions.empty()) {
    TRY_ASSIGN(const auto additions, parse_fields(body.schema_additions));
    writer.add_fields(additions);
  }
  TRY_ASSIGN(TypedRows rows, typed_again(body, std::move(decoded), sequence));
  writer.remember_events(rows);
  writer.put_lost_names(rows);
  index::Writer::Applied done;
  if (body.replace_id.empty()) {
    done = writer.apply(rows, received);
  } else {
    if (body.replace_last) done = writer.preview(body.replace_id, rows);
    writer.stage(body.replace_id, std::make_shared<const TypedRows>(std::move(rows)));
    if (body.replace_last) writer.replace(body.replace_id, received);
  }
  keep_rejected(body, sequence, received);
  if (body.idempotency_key.empty()) return Ok{};
  IngestReceipt receipt = receipt_of(body, sequence);
  receipt.created = done.created;
  receipt.removed = done.removed;
  keep_receipt(body.idempotency_key, {request_hash(body), std::move(receipt), received});
  return Ok{};
}

Result<IngestReceipt> Engine::ingest(const Pass<Permission::Ingest>&,
                                     const IngestRequest& request) {
  return impl_->ingest(request);
}

}  // namespace muster::engine
