#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/blanked_batch.h"
#include "engine/declaration.h"
#include "engine/impl.h"

namespace muster::engine {
namespace {

constexpr std::uint64_t kProgressEvery = 1'024;  // Records.

// A record, and its rows where it has some.
struct ReadRecord {
  std::uint64_t sequence = 0;
  std::size_t bytes = 0;
  storage::Record record;
  std::optional<Result<index::Batch>> rows;
};

// Reads the log and decodes what it says on a thread of its own, a few records ahead of whoever
// applies them: decoding is half the work of a replay, and needs nothing of the state.
class RecordsAhead {
 public:
  RecordsAhead(storage::Log& log, const RowDecoder& decoder, std::uint64_t first)
      : log_(log), decoder_(decoder), thread_([this, first](const std::stop_token& stop) {
          try {
            read(first, stop);
          } catch (const std::exception&) {
            end(Error{ErrorCode::Unavailable, "out of memory"});  // Needs no allocation.
          }
        }) {}

  // The next record; nothing at the end.  Errors: those of the log and of decode().
  Result<std::optional<ReadRecord>> next() {
    std::unique_lock held(mutex_);
    changed_.wait(held, [this] { return !ahead_.empty() || ended_; });
    if (ahead_.empty()) {
      if (!*ended_) return std::move(ended_->error());
      return std::optional<ReadRecord>();
    }
    std::optional<ReadRecord> record(std::move(ahead_.front()));
    ahead_.pop_front();
    changed_.notify_all();
    return record;
  }

 private:
  // Each holds a batch of at most kRawBytesMax, and its cells.
  static constexpr std::size_t kAheadMax = 3;

  void read(std::uint64_t first, const std::stop_token& stop) {
    Status done = log_.read(first, [&](std::uint64_t sequence, std::string_view bytes) -> Status {
      TRY_ASSIGN(ReadRecord record, decoded(sequence, bytes));
      std::unique_lock held(mutex_);
      const auto has_room = [this] { return ahead_.size() < kAheadMax; };
      if (!changed_.wait(held, stop, has_room)) {
        return Error{ErrorCode::Unavailable, "the replay was given up"};
      }
      ahead_.push_back(std::move(record));
      changed_.notify_all();
      return Ok{};
    });
    end(std::move(done));
  }

  void end(Status done) {
    const std::lock_guard held(mutex_);
    ended_ = std::move(done);
    changed_.notify_all();
  }

  Result<ReadRecord> decoded(std::uint64_t sequence, std::string_view bytes) const {
    auto record = storage::decode(bytes);
    if (!record) {
      return Error{record.error().code, "record " + std::to_string(sequence) +
                                            " of the log: " + record.error().message};
    }
    ReadRecord read{sequence, bytes.size(), std::move(*record), {}};
    if (const auto* batch = std::get_if<storage::DataBatch>(&read.record.body)) {
      read.rows = decoder_.decode({batch->format, batch->csv_header, batch->raw});
    }
    return read;
  }

