// What stands behind the Engine's door: the published Generation, the committer, and what only
// the write path knows. Private to this folder.
//
// Thread safety: as said at each member.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/timed_mutex.h"
#include "engine/checkpoints.h"
#include "engine/compaction.h"
#include "engine/derive/derivation.h"
#include "engine/engine.h"
#include "engine/kept_predicates.h"
#include "engine/memory_gauge.h"
#include "engine/published.h"
#include "engine/raw_retention.h"
#include "engine/standing/change_index.h"
#include "engine/standing/change_retention.h"
#include "engine/standing/memberships.h"
#include "engine/standing/segment_histories.h"
#include "engine/standing/standing_segments.h"
#include "index/writer.h"
#include "storage/person_keys.h"
#include "query/query.h"

namespace muster::engine {

// Records of a document, an erasure or an outcome, as far as the room on the disk is concerned.
inline constexpr std::uint64_t kSmallChangeBytes = 4U << 20;

// The answer kept for an idempotency key, and what was asked with it.
struct KeptReceipt {
  Hash128 request;
  IngestReceipt receipt;
  TimeMs received = 0;
};

// How far what erased people leave behind has been taken out.
struct CompactionMark {
  std::uint64_t erasures = 0;  // Of the suppression file: how many have been.
  std::uint64_t begun = 0;     // The record that says so; 0: none ever did.
  bool is_done = true;         // Else it was interrupted, or has left something.
};

// One commit under way: changes add their records here; all are synced together.
class Commit {
 public:
  explicit Commit(std::uint64_t last_sequence) : sequence_(last_sequence) {}

  // Returns the record's sequence number.
  std::uint64_t add(const storage::Record& record);
  std::uint64_t last_sequence() const { return sequence_; }
  // When the last of them came; nothing: there are none.
  std::optional<TimeMs> last_received() const { return last_received_; }
  std::span<const std::string> records() const { return records_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::uint64_t sequence_;
  std::optional<TimeMs> last_received_;
  std::vector<std::string> records_;
  std::size_t bytes_ = 0;
};

class Engine::Impl {
 public:
  explicit Impl(const Parts& parts);
  ~Impl();

  // --- The write path (engine/commit.cpp) ---
  // A change looks at and changes the writer's state, and adds its records. One that returns an
  // error has changed nothing.
  using Change = std::function<Status(Commit&)>;
  // Runs the change in the one order of all changes; returns when it is durable and published.
  // Whoever finds no leader leads: it commits all waiting changes with one sync.
  // `bytes` bounds the records it adds: a full disk refuses it before it changes anything; 0: it
  // only looks, and needs no room.
  Status commit(Change change, std::uint64_t bytes = kSmallChangeBytes);
  // Puts other records in place of some, between two changes. A failure is as final as that of an
  // append.
  Status replace(std::span<const storage::Replacement> records);

  // --- A start (engine/replay.cpp) ---
  Status replay(const std::function<void(double)>& progress);
  // `rows`: those of a data batch.
  Status apply_record(std::uint64_t sequence, storage::Record record,
                      std::optional<Result<index::Batch>> rows);

  // --- Checkpoints (engine/take_checkpoint.cpp) ---
  Result<CheckpointReceipt> take_checkpoint(const std::stop_token& stop = {});
  // Without looking for batches to retire.  Requires taking_mutex.
  Result<CheckpointReceipt> write_checkpoint(const std::stop_token& stop);
  // Data batches that are past their retention leave the log; returns how many. What keeps them
  // from it is told.  Requires taking_mutex.
  std::uint64_t retire_batches(const std::stop_token& stop);
  // Takes one whenever Parts::checkpoint_bytes of records have come; until `stop`.
  void take_checkpoints(const std::stop_token& stop);
  bool wait_until_due(const std::stop_token& stop);
  void take_due_checkpoint(const std::stop_token& stop);
  // The state as of record `sequence`.  Requires the leader's thread, or nobody to lead.
  EngineMoment moment(std::uint64_t sequence, TimeMs received);
  // The section of that name.  Requires the same.
  std::string engine_bytes(TimeMs at, TimeMs standing_as_of) const;
  Result<std::map<std::string, Hash128>> fingerprint();
  // Returns the last record that is contained in what was read back; 0: nothing was.
  Result<std::uint64_t> restore(const std::function<void(double)>& progress);
  // All or nothing.
  Status restore_engine(std::string_view bytes);
  void note_uncheckpointed(std::uint64_t bytes);
  // The same during a replay, which takes its checkpoints itself: one that was killed in the
  // middle begins again where the last one stands.
  Status checkpoint_replayed(std::uint64_t sequence, std::uint64_t bytes);

