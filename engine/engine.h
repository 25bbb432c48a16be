// The one door: everything that routes, loader, exporter, command line and tests may ask for.
//
// Every answer comes from one Generation and says its snapshot: the sequence number of the last
// log record it contains. A receipt means durable and visible to the next question.
//
// Thread safety: any thread, all functions.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/access.h"
#include "engine/answers.h"
#include "engine/commit_figures.h"
#include "engine/comparisons.h"
#include "engine/key_rotation.h"
#include "engine/row_decoder.h"
#include "engine/standing/change_index.h"
#include "engine/standing/standing_segments.h"
#include "index/schema.h"
#include "index/sets/bitmap.h"
#include "storage/checkpoint_store.h"
#include "storage/log.h"
#include "storage/suppression.h"

namespace muster::engine {

// What an Engine is made of. All outlive it.
struct Parts {
  storage::Log* log = nullptr;
  const Clock* clock = nullptr;
  const RowDecoder* decoder = nullptr;
  unsigned threads = 1;  // Of the evaluation arena; 1: no arena at all.
  std::uint64_t kept_bytes = 256U << 20;  // Of kept predicates at most; 0: none are kept.
  // Above nine tenths of it, rows are refused and all else goes on; 0: no limit.
  std::uint64_t memory_bytes_max = 0;
  // Where checkpoints are kept; null: none are, and a start replays the whole log.
  const storage::CheckpointStore* checkpoints = nullptr;
  Base base = Base::NewestCheckpoint;
  // One is taken, beside everything else, after this many bytes of new records; 0: only when asked.
  std::uint64_t checkpoint_bytes = 32U << 20;
  // Data batches behind the checkpoints leave the log this long after they came; nothing: they
  // stay. Needs checkpoints.
  std::optional<TimeMs> raw_retention = {};
  // The directory of the archive that they go to; "": they go for good.
  std::filesystem::path raw_archive = {};
  // Rows of the change stream are readable so long after they became known; nothing: for ever. What
  // they take leaves the log once two checkpoints contain it. Needs checkpoints.
  std::optional<TimeMs> changes_retention = {};
  // Events are kept so long by their time, to the day (below ten days to the hour, below ten hours
  // exactly), and are forgotten then; nothing: for ever.
  std::optional<TimeMs> events_retention = {};
  // Segments of which who entered and left can be asked at any one time: each takes room, and
  // whoever may ask may ask for it (engine/standing/segment_histories.h).
  std::size_t histories_max = 1'000;
  // Who was erased, and is not taken in again however they come; null: their ids are refused as
  // long as these data know them. Those in it whom the data still have are erased at the start.
  storage::Suppression* suppression = nullptr;
  // What erased people leave is taken out, beside everything else, so long after an erasure, or
  // after the last time that something had to be left: within a day, less the time that it takes.
  // It needs checkpoints that are taken by themselves, and `suppression`.
  TimeMs compact_after = 20 * 3'600'000LL;
  // Between two looks for batches that are past their retention and for erasures to compact, where
  // no checkpoint comes sooner.
  std::chrono::milliseconds look_every = std::chrono::hours(1);
  // The data keys that what stands on disk is encrypted with, so that they can be replaced; null:
  // it is not encrypted, or they stay. Needs checkpoints.
  storage::Keyring* keyring = nullptr;
  std::function<void(const std::string& step)> behind_rotation_step = {};  // For tests.
  // Whether saved segments are kept exact, and who enters and leaves is recorded. Without it data
  // may be read, but not changed: the change stream would have a gap.
  bool standing = true;
  // How often the clock is looked at for those whom it moves; 0: only with each change, and when
  // asked to keep_up().
  std::chrono::milliseconds keep_up_every{0};
  // Told, in a sentence, what an operator should know: that a checkpoint was passed over, or could
  // not be taken. From any thread.
  std::function<void(const std::string& sentence)> notice = {};
  // Told what each commit did and took, once it can be seen. By whoever led it, while others wait:
  // memory work only.
  std::function<void(const CommitFigures& figures)> committed = {};
};

class Engine {
 public:
  // Reads the newest sound checkpoint and replays the log behind it. `progress`, from any thread,
  // is told the share done, 0 to 1, now and then.
  // Errors: Corrupt naming the record, or the suppression file where it is not of this log or
  // older than it; NotFound naming it when its rows were retired and no
  // checkpoint that may be read contains them; those of the log.
  static Result<std::unique_ptr<Engine>> open(const Parts& parts,
                                              const std::function<void(double)>& progress = {});
  ~Engine();

  // --- Data in ---------------------------------------------------------------------------------