  storage::Log& log_;
  const RowDecoder& decoder_;
  std::mutex mutex_;  // Guards ahead_ and ended_.
  std::condition_variable_any changed_;
  std::deque<ReadRecord> ahead_;
  std::optional<Status> ended_;
  std::jthread thread_;  // Last, so that it ends first.
};

}  // namespace

Status Engine::Impl::apply_record(std::uint64_t sequence, storage::Record record,
                                  std::optional<Result<index::Batch>> rows) {
  latest_now_ = std::max(latest_now_.load(), record.received);
  standing_at = std::max(standing_at, record.received);
  if (auto* batch = std::get_if<storage::DataBatch>(&record.body)) {
    if (!*rows) return std::move(rows->error());
    return replay_batch(std::move(*batch), std::move(**rows), record.received, sequence);
  }
  if (const auto* declaration = std::get_if<storage::Declaration>(&record.body)) {
    TRY_ASSIGN(index::Schema schema, parse_declaration(declaration->json));
    schema.version = writer.state().schema->version + 1;
    writer.set_schema(std::move(schema));
  } else if (const auto* document = std::get_if<storage::DocumentChange>(&record.body)) {
    apply_document(*document, record.received);
  } else if (const auto* erasure = std::get_if<storage::Erasure>(&record.body)) {
    if (erasure->reason == storage::kNamelessErasure) return lost_to_compaction(sequence);
    writer.erase(writer.lost_names().name_of("profile_id", erasure->profile_id));
    if (erasure->mark.erasures != 0) suppression_mark = erasure->mark;
  } else if (const auto* outcome = std::get_if<storage::Outcome>(&record.body)) {
    remember_outcome(outcome->stream, sequence);
  } else if (const auto* compacted = std::get_if<storage::Compaction>(&record.body)) {
    apply_compaction(*compacted, sequence);
  } else if (const auto* told = std::get_if<storage::MembershipChanges>(&record.body)) {
    if (told->groups.empty()) {
      return Error{ErrorCode::NotFound,
                   "record " + std::to_string(sequence) + " of the log has changes that are past "
                       "their retention, and no checkpoint that can be read contains them: restore "
                       "a backup"};
    }
    follow(*told);
    changes.note(sequence, *told, record.received);
    add_moves(told->groups, record.received);
  } else if (const auto* history = std::get_if<storage::SegmentHistory>(&record.body)) {
    apply_history(*history, record.received);
  } else if (const auto* events = std::get_if<storage::EventsHorizon>(&record.body)) {
    if (events->before < writer.state().events_since) {
      return Error{ErrorCode::Corrupt, "record " + std::to_string(sequence) +
                                           " of the log forgets events from before a moment that "
                                           "is before the last one"};
    }
    writer.forget_events(events->before, events->first_block, events->end_block);
  } else if (const auto* horizon = std::get_if<storage::ChangesHorizon>(&record.body)) {
    changes.forget(*horizon);
  } else if (const auto* retired = std::get_if<storage::Retired>(&record.body)) {
    return Error{ErrorCode::NotFound,
                 "record " + std::to_string(sequence) + " of the log is past its retention, and "
                     "no checkpoint that can be read contains its rows: " +
                     (retired->archive.empty() ? std::string("restore a backup")
                                               : "put it back with `muster unarchive`; it is in " +
                                                     retired->archive)};
  }
  return Ok{};
}

Status Engine::Impl::replay(const std::function<void(double)>& progress) {
  const std::uint64_t last = parts.log->last_sequence();
  const auto share = [&](double sequence) {
    if (progress) progress(sequence / static_cast<double>(std::max<std::uint64_t>(last, 1)));
  };
  TRY_ASSIGN(const std::uint64_t restored, restore(progress));
  find_histories();
  {
    RecordsAhead records(*parts.log, *parts.decoder, restored + 1);
    for (;;) {
      TRY_ASSIGN(std::optional<ReadRecord> next, records.next());
      if (!next) break;
      TRY(apply_record(next->sequence, std::move(next->record), std::move(next->rows)));
      if (next->sequence % kProgressEvery == 0) share(static_cast<double>(next->sequence));
      TRY(checkpoint_replayed(next->sequence, next->bytes));
    }
  }
  TRY(check_suppression());
  if (person_keys() != nullptr) TRY(person_keys()->check(suppression_mark.erasures));
  published.set(writer.publish(last));
  event_id_bytes = writer.event_id_bytes();
  begin_standing();
  share(static_cast<double>(last));
  ready = true;
  if (parts.standing && parts.keep_up_every.count() != 0) {
    keeping_up_ = std::jthread([this](const std::stop_token& stop) { keep_up_until(stop); });
  }
  const bool has_retention = raw_retention || change_retention;
  if (parts.events_retention ||
      (checkpoints && (parts.checkpoint_bytes != 0 || has_retention))) {
    checkpointing_ = std::jthread([this](const std::stop_token& stop) { take_checkpoints(stop); });
  }
  return Ok{};
}

}  // namespace muster::engine