  // --- Ingestion (engine/ingest.cpp) ---
  Result<IngestReceipt> ingest(const IngestRequest& request);
  // Judges, records and applies typed rows, within a commit.
  Result<IngestReceipt> take_rows(IngestRequest& request, const Hash128& hash,
                                  index::TypedRows rows, Commit& into);
  // The part of it behind the verdicts. `done`: what is known of a refresh so far.
  Result<IngestReceipt> record_rows(IngestRequest& request, const Hash128& hash,
                                    index::TypedRows rows, index::Writer::Applied done,
                                    Commit& into);
  // Rows of several tables (engine/ingest_together.cpp).
  Result<std::vector<IngestReceipt>> ingest_together(const RowNames& names,
                                                     std::vector<IngestRequest> parts);
  Result<index::TypedRows> typed_again(const storage::DataBatch& body, index::Batch decoded,
                                       std::uint64_t sequence) const;
  Status replay_batch(storage::DataBatch batch, index::Batch rows, TimeMs received,
                      std::uint64_t sequence);

  // --- Fields from history (engine/derive/derive.cpp) ---
  Status start_derivation(const DeriveRequest& request);
  // On its own thread, until done or `stop`.
  void run_derivation(const std::stop_token& stop);
  Status derive_until_stopped(const std::stop_token& stop);
  Status derive_from(FieldHistory& history, RawHistory& records, const std::stop_token& stop);
  // Reads on, until little is left that a commit may read.
  Status read_history(FieldHistory& history, RawHistory& records, const std::stop_token& stop);
  // Brings some people to what the history says, within a commit; false: it has to read on first.
  Result<bool> derive_next(FieldHistory& history, RawHistory& records, Commit& into);
  Status declare_derived(Commit& into);
  Status write_derived(const DerivedRows& rows, Commit& into);

  // --- Erasure (engine/erasure.cpp) ---
  Result<ErasureReceipt> erase(std::string_view profile_id);
  // All ids that were the person's, the profile's own first: a record each, from `first_record` on.
  struct ErasedPerson {
    std::vector<std::string> ids;
    std::uint64_t suppressed = 0;  // Keyed hashes that the file keeps of them.
  };
  std::optional<ErasedPerson> erase_person(std::string_view profile_id,
                                           std::uint64_t first_record, TimeMs at);
  // What the writer is to refuse; empty while nobody was erased.
  index::IsSuppressed suppressed() const;
  // Whether the suppression file is the one of this log.
  Status check_suppression();
  // Erases those whom the file has and the log has not: a crash came between the two, or the log is
  // of an older backup.
  Status apply_suppression();
  // --- Keys of people, where data are encrypted (engine/person_keys.cpp) ---
  storage::PersonKeys* person_keys() const {
    return parts.checkpoints == nullptr ? nullptr : parts.checkpoints->person_keys();
  }
  // Erases people whose keys are destroyed, destroys the keys of those who are erased, and gives
  // keys to ordinals that nobody has yet: at the end of a start.
  Status settle_person_keys();