  // Takes the good rows of a batch, whole or not at all, and reports the bad ones.
  // Limits: kBatchBytesMax.
  // Errors: InvalidArgument (bytes that are no rows, an unknown entity or source), Conflict (an
  // idempotency key used with other bytes; a replace that would lose over 20 % without force),
  // Overloaded when the queue is full, StorageFull (the disk, or Parts::memory_bytes_max),
  // Unavailable after a failed sync.
  Result<IngestReceipt> ingest(const Pass<Permission::Ingest>& pass, const IngestRequest& request);

  // Takes NDJSON rows of several tables in one step, in their order: all are durable, or none is.
  // A line of a later part is passed over where an earlier part of Identities passes over the same
  // line as known: so lines count through all parts. Parts that say nothing new leave no record.
  // `names`: what the rows were written for.
  // Limits: kBatchBytesMax together.
  // Errors: Conflict when the declaration has other names by now: write the rows again; Unsupported
  // for a refresh, an idempotency key or a dry run; those of ingest().
  Result<std::vector<IngestReceipt>> ingest_together(const Pass<Permission::Ingest>& pass,
                                                     const RowNames& names,
                                                     std::vector<IngestRequest> parts);
  RowNames row_names(const Pass<Permission::Ingest>& pass) const;

  // Replaces the declaration. Returns the schema as it then stands.
  // Errors: InvalidArgument naming the JSON pointer; Conflict when a field with data would be
  // removed or change its type: a report of every such field.
  Result<std::shared_ptr<const index::Schema>> declare(const Pass<Permission::Define>& pass,
                                                       std::string_view json);
  // Begins to make fields of profiles or entities from the rows of the log and its archive, as if
  // they had been declared so from the beginning; also with another type than they have. The
  // declaration gets them. One at a time; derivation() says how it goes. What an interrupted one
  // has left is as it should be, and the next goes on.
  // Cost: the log is read beside everything else; then commits that look at 65,536 people each.
  // Errors: InvalidArgument naming the JSON pointer, for a field of events and for an identifier;
  // Conflict while one is under way, and where rows wait that have such a field.
  Status derive(const Pass<Permission::Define>& pass, const DeriveRequest& request);
  DeriveAnswer derivation(const Pass<Permission::Query>& pass) const;
  // Ends the one that is under way; what it has written stays.
  // Errors: NotFound where none is.
  Status cancel_derivation(const Pass<Permission::Define>& pass);
  // The declaration as JSON, inferred fields included (with "inferred": true).
  std::string schema_json(const Pass<Permission::Query>& pass) const;
  std::shared_ptr<const index::Schema> schema() const;

  // Nobody sees the person any more when this returns, and nothing brings them back: not a late
  // event, another import or an older backup, by the id or by an identifier they had.
  // Errors: NotFound.
  Result<ErasureReceipt> erase(const Pass<Permission::Define>& pass, std::string_view profile_id);

  // Who was erased, without saying who: newest first.
  std::vector<ErasureInfo> erasures(const Pass<Permission::Define>& pass, std::size_t limit) const;
  // The newest erasure of this id.
  // Errors: NotFound when nobody with this id was erased.
  // Cost: one HMAC, and a look at each erasure.
  Result<ErasureInfo> erasure(const Pass<Permission::Define>& pass,
                              std::string_view profile_id) const;

  // --- Questions -------------------------------------------------------------------------------

