#include "base/bytes.h"
#include "engine/impl.h"
#include "index/image/known_sections.h"
#include "index/image/section.h"

namespace muster::engine {
namespace {

using index::WriterImage;

// Groups of batches that leave at one look: bounds how long the next checkpoint waits.
constexpr int kGroupsPerLook = 8;
constexpr std::uint64_t kNobodyMore = ~0ULL;

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
// before: varint | the mark of the suppression file: erasures: varint, key: u64; missing in older
// ones | the compaction of erased people: erasures, begun: varint, is done: u8; missing in older
// ones | standing segments: as of: i64, the change stream (ChangeIndex::write); missing in older
// ones | in a checkpoint, of those that are asked as a whole: varint, of each its name, members as
// portable Roaring: text; missing in older ones
std::string Engine::Impl::engine_bytes(TimeMs at, TimeMs standing_as_of) const {
  std::string bytes;
  ByteWriter out(bytes);
  out.i64(at);
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
  out.varint(suppression_mark.erasures);
  out.u64(suppression_mark.key);
  out.varint(compaction.erasures);
  out.varint(compaction.begun);
  out.u8(compaction.is_done ? 1 : 0);
  out.i64(standing_as_of);
  changes.write(out);
  return bytes;
}

EngineMoment Engine::Impl::moment(std::uint64_t sequence, TimeMs received) {
  EngineMoment moment;
  moment.index =
      std::make_shared<const index::WriterMoment>(WriterImage::capture(writer, sequence));
  moment.made = now();
  // Of the last record that it contains, or later.
  moment.engine = engine_bytes(moment.made, std::max({standing.at(), standing_at, received}));
  ByteWriter engine(moment.engine);
  write_followed(engine);
  // Last, because they are taken: whatever fails before leaves them where they are.
  moment.new_ids = WriterImage::take_fresh_ids(writer, checkpoints->wants_all_ids());
  return moment;
}

Result<std::map<std::string, Hash128>> Engine::Impl::fingerprint() {
  std::map<std::string, Hash128> parts_of_state;
  std::shared_ptr<const index::WriterMoment> index;
  const Change capture = [&](Commit& commit) -> Status {
    try {
      index = std::make_shared<const index::WriterMoment>(
          WriterImage::capture(writer, commit.last_sequence()));
      parts_of_state["engine"] = hash128(engine_bytes(0, 0));  // Whatever the time is.
      parts_of_state["event-ids"] = WriterImage::id_digest(writer);
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::Unavailable, "out of memory"};  // Nothing was changed.
    }
    return Ok{};
  };
  TRY(commit(capture, 0));
  const storage::PersonKeys* const keys = person_keys();
  for (const index::Section& section :
       keys == nullptr ? WriterImage::sections(index)
                       : index::known_sections(index, keys->destroyed(kNobodyMore))) {
    TRY_ASSIGN(const std::string bytes, section.bytes());
    parts_of_state[section.name] = hash128(bytes);
  }
  return parts_of_state;
}

Status Engine::Impl::restore_engine(std::string_view bytes) {
  ByteReader in(bytes);
  const TimeMs latest = in.i64();
  std::map<std::string, KeptReceipt> kept_receipts;
  std::deque<std::pair<TimeMs, std::string>> order;
  std::deque<RejectedRowInfo> rejected;
  std::map<std::string, std::vector<std::uint64_t>> records_by_stream;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::string key(in.text());
    KeptReceipt kept;
    kept.request.high = in.u64();
    kept.request.low = in.u64();
    kept.received = in.i64();
    kept.receipt = read_receipt(in);
    order.emplace_back(kept.received, key);
    if (!kept_receipts.emplace(key, std::move(kept)).second) in.fail();
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    RejectedRowInfo row;
    row.sequence = in.varint();
    row.line = in.varint();
    row.table = in.text();
    row.reason = in.text();
    row.received = in.i64();
    rejected.push_back(std::move(row));
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    std::vector<std::uint64_t>& records = records_by_stream[std::string(in.text())];
    std::uint64_t before = 0;
    for (std::uint64_t rest = in.varint(); rest > 0 && !in.failed(); --rest) {
      records.push_back(before += in.varint());
    }
  }
  storage::SuppressionMark mark;
  if (!in.failed() && !in.at_end()) mark = {in.varint(), in.u64()};
  CompactionMark compacted;
  if (!in.failed() && !in.at_end()) compacted = {in.varint(), in.varint(), in.u8() != 0};
  TimeMs standing_as_of = latest;
  ChangeIndex told;
  if (!in.failed() && !in.at_end()) {
    standing_as_of = in.i64();
    told.read(in);
  }
  const bool has_followed = !in.failed() && !in.at_end();
  if (has_followed && !read_followed(in)) in.fail();
  if (in.failed() || !in.at_end()) {
    return index::damaged_section("engine", "what the engine keeps cannot be read");
  }
  latest_now_ = latest;
  standing_at = standing_as_of;
  changes.take(std::move(told));
  suppression_mark = mark;
  compaction = compacted;
  gone_erasures = compacted.is_done ? compacted.erasures : 0;
  receipts = std::move(kept_receipts);
  receipt_order = std::move(order);
  rejected_rows = std::move(rejected);
  streams = std::move(records_by_stream);
  return Ok{};
}