  // --- Compaction of erased people (engine/compact_erased.cpp) ---
  // Takes out of the data directory and the archive whatever is known of people who were erased.
  // An interrupted one goes on with the next call.
  Result<CompactionReceipt> compact_erased(const std::stop_token& stop = {});
  // What the record changes in the state.  Requires the leader's thread, or nobody to lead.
  void apply_compaction(const storage::Compaction& record, std::uint64_t sequence);
  // The parts of it.  Require taking_mutex.
  Status take_out_people(const ErasedSearch& search, std::uint64_t erasures,
                         Compaction& compacting, CompactionReceipt& receipt,
                         const std::stop_token& stop);
  Status take_out_outcomes(Compaction& compacting, CompactionReceipt& receipt);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reasons_to_forget(
      const ErasedFound& found) const;
  index::IsSuppressed suppressed_so_far() const;
  // Two checkpoints that share nothing with those before, and stand.  Requires taking_mutex.
  Status take_two_checkpoints(const std::stop_token& stop);
  bool is_compaction_due();
  void compact_when_due(const std::stop_token& stop);
  EraseOutcome outcome_eraser(index::Bitmap erased);

  // --- Data keys (engine/rotate_keys.cpp) ---
  void begin_key_rotation();
  std::vector<KeyRotation::Step> rotation_steps();
  Status rewrite_checkpoints(const std::stop_token& stop);
  Result<std::vector<std::string>> rewrap_person_keys(const std::stop_token& stop);
  Result<std::vector<std::string>> rewrite_archive(const std::stop_token& stop);

  // Of the index and the ids of events; not of kept predicates, which have a limit of their own.
  // Cost: every page is looked at.
  std::uint64_t index_bytes() const;
  // Errors: StorageFull above nine tenths of the memory that is allowed.
  Status has_memory();

  // --- Standing segments (engine/standing/upkeep.cpp) ---
  // Brings them to the state of a commit, and adds who entered and left to it: to the state, too,
  // where histories of segments are followed.
  void keep_standing(std::shared_ptr<index::Generation>& generation, Commit& into);
  // Returns whether a history that is followed has got more.
  bool record_changes(std::vector<storage::MembershipGroup> groups, TimeMs known, Commit& into);
  // Who was in the segments by the change stream; `as_are`: who is. Where rows are past their
  // retention, whoever has no row since then is taken for what they are.
  std::map<std::string, index::Bitmap> told_members(
      const std::map<std::string, index::Bitmap>& as_are) const;
  // Follows a record of changes during a replay.
  void follow(const storage::MembershipChanges& told);
  // Those whose members no start could find by asking, for a checkpoint.
  void write_followed(ByteWriter& out) const;
  bool read_followed(ByteReader& in);
  // (engine/standing/change_retention.cpp) Rows that are past their retention go, as far as they
  // can. What keeps them from it is told.  Requires taking_mutex.
  void retire_changes(const std::stop_token& stop);
  Status retire_changes_until_stopped(const std::stop_token& stop);
  // (engine/event_retention.cpp) Events that are past their retention are forgotten. What keeps
  // them from it is told.  Requires taking_mutex.
  void retire_events(const std::stop_token& stop);
  Status retire_events_until_stopped(const std::stop_token& stop);
  // (engine/standing/past_members.cpp)
  Result<PastMembers> members_at(const std::string& segment, const PastMoment& moment);
  Result<std::uint64_t> last_row_known_by(TimeMs at) const;
  // (engine/standing/segment_histories.cpp) The state to ask a question of: it has the histories
  // of all segments that `entered` and `left` name there. Those that are not followed are from now
  // on, beginning with the rows of the change stream.
  // Errors: LimitExceeded, also where the budget runs out; those of the log and of commit().
  Result<std::shared_ptr<const index::Generation>> state_for(std::string_view where,
                                                             const query::Budget& budget);
  Result<std::shared_ptr<const index::Generation>> state_with(
      const std::set<std::string>& moved, const query::Budget& budget);
  Status follow_history(const std::string& segment, const query::Budget& budget);
  void apply_history(const storage::SegmentHistory& record, TimeMs received);
  // (engine/standing/unfollow.cpp) From here on the segment's history is not followed, unless a
  // definition that is saved, or was, asks for it.
  void unfollow(const std::string& segment, Commit& into);
  void forget_history(const std::string& segment);
  // Makes room for one more: the one goes that nobody has asked about for the longest.
  // Errors: LimitExceeded where definitions ask for all of them.
  Status unfollow_one(Commit& into);
  // Whether what is saved by the commit under way finds the histories that it asks for.
  // Errors: Overloaded, where one has ended since.
  Status check_followed(const std::set<std::string>& moved) const;
  void find_histories();  // Of a state that was read back.
  // Who moved becomes events of theirs, where the segment's history is followed. Returns whether
  // there were any.
  bool add_moves(std::span<const storage::MembershipGroup> groups, TimeMs known);
  // After a replay: who is in them by now.
  void begin_standing();
  // Brings them to the present; asks as a whole those that have to be, when each is due or now.
  enum class Wholes : std::uint8_t { WhenDue, Now };
  Status keep_up(Wholes when);
  void keep_up_until(const std::stop_token& stop);