  // Reads, binds and judges an expression without running it. A wrong expression is an answer
  // here, not an error: CheckAnswer::errors.
  CheckAnswer check(const Pass<Permission::Query>& pass, const Question& question) const;
  Result<CountAnswer> count(const Pass<Permission::Query>& pass, const Question& question) const;
  // And at every clause how many pass it, and how many there would be without it.
  // Errors: LimitExceeded above query::kClausesMax clauses.
  Result<ClausesAnswer> count_clauses(const Pass<Permission::Query>& pass,
                                      const Question& question) const;
  // The segment's people by the values or bands of fields, beside everyone's.
  // Errors: those of count() and of query::break_down().
  Result<BreakdownAnswer> break_down(const Pass<Permission::Query>& pass,
                                     const BreakdownRequest& request) const;
  // Sizes of 2 to query::kOverlapSegmentsMax segments, and of what they share.
  // Errors: InvalidArgument for too few or too many and for names given twice; NotFound with the
  // nearest id; those of count(), beginning with the name of the segment.
  Result<OverlapAnswer> overlap(const Pass<Permission::Query>& pass,
                                const OverlapRequest& request) const;
  // Everybody in the segment, as a set; the profile ids and fields come by rows().
  Result<MembersAnswer> members(const Pass<Permission::Members>& pass,
                                const Question& question) const;
  // The profiles of `ordinals`, in that order, with the named fields ("profiles." left out)
  // and traits ("traits.NAME"), as of the moment of `members`.
  // Limits: 65,536 ordinals a call.  Cost: a trait is evaluated person by person.
  // Errors: NotFound with the nearest name for an unknown field or trait.
  Result<std::vector<ProfileRow>> rows(const Pass<Permission::Members>& pass,
                                       const MembersAnswer& members,
                                       std::span<const std::uint32_t> ordinals,
                                       const std::vector<std::string>& fields) const;
  // Whether each of them is not there any more, as of now: erased, or left out by a refresh.
  std::vector<bool> gone(const Pass<Permission::Members>& pass,
                         std::span<const std::uint32_t> ordinals) const;
  // Everybody who was erased, ever.
  // Errors: Unavailable while nothing is written any more.
  Result<index::Bitmap> erased(const Pass<Permission::Members>& pass) const;
  Result<Explanation> explain(const Pass<Permission::Members>& pass, const Question& question,
                              std::string_view profile_id,
                              LookForFlip look = LookForFlip::Yes) const;
  // Counts once on one thread, so that the plan can say what every node took.
  Result<PlanAnswer> plan(const Pass<Permission::Query>& pass, const Question& question) const;
  // One profile with all its attributes and traits, its last events and the saved segments it is
  // in.
  // Errors: NotFound.
  Result<ProfileAnswer> profile(const Pass<Permission::Members>& pass,
                                std::string_view profile_id) const;
  // The same of who holds a value of a declared identifier, which is normalised as in rows.
  // Errors: InvalidArgument with the nearest name where none is declared so; NotFound.
  Result<ProfileAnswer> profile_by(const Pass<Permission::Members>& pass,
                                   std::string_view identifier, std::string_view value) const;
  Catalog catalog(const Pass<Permission::Query>& pass) const;

  // --- Segments and other named documents ------------------------------------------------------

  // Saves a segment as its next version. `json`: {"where", "name", "tz", "description"}.
  // Errors: those of check; InvalidArgument for a cycle.
  Result<Document> put_segment(const Pass<Permission::Define>& pass, std::string_view id,
                               std::string_view json);
  // Errors: Conflict while another segment, a trait or a sync refers to it.
  Result<Document> delete_segment(const Pass<Permission::Define>& pass, std::string_view id);
  // Saves a trait as its next version. `json`: {"value", "name", "tz", "description"}.
  // Errors: those of check; InvalidArgument for a name that expressions cannot write or that an
  // attribute has; Conflict for a cycle, or while a segment or trait that uses it would break.
  Result<Document> put_trait(const Pass<Permission::Define>& pass, std::string_view id,
                             std::string_view json);
  // Errors: Conflict while a segment or another trait refers to it.
  Result<Document> delete_trait(const Pass<Permission::Define>& pass, std::string_view id);
  // Replaces a static list. `identifiers`: one per line, of the named kind ("profile_id" or a
  // declared identifier).
  Result<ListReceipt> put_list(const Pass<Permission::Define>& pass, std::string_view id,
                               const ListRequest& request);
  Result<Document> delete_list(const Pass<Permission::Define>& pass, std::string_view id);

  // Destinations, syncs, keys and jobs: kept, versioned and replayed, their JSON not understood
  // here. Kinds: "destination", "sync", "holdout" (Activate), "key" (Admin), "job", "list",
  // "segment", "trait" (read).
  // Errors: Conflict when `expected_version` is given and no longer the newest.
  Result<Document> put_document(const Pass<Permission::Activate>& pass, DocumentPut put);
  Result<Document> put_document(const Pass<Permission::Admin>& pass, DocumentPut put);
  // The newest version, or the given one. Errors: NotFound with the nearest id.
  Result<Document> document(std::string_view kind, std::string_view id,
                            std::uint64_t version = 0) const;
  std::vector<Document> documents(std::string_view kind) const;  // By id, newest versions.
  std::vector<Document> versions(std::string_view kind, std::string_view id) const;

  // --- Standing segments and the change stream ------------------------------------------------

