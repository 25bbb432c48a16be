#include "base/bytes.h"
#include "engine/impl.h"
#include "index/image/section.h"

namespace muster::engine {
namespace {

using index::WriterImage;

void write_receipt(ByteWriter& out, const IngestReceipt& receipt) {
  out.varint(receipt.accepted);
  out.varint(receipt.rejected);
  out.varint(receipt.skipped);
  out.varint(receipt.created);
  out.varint(receipt.removed);
  out.varint(receipt.sequence);
  out.varint(receipt.errors.size());
  for (const auto& error : receipt.errors) {
    out.varint(error.line);
    out.text(error.reason);
  }
}

IngestReceipt read_receipt(ByteReader& in) {
  IngestReceipt receipt;
  receipt.accepted = in.varint();
  receipt.rejected = in.varint();
  receipt.skipped = in.varint();
  receipt.created = in.varint();
  receipt.removed = in.varint();
  receipt.sequence = in.varint();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::uint64_t line = in.varint();
    receipt.errors.push_back({line, std::string(in.text())});
  }
  return receipt;
}

}  // namespace

// now: i64 | receipts: varint, of each its key: text, request: 2 u64, received: i64, receipt |
// rejected rows: varint, of each sequence, line: varint, table, reason: text, received: i64 |
// streams: varint, of each its name: text, records: varint, of each its number, less the one
// before: varint
EngineMoment Engine::Impl::moment(std::uint64_t sequence) {
  EngineMoment moment;
  moment.index =
      std::make_shared<const index::WriterMoment>(WriterImage::capture(writer, sequence));
  moment.new_ids = WriterImage::take_fresh_ids(writer);
  moment.made = now();
  ByteWriter out(moment.engine);
  out.i64(moment.made);
  out.varint(receipts.size());
  for (const auto& [received, key] : receipt_order) {  // Each key stands there once.
    const KeptReceipt& kept = receipts.at(key);
    out.text(key);
    out.u64(kept.request.high);
    out.u64(kept.request.low);
    out.i64(kept.received);
    write_receipt(out, kept.receipt);
  }
  {
    const std::lock_guard held(rejected_mutex);
    out.varint(rejected_rows.size());
    for (const RejectedRowInfo& row : rejected_rows) {
      out.varint(row.sequence);
      out.varint(row.line);
      out.text(row.table);
      out.text(row.reason);
      out.i64(row.received);
    }
  }
  const std::lock_guard held(streams_mutex);
  out.varint(streams.size());
  for (const auto& [name, records] : streams) {
    out.text(name);
    out.varint(records.size());
    std::uint64_t before = 0;
    for (const std::uint64_t record : records) {
      out.varint(record - before);
      before = record;
    }
  }
  return moment;
}

Status Engine::Impl::restore_engine(std::string_view bytes) {
  ByteReader in(bytes);
  latest_now_ = in.i64();
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::string key(in.text());
    KeptReceipt kept;
    kept.request.high = in.u64();
    kept.request.low = in.u64();
    kept.received = in.i64();
    kept.receipt = read_receipt(in);
    receipt_order.emplace_back(kept.received, key);
    receipts[key] = std::move(kept);
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    RejectedRowInfo row;
    row.sequence = in.varint();
    row.line = in.varint();
    row.table = in.text();
    row.reason = in.text();
    row.received = in.i64();
    rejected_rows.push_back(std::move(row));
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    std::vector<std::uint64_t>& records = streams[std::string(in.text())];
    std::uint64_t before = 0;
    for (std::uint64_t rest = in.varint(); rest > 0 && !in.failed(); --rest) {
      records.push_back(before += in.varint());
    }
  }
  if (in.failed() || !in.at_end()) {
    return index::damaged_section("engine", "what the engine keeps cannot be read");
  }
  return Ok{};
}

Result<std::uint64_t> Engine::Impl::restore(const std::function<void(double)>& progress) {
  if (!checkpoints) return std::uint64_t{0};
  TRY_ASSIGN(auto image, checkpoints->restore(std::max(1U, parts.threads), progress));
  if (image) {
    writer = std::move(image->writer);
    TRY(restore_engine(image->engine));
  }
  WriterImage::list_fresh_ids(writer, true);
  return image ? image->sequence : 0;
}

void Engine::Impl::note_uncheckpointed(std::uint64_t bytes) {
  if (!checkpoints || parts.checkpoint_bytes == 0) return;
  if ((uncheckpointed += bytes) >= parts.checkpoint_bytes) checkpoint_due.notify_one();
}

Status Engine::Impl::checkpoint_replayed(std::uint64_t sequence, std::uint64_t bytes) {
  if (!checkpoints || parts.checkpoint_bytes == 0) return Ok{};
  if ((uncheckpointed += bytes) < parts.checkpoint_bytes) return Ok{};
  uncheckpointed = 0;
  if (give_up_when_overdue()) return Ok{};
  // A replay goes on without: the next start takes as long as this one.
  if (const auto taken = checkpoints->write(moment(sequence)); !taken) {
    const std::lock_guard held(checkpoint_mutex);
    checkpoint_failure = taken.error().message;
    if (parts.notice) parts.notice("no checkpoint was taken: " + checkpoint_failure);
  }
  return Ok{};
}

bool Engine::Impl::give_up_when_overdue() {
  if (!checkpoints->is_overdue()) return false;
  WriterImage::list_fresh_ids(writer, false);
  return true;
}

Result<CheckpointReceipt> Engine::Impl::take_checkpoint(const std::stop_token& stop) {
  if (!checkpoints) {
    return Error{ErrorCode::Unsupported, "this server keeps nothing on disk, so there is nothing "
                                         "to take a checkpoint of"};
  }
  const std::lock_guard taking(taking_mutex);
  std::optional<EngineMoment> now_as_it_is;
  const Change capture = [&](Commit& commit) -> Status {
    if (commit.last_sequence() == checkpoints->newest()) return Ok{};
    if (give_up_when_overdue()) {
      return Error{ErrorCode::Unavailable, "checkpoints failed for so long that none can be taken "
                                           "until the server is started again"};
    }
    now_as_it_is = moment(commit.last_sequence());
    uncheckpointed = 0;
    return Ok{};
  };
  TRY(commit(capture, 0));
  if (!now_as_it_is) return CheckpointReceipt{.sequence = checkpoints->newest()};
  auto taken = checkpoints->write(std::move(*now_as_it_is), stop);
  const std::lock_guard held(checkpoint_mutex);
  checkpoint_failure = taken ? "" : taken.error().message;
  return taken;
}

void Engine::Impl::take_checkpoints(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock held(checkpoint_mutex);
      const auto due = [this] { return uncheckpointed >= parts.checkpoint_bytes; };
      if (!checkpoint_due.wait_for(held, stop, std::chrono::seconds(1), due)) continue;
    }
    const auto taken = take_checkpoint(stop);
    uncheckpointed = 0;  // After a failure too: the next try comes with as many bytes again.
    if (!taken && parts.notice && !stop.stop_requested()) {
      parts.notice("no checkpoint was taken: " + taken.error().message);
    }
  }
}

}  // namespace muster::engine