  // --- Documents (engine/documents.cpp) ---
  // `moved`: the segments of which it asks who entered and left.
  Result<Document> put(DocumentPut put, std::string blob = {},
                       const std::set<std::string>& moved = {});
  void apply_document(const storage::DocumentChange& change, TimeMs received);

  // --- Questions (engine/questions.cpp) ---
  Result<query::BoundQueryPtr> bind(const Question& question,
                                    std::shared_ptr<const index::Generation> generation,
                                    TimeMs now, query::KeptLookup kept = {}) const;
  // One of the segments of an overlap (engine/comparisons.cpp).
  Result<query::BoundQueryPtr> bind_layer(
      const OverlapLayer& layer, const Question& question,
      const std::shared_ptr<const index::Generation>& generation, TimeMs now);
  // What is kept for a question, unless it goes without.
  query::KeptLookup kept_for(const Question& question);
  // The same for who only looks at a question: it does not count as asked.
  query::KeptLookup kept_already(const Question& question);
  query::BindContext context(std::shared_ptr<const index::Generation> generation, TimeMs now,
                             const std::string& timezone) const;
  BindingContext binding_context() const;  // The same, for those who bind later.

  Result<ProfileAnswer> profile(const std::shared_ptr<const index::Generation>& generation,
                                index::Ordinal person);  // (engine/profile.cpp)

  std::shared_ptr<const index::Generation> generation() const { return published.get(); }
  TimeMs now() const;

  const Parts parts;
  // Lists of objects taken apart, for all questions.
  const std::shared_ptr<query::ObjectStore> objects = query::make_object_store();
  Published<index::Generation> published;
  KeptPredicates predicates;
  MemoryGauge memory_gauge;

  index::Writer writer;                             // The leader's alone.
  StandingSegments standing;                        // The leader's alone, but for its sizes.
  Memberships memberships;                          // For look-ups; any thread.
  ChangeIndex changes;
  std::set<std::string> histories;                  // Followed; the leader's alone.
  HistoryUse history_use;                           // Of those that are followed; any thread.
  TimedMutex following_mutex;                       // Held while one is read.
  TimeMs standing_at = 0;                           // Of the state that was read back.
  std::map<std::string, index::Bitmap> followed;    // Members as told; of a replay under way.
  std::mutex keep_up_mutex;  // Guards whole_due; held while wholes are asked.
  std::map<std::string, std::chrono::steady_clock::time_point> whole_due;  // By segment.
  storage::SuppressionMark suppression_mark;        // The log's; the leader's alone.
  CompactionMark compaction;                        // The leader's alone.
  std::map<std::string, KeptReceipt> receipts;      // By idempotency key; the leader's alone.
  std::deque<std::pair<TimeMs, std::string>> receipt_order;  // Oldest first; the leader's alone.