  // Who entered and left saved segments, in the order in which it became known. Durable and
  // complete from the saving of a segment on: its rows, replayed, are its members.
  // Limits: 100,000 rows, or those of 256 records.
  // Errors: NotFound where rows from `from` on are past their retention; those of the log.
  Result<ChangesAnswer> changes(const Pass<Permission::Members>& pass,
                                const ChangesRequest& request) const;
  // The offset that the next change will have.  Cost: none.
  std::uint64_t next_change() const;
  // The rows that can still be read, and when those before them were known.  Cost: none.
  ChangesKept changes_kept() const;
  // Who was in a saved segment at a moment, by the change stream; whoever was erased since is left
  // out, and no one else.
  // Errors: InvalidArgument for a moment that is yet to come; NotFound for one from before the rows
  // that are kept; Unsupported without Parts::standing; those of a change, and of the log.
  // Cost: all rows of the stream since then are read.
  Result<PastMembers> members_at(const Pass<Permission::Members>& pass,
                                 const std::string& segment, const PastMoment& moment);
  // How many those are.
  Result<PastCount> count_at(const Pass<Permission::Query>& pass, const std::string& segment,
                             const PastMoment& moment);
  std::vector<HistoryStep> segment_history(const Pass<Permission::Query>& pass,
                                           const std::string& segment, HistoryUnit unit) const;
  // How many are in a saved segment, without a question; nothing when there is no such segment.
  std::optional<SegmentSize> segment_size(const Pass<Permission::Query>& pass,
                                          const std::string& segment) const;
  StandingSegments::Sizes segment_sizes(const Pass<Permission::Query>& pass) const;
  // Time that the upkeep of each saved segment took since the start, as of about a second ago.
  std::map<std::string, std::chrono::nanoseconds> segment_costs() const;
  // Another number after each change of a size.  Cost: none.
  std::uint64_t segment_changes() const;
  // Brings all saved segments to the present, those with tiles and tops too.
  // Errors: those of a change.
  Status keep_up(const Pass<Permission::Admin>& pass);

  // --- The exporter's memory -------------------------------------------------------------------

  // Appends to a stream, durable when it returns. Streams are read back in order after a restart.
  Status record_outcome(const Pass<Permission::Activate>& pass, std::string_view stream,
                        std::vector<std::string> payloads);
  Status outcomes(const Pass<Permission::Activate>& pass, std::string_view stream,
                  const std::function<Status(std::string_view payload)>& visit) const;

  // --- Checkpoints -----------------------------------------------------------------------------

  // Takes a checkpoint now, beside everything else; returns when it is on the disk. When nothing
  // came since the newest one, nothing is written.
  // Errors: Unsupported without Parts::checkpoints; StorageFull; Corrupt; Unavailable.
  Result<CheckpointReceipt> take_checkpoint(const Pass<Permission::Admin>& pass);

  // Takes out of the log, its archive and the checkpoints what they still have of people who were
  // erased; returns when the bytes are gone from the disk, but for what the receipt says is needed
  // (a destination has yet to be told) or unreachable. One is begun by itself within a day after an
  // erasure, where checkpoints are taken.
  // Cost: the data batches are decoded and two whole checkpoints are written, beside everything
  // else; nothing when nobody was erased since the last one.
  // Errors: Unsupported without Parts::checkpoints and Parts::suppression; StorageFull; Corrupt;
  // Unavailable. Then the next one goes on.
  Result<CompactionReceipt> compact_erased(const Pass<Permission::Admin>& pass);
  // Has a compaction or rotation that is under way come to its end: the next one goes on with it.
  void end_upkeep();
  // Adds a data key, begins to write anew whatever stands under older ones, beside everything else,
  // and returns how it stands. One that a process did not finish goes on with the next.
  // Cost: each encrypted file is read and written once, and the log read, at half speed.
  // Errors: Conflict while one is under way; Unsupported for data that are not encrypted;
  // PermissionDenied when the keyring was sealed with another key meanwhile.
  Result<RotationState> rotate_keys(const Pass<Permission::Admin>& pass);
  // How it stands; without a key where the data are not encrypted.
  Result<RotationState> key_rotation(const Pass<Permission::Admin>& pass) const;
  // Returns when no rotation is under way any more.
  void wait_for_key_rotation();
  // What takes people out of recorded outcomes, called by any thread until another is set; empty:
  // those stay.
  void erase_outcomes_with(OutcomeEraser eraser);

  // What the state is made of: the parts of a checkpoint by name, each as a hash of its bytes. Two
  // engines with the same fingerprint answer every question alike.
  // Errors: those of a change.
  // Cost: all columns are laid out as for a checkpoint.
  Result<std::map<std::string, Hash128>> fingerprint(const Pass<Permission::Admin>& pass);

  // --- How it is -------------------------------------------------------------------------------

  Health health() const;
  // What the index takes, as accounted, part by part.  Cost: a look at every page.
  std::vector<MemoryPart> memory() const;
  TimeMs now() const;  // Never decreases.
  std::vector<RejectedRowInfo> rejected(const Pass<Permission::Query>& pass,
                                        std::size_t limit) const;  // Newest first.

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::engine