Result<std::uint64_t> Engine::Impl::restore(const std::function<void(double)>& progress) {
  if (!checkpoints) return std::uint64_t{0};
  const auto accept = [this](std::string_view engine) { return restore_engine(engine); };
  std::optional<EngineImage> image;
  if (parts.base != Base::Nothing) {
    TRY_ASSIGN(image,
               checkpoints->restore(parts.base, std::max(1U, parts.threads), progress, accept));
  }
  if (image) writer = std::move(image->writer);
  WriterImage::list_fresh_ids(writer);
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
  // Not where it would take the place of those that may yet be read: the log may not have all.
  if (checkpoints->passed_all_over()) return Ok{};
  // A replay goes on without: the next start takes as long as this one.
  if (const auto taken = checkpoints->write(moment(sequence, standing_at)); !taken) {
    const std::lock_guard held(checkpoint_mutex);
    checkpoint_failure = taken.error().message;
    if (parts.notice) parts.notice("no checkpoint was taken: " + checkpoint_failure);
  }
  return Ok{};
}

Result<CheckpointReceipt> Engine::Impl::take_checkpoint(const std::stop_token& stop) {
  if (!checkpoints) {
    return Error{ErrorCode::Unsupported, "this server keeps nothing on disk, so there is nothing "
                                         "to take a checkpoint of"};
  }
  const std::lock_guard taking(taking_mutex);
  auto taken = write_checkpoint(stop);
  if (taken) {
    taken->retired = retire_batches(stop);
    retire_changes(stop);
    retire_events(stop);
  }
  const std::lock_guard held(checkpoint_mutex);
  checkpoint_failure = taken ? "" : taken.error().message;
  return taken;
}

Result<CheckpointReceipt> Engine::Impl::write_checkpoint(const std::stop_token& stop) {
  std::optional<EngineMoment> now_as_it_is;
  const Change capture = [&](Commit& commit) -> Status {
    if (commit.last_sequence() == checkpoints->newest()) return Ok{};
    try {
      now_as_it_is = moment(commit.last_sequence(), commit.last_received().value_or(0));
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::Unavailable, "out of memory"};  // Nothing was changed.
    }
    uncheckpointed = 0;
    return Ok{};
  };
  TRY(commit(capture, 0));
  if (!now_as_it_is) return CheckpointReceipt{.sequence = checkpoints->newest()};
  return checkpoints->write(std::move(*now_as_it_is), stop);
}

std::uint64_t Engine::Impl::retire_batches(const std::stop_token& stop) {
  if (!raw_retention) return 0;
  std::uint64_t retired = 0;
  const auto retire = [&]() -> Status {
    for (int group = 0; group < kGroupsPerLook && !stop.stop_requested(); ++group) {
      TRY_ASSIGN(const auto stubs, raw_retention->next(checkpoints->fallback(), now()));
      if (stubs.empty()) break;
      // From here on nothing but the checkpoints has what these say.
      if (group == 0) {
        Status kept = checkpoints->check_kept(stop);
        if (!kept) note_uncheckpointed(parts.checkpoint_bytes);  // A whole one, at once.
        TRY(std::move(kept));
      }
      TRY(replace(stubs));
      raw_retention->done(stubs);
      retired += stubs.size();
    }
    return Ok{};
  };
  const auto reclaim = [&]() -> Status {
    const auto span = raw_retention->unreclaimed();
    if (!span) return Ok{};
    TRY(parts.log->reclaim(span->first, span->last, stop));
    raw_retention->reclaimed();
    return Ok{};
  };
  for (const Status& done : {retire(), reclaim()}) {
    if (!done && parts.notice && !stop.stop_requested()) parts.notice(done.error().message);
  }
  return retired;
}

// Waits until one is due, or a look for batches that are past their retention.
bool Engine::Impl::wait_until_due(const std::stop_token& stop) {
  std::unique_lock held(checkpoint_mutex);
  const auto due = [this] {
    return parts.checkpoint_bytes != 0 && uncheckpointed >= parts.checkpoint_bytes;
  };
  const auto end = std::chrono::steady_clock::now() + parts.look_every;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
    // Who counts the bytes tells without the mutex, so a word may be missed: never for longer.
    const auto most = std::min(parts.look_every, std::chrono::milliseconds(1'000));
    if (checkpoint_due.wait_for(held, stop, most, due)) return true;
  }
  return false;
}

void Engine::Impl::take_due_checkpoint(const std::stop_token& stop) {
  if (!wait_until_due(stop)) {
    {
      const std::lock_guard taking(taking_mutex);
      retire_batches(stop);
      retire_changes(stop);
      retire_events(stop);
    }
    compact_when_due(stop);
    return;
  }
  const auto taken = take_checkpoint(stop);
  if (!taken) uncheckpointed = 0;  // The next try comes with as many bytes again.
  if (!taken && parts.notice && !stop.stop_requested()) {
    parts.notice("no checkpoint was taken: " + taken.error().message);
  }
  compact_when_due(stop);
}

void Engine::Impl::take_checkpoints(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      take_due_checkpoint(stop);
    } catch (const std::exception&) {
      uncheckpointed = 0;  // For want of memory: as above, and without a word, which needs some.
    }
  }
}

}  // namespace muster::engine