  mutable std::mutex streams_mutex;                 // Guards streams.
  std::map<std::string, std::vector<std::uint64_t>> streams;  // Outcome records by stream.
  mutable std::mutex rejected_mutex;                // Guards rejected_rows.
  std::deque<RejectedRowInfo> rejected_rows;        // Newest last; at most kRejectedKeptMax.

  std::mutex outcome_eraser_mutex;                  // Guards make_outcome_eraser.
  OutcomeEraser make_outcome_eraser;                // Empty: nobody has outcomes.
  std::atomic<std::uint64_t> gone_erasures = 0;     // Of `compaction`, once it is done.
  std::atomic<TimeMs> tried_compaction = 0;         // By this process; 0: never.

  std::atomic<bool> ready = false;
  std::atomic<bool> read_only = false;              // For ever, after a failed append.
  std::atomic<std::uint64_t> waiting_count = 0;
  std::atomic<std::size_t> event_id_bytes = 0;

  std::optional<Checkpoints> checkpoints;           // Unless none are kept.
  std::optional<RawRetention> raw_retention;        // Unless batches stay for ever.
  std::optional<ChangeRetention> change_retention;  // Unless changes stay for ever.
  std::mutex taking_mutex;                          // Held while one is taken.
  // Of these erasures everything has been taken out but what destinations have yet to be told;
  // nothing: not by this process. Guarded by taking_mutex.
  std::optional<std::uint64_t> only_outcomes_left;
  std::stop_source ending;                          // Of what an operator asked for.
  std::mutex checkpoint_mutex;                      // Guards checkpoint_failure.
  std::condition_variable_any checkpoint_due;
  std::string checkpoint_failure;                   // "": the last one was taken.
  std::atomic<std::uint64_t> uncheckpointed = 0;    // Bytes of records since the newest.

  DeriveAnswer derivation() const { return derivation_.answer(); }
  std::uint64_t derivation_bytes() const { return derivation_.bytes; }
  Status cancel_derivation() { return derivation_.cancel(); }
  void end_derivation() { derivation_.end(); }

  void keep_receipt(const std::string& key, KeptReceipt kept);
  void keep_rejected(const storage::DataBatch& batch, std::uint64_t sequence, TimeMs received);
  void remember_outcome(const std::string& stream, std::uint64_t sequence);

 private:
  struct Waiting {
    Change* change = nullptr;
    std::uint64_t bytes = 0;
    std::optional<Status> result;
    std::chrono::steady_clock::time_point came = std::chrono::steady_clock::now();
  };
  // Changes of one group commit: bounds how long the first of them waits.
  static constexpr std::size_t kGroupMax = 256;
  void lead(std::unique_lock<std::mutex>& held);
  // Returns how many of them were run and have their results; the rest waits for the next leader.
  std::size_t run_group(std::span<Waiting* const> group);
  void note_lost_log(const Error& error);
  // Says what the commit of these took, once it can be seen; `flips` of it are already there.
  void tell_figures(std::span<Waiting* const> group, const Commit& commit, CommitFigures figures);
  // After an exception in the middle of it.
  void give_up(std::span<Waiting* const> group);
  Status run(const Waiting& waiting, Commit& commit);

  std::mutex queue_mutex_;                // Guards waiting_ and leading_.
  std::condition_variable done_;
  std::deque<Waiting*> waiting_;          // At most kWaitingMax.
  bool leading_ = false;
  std::string failure_;                   // Why read_only; written before it.
  mutable std::atomic<TimeMs> latest_now_ = 0;
  Derivation derivation_;
  std::jthread checkpointing_, keeping_up_;  // Behind all else, so that they end first.

 public:
  std::optional<KeyRotation> key_rotation;   // Unless nothing is encrypted; likewise.
};

}  // namespace muster::engine
