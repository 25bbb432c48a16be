// The inside of the exporter: what it keeps per destination and sync, and how work is chosen.
//
// One mutex stands above all entries and is held for memory work only. Work is claimed by sync:
// who holds the claim (`busy`) is the only one to journal for that sync and to change its ledger; a
// ledger is changed under the mutex, so that everybody else may read it under the mutex.
// A delivery under way needs no claim. It is one of the `flights` of its sync from before its first
// byte until its answer is in the ledger; the answer comes by any thread, is judged at once, tells
// the destination's gate, and waits in `answers` for the next claim, which journals all that are
// there in one append.
// What is planned or answered goes into `backlog` and the ledger, and is then appended; where that
// fails, nothing else happens for that sync until the backlog is written.
// No two deliveries of a destination that are under way hold the same person: batches of a sync
// never share one, and one that shares one with another sync waits.
//
// For the exporter's own .cpp files. Thread safety: any thread, as said above.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "connect/audience.h"
#include "connect/beside.h"
#include "connect/contact_log.h"
#include "connect/delivery_gate.h"
#include "connect/delivery_policy.h"
#include "connect/destination.h"
#include "connect/destination_document.h"
#include "connect/document_store.h"
#include "connect/event_run.h"
#include "connect/exporter.h"
#include "connect/journal.h"
#include "connect/known_people.h"
#include "connect/ledger.h"
#include "connect/outcome_eraser.h"
#include "connect/planner.h"
#include "connect/removal_outbox.h"
#include "connect/secret_box.h"
#include "connect/sync_document.h"

namespace muster::connect {

// Batches of one sync that are planned and not settled: bounds memory, and how far a run goes on
// while single batches wait for their next attempt.
inline constexpr std::uint64_t kLiveBatchesMax = 32;
// Dead letters after which a run stops planning more of them.
inline constexpr std::uint64_t kDeadBatchesMax = 32;
// Batches planned and appended at once, and their bytes as stored: one append is one sync of the
// log, and must stay far below its largest record.
inline constexpr std::size_t kPlannedAtOnceMax = 16;
inline constexpr std::size_t kPlannedBytesMax = 16U << 20;
// Bodies of batches that are kept as they go out until they are first sent, of all syncs together;
// others are unpacked.
inline constexpr std::size_t kBodiesBytesMax = 64U << 20;
// Below so many people it is not worth a thread to plan beside another one.
inline constexpr std::size_t kPlannedBesideMin = 4'096;
// Batches that are ready before there is room for them, above the concurrency.
inline constexpr std::uint64_t kPlannedAhead = 2;
// Rounds of planning, journaling and sending in one claim: then others have their turn.
inline constexpr unsigned kRoundsMax = 16;
// For which answers are waited for together, within a claim.
inline constexpr std::chrono::milliseconds kTogether{1};
// Deliveries under way, all destinations together.
inline constexpr std::size_t kFlightsMax = 1'024;
// Deliveries that are not yet in the contact history; then they go before others are made.
inline constexpr std::size_t kUntoldMax = 16;
// Until journal or engine are asked again after they could not answer.
inline constexpr TimeMs kTroubleWaitMs = 5'000;
// Until people who were erased, and whom a run could not remove, get another one.
inline constexpr TimeMs kErasedAgainMs = 3'600'000;
// Between two looks at the segments of continuous syncs.
inline constexpr TimeMs kObserveEveryMs = 200;
// Longest sleep of a delivery thread: a clock that is set is noticed within it.
inline constexpr TimeMs kSleepMsMax = 500;

struct DestinationEntry {
  std::shared_ptr<const DestinationDocument> document;
  std::uint64_t version = 0;
  TimeMs changed = 0;
  std::shared_ptr<Destination> client;
  DeliveryGate gate;
  std::optional<std::string> rotated_token;  // A refresh token that is not kept yet.
};

// A delivery whose answer is not yet in the ledger.
struct Flight {
  std::uint64_t destination_version = 0;
  std::shared_ptr<const DestinationDocument> destination;
  TimeMs begun = 0;
  bool answered = false;
};

// An answer, judged and not yet in the ledger.
struct Answered {
  std::string batch_id;
  Verdict verdict;
  int status = 0;
  TimeMs at = 0;
  std::string body;  // Of a 2xx, where the destination has rules to read it by.
  bool cut = false;  // There was more of it.
};

// Steps that are planned and not noted: nobody else knows of them, and they may be dropped.
struct AheadOfRun {
  std::uint64_t run = 0, destination_version = 0;  // What they are of.
  std::shared_ptr<const SyncDocument> document;
  std::vector<PlannedStep> steps;
  std::size_t bytes = 0;
};

struct SyncEntry {
  explicit SyncEntry(const std::string& id) : ledger(id) {}

  std::shared_ptr<const SyncDocument> document;
  std::uint64_t version = 0;
  TimeMs changed = 0;
  Ledger ledger;
  std::optional<RunRequested> requested;     // Durable, not yet begun.
  std::optional<TraceContext> trace;         // Of who asked for the run `traced_run`.
  std::uint64_t traced_run = 0;
  std::optional<std::uint64_t> revived_for;  // Dead letters were tried again before that run.
  std::shared_ptr<const AudienceMoment> moment;  // Of the run under way; null after a restart.
  std::shared_ptr<const EventRows> events;       // The same, of a sync of events.
  std::map<std::string, Flight> flights;     // By batch.
  std::list<Answered> answers;
  std::vector<OutcomeRecord> backlog;        // In the ledger, and not written yet.
  // By batch that was planned and not sent yet: its body, unless that is packed as it goes out.
  std::map<std::string, std::string> bodies;
  AheadOfRun ahead;                          // Until an answer makes room for more.
  std::set<std::string> replay;              // Dead letters somebody wants sent again.
  bool reserved = false;                     // A request or a deletion is being written.
  bool busy = false;                         // A thread is at work for it ...
  std::string busy_for;                      // ... and for this destination.
  bool cancel_wanted = false;
  // Erased, and at the destination or on the way there, as far as is known: no batch with them is
  // begun. They are forgotten when they no longer are, and not before; a start finds them again
  // (exporter_erased.cpp).
  index::Bitmap erased;
  index::Bitmap erased_tried;                // By the erasure run that ended last.
  TimeMs erased_again_at = 0;                // When those get another run.
  bool named_last = false;                   // Names were kept since a run began.
  // Of a continuous sync: who was in its segments at the newest look or run, and when somebody came
  // or went that no run has seen; 0: nobody.
  std::uint64_t mark = 0;
  TimeMs dirty_since = 0;
  TimeMs not_before = 0;
  std::string trouble;                       // Why it waits until not_before.
  std::string stuck;                         // Why the run under way cannot plan any further.
};

enum class RunKind : std::uint8_t { Usual, Whole, Erasure };
enum class Paused : std::uint8_t { No, Yes };

enum class TaskKind : std::uint8_t {
  Cancel,     // End the run that is asked for or under way.
  Recut,      // Take people who were erased out of batches.
  Owe,        // Keep the outbox of removals.
  Name,       // Keep the names in it: one pass over the journal.
  Flush,      // Write what could not be written.
  Tell,       // A delivery becomes events of its people.
  Revive,     // Dead letters become batches again.
  Deliver,    // Journal answers, cut the next batches, send those that are due.
  FinishRun,
  StartRun,   // Decide who is concerned.
  Request,    // The schedule asks for a run.
};

// One piece of work. The copies it holds stay valid while documents change.
struct Task {
  TaskKind kind = TaskKind::Flush;
  std::string destination_id, sync_id;
  SyncEntry* sync = nullptr;  // Stays while busy.
  std::shared_ptr<const DestinationDocument> destination;
  std::uint64_t destination_version = 0;
  std::shared_ptr<const SyncDocument> document;
  std::shared_ptr<Destination> client;
};

class Exporter::Impl {
 public:
  Impl(ExporterParts parts, ExporterOptions options, SecretBox box)
      : parts_(std::move(parts)), options_(std::move(options)), box_(std::move(box)) {}
  // Ends what is under way first: its answers come to this.
  ~Impl();

  // --- exporter.cpp
  Status load();
  void run(std::stop_token stop);
  bool work_once();
  std::optional<TimeMs> next_due() const;

  // What the syncs need of their journals.
  OutcomeEraser::Needs needs() const;

  // --- exporter_documents.cpp
  Result<DocumentView> put_destination(std::string_view id, std::string_view json,
                                       std::optional<std::uint64_t> expected_version);
  Status delete_destination(std::string_view id);
  Result<DocumentView> put_sync(std::string_view id, std::string_view json,
                                std::optional<std::uint64_t> expected_version);
  Status delete_sync(std::string_view id);
  Status set_paused(std::string_view id, Paused paused);
  Result<DocumentView> destination(std::string_view id) const;
  std::vector<DocumentView> destinations() const;
  Result<GateView> destination_status(std::string_view id) const;
  Result<DocumentView> sync(std::string_view id) const;
  std::vector<DocumentView> syncs() const;

  // --- exporter_erased.cpp
  std::vector<RemovalView> note_erased(const engine::ErasureReceipt& receipt);
  std::vector<RemovalView> removals(std::string_view profile_id) const;
  // What is owed, and whoever was erased, of all syncs: after a start.
  Status load_removals();

  // --- exporter_schedule.cpp
  void observe(TimeMs at);
  Status want_cancelled(std::string_view id);
  Result<PreviewView> preview(std::string_view id) const;

  // --- exporter_experiments.cpp
  GlobalHoldout holdout() const;
  Result<GlobalHoldout> put_holdout(std::string_view json);
  Result<BalanceView> balance(std::string_view id) const;
  Result<LiftView> lift(std::string_view id, std::string_view goal) const;

  // --- exporter_reports.cpp
  Result<std::uint64_t> reserve_run(std::string_view id, std::optional<TraceContext> trace,
                                    RunKind kind = RunKind::Usual);
  ExportQueue queue() const;
  Result<std::vector<RunView>> runs(std::string_view id) const;
  std::vector<JobView> jobs() const;
  Result<JobView> job(std::string_view id) const;
  Result<LedgerView> ledger(std::string_view id) const;
  Result<PersonView> person(std::string_view id, std::string_view profile_id) const;
  Result<PeoplePage> people(std::string_view id, const PeopleQuery& query) const;
  Result<std::vector<DeadLetterView>> dead_letters(std::string_view id) const;
  Result<std::uint64_t> replay(std::string_view id, std::string_view message_id);

  // --- exporter_render.cpp
  Result<std::string> render(std::string_view id, std::string_view profile_id,
                             std::string_view operation) const;

 private:
  // Of the sync that is previewed, copied under the mutex.
  struct Previewed {
    std::shared_ptr<const SyncDocument> document;
    std::shared_ptr<const DestinationDocument> destination;  // Never null.
  };
  Result<Previewed> previewed(std::string_view id) const;
  struct Enrolled;
  Result<Enrolled> enrolled(std::string_view id) const;

  struct Choice {
    std::optional<Task> task;
    std::optional<TimeMs> due;  // When something is to be done, if nothing is now.
  };

  // Choosing; all under mutex_.
  Choice choose(TimeMs now) const;
  Choice choose_in(const DestinationEntry& destination, const SyncEntry& sync, TimeMs now) const;
  Choice choose_work(const DestinationEntry& destination, const SyncEntry& sync,
                     TimeMs now) const;
  Choice choose_batch(const DestinationEntry& destination, const SyncEntry& sync,
                      TimeMs now) const;
  // How many batches may be cut before others are settled.
  std::size_t plannable(const DestinationEntry& destination, const SyncEntry& sync) const;
  // Batches that are due and may go now, oldest first, at most `most`.
  std::vector<std::string> due_batches(const SyncEntry& sync, TimeMs now, std::size_t most) const;
  // Whether a delivery of another sync to the same destination holds one of these people.
  bool meets_flights(const SyncEntry& sync, const index::Bitmap& people) const;
  std::optional<Task> claim(TimeMs now);
  void release(const Task& task);
  void drain();

  // Doing, by who holds the claim; none under mutex_ (exporter_work.cpp).
  void execute(const Task& task);
  Status cancel(const Task& task);
  Status flush(const Task& task);
  Status revive(const Task& task);
  Status note_contact(const Task& task);
  Status stop_planning(SyncEntry& sync, Error error);
  Status finish_run(const Task& task);
  Status start_run(const Task& task);
  Status request(const Task& task);

  // Deliveries, by who holds the claim (exporter_delivery.cpp).
  Status deliver(const Task& task);
  struct Settling;
  Status settle(const Task& task);
  Status settle_one(const Task& task, Answered& answered);
  Status plan_batches(const Task& task);
  // Whether moment and events of the run are there; else it is stuck.
  Result<bool> ready_to_plan(const Task& task);
  Result<std::vector<PlannedStep>> plan_steps(const Task& task, std::size_t most);
  Status note_step(const Task& task, PlannedStep step);
  // The next ones, while those are journaled that begin now (exporter_ahead.cpp).
  struct Ahead;
  void plan_ahead(const Task& task, const std::deque<Delivery>& begun, Ahead& ahead);
  Status note_ahead(const Task& task, std::vector<PlannedStep> steps);
  // Whether more may be sent at once, or after the answers of a moment.
  bool await_room(const Task& task);
  void keep_ahead(const Task& task, std::vector<PlannedStep> steps);
  std::vector<PlannedStep> take_ahead(const Task& task);
  void forget_ahead(SyncEntry& sync);  // Under mutex_.
  // Whether it was done.
  bool withdraw(const std::shared_ptr<Beside>& work);
  // Under mutex_: whether more of the run under way may be planned.
  bool goes_on(const Task& task) const;
  // Under mutex_: a body is kept until it is asked for, or nobody needs it any more.
  void keep_body(SyncEntry& sync, const std::string& batch_id, std::string body);
  std::optional<std::string> take_body(SyncEntry& sync, const std::string& batch_id);
  void forget_bodies(SyncEntry& sync);
  Result<std::vector<OutcomeRecord>> records_of(const Batch& batch, const Answered& answered);
  // Nobody can read any more what was stored of it: its people are rejected, and with the next run
  // another one is made for them.
  void give_up_damaged(const Task& task, const std::string& batch_id, const Error& error);
  struct Starting;
  Status prepare(const Task& task, Starting& starting);
  Status begin(const Task& task, Starting& starting);
  Status fill(const Task& task, Delivery& delivery);
  void launch(const Task& task, Delivery delivery);
  void not_launched(const Task& task, const std::string& batch_id);
  // Under mutex_: whether a place at the destination is what another sync waits for.
  bool is_waited_for(const Task& task) const;
  // By any thread.
  void on_answer(const Task& task, const std::string& batch_id, const Answer& answer);
  Status disable(const Task& task, const Flight& flight, const std::string& reason);
  Status keep_rotated_token(const Task& task);
  // Of an attempt at a batch of the run; "" when nobody who asked for it is part of a trace.
  std::string traceparent_of(const SyncEntry& sync, std::uint64_t run);
  // Appends, then folds into the ledger.
  Status write(const Task& task, const std::vector<OutcomeRecord>& records);
  Status append(const Task& task, const std::vector<OutcomeRecord>& records,
                const std::vector<OutcomeRecord>& more = {});
  // Into the backlog, then folded: it is written later.
  void note(const Task& task, OutcomeRecord record);
  void fold(const Task& task, const OutcomeRecord& record);
  // What a run would begin with, and its moment.
  struct Plan {
    RunStarted run;
    std::shared_ptr<const AudienceMoment> moment;
    std::vector<std::pair<std::string, index::Bitmap>> excluded;  // Whole segments.
  };
  Result<Plan> plan(const SyncDocument& document, const Ledger& ledger,
                    const RunRequested& requested) const;
  Result<Plan> plan_erasure(const SyncDocument& document, const Ledger& ledger,
                            const RunRequested& requested) const;
  Result<Plan> plan_events(const SyncDocument& document, const Ledger& ledger,
                           const RunRequested& requested) const;
  // What happened to whom in the run under way.
  Result<std::shared_ptr<const EventRows>> events_of(const SyncDocument& document,
                                                     const Ledger& ledger) const;
  // Who was erased, is there, is known by name, and is in no batch: whom a run can remove.
  // Under mutex_.
  index::Bitmap erased_there(const SyncEntry& sync) const;
  // Removals (exporter_erased.cpp). Under mutex_: with whom a batch may not go out ...
  index::Bitmap to_cut(const SyncEntry& sync, const Batch& batch) const;
  // ... what is to be done about people who were erased, if anything is ...
  std::optional<TaskKind> owed_task(const SyncEntry& sync, TimeMs now) const;
  // ... and dead letters that remove some of them.
  std::set<std::string> dead_removals(const SyncEntry& sync) const;
  index::Bitmap nameable(const SyncEntry& sync) const;
  std::vector<OutcomeRecord> unwritten_of(std::string_view sync) const;
  std::vector<RemovalSettled> settled_by(const SyncEntry& sync, TimeMs now) const;
  std::optional<RemovalOwed> owed_by(const std::string& id, const SyncEntry& sync,
                                     index::Ordinal person, TimeMs erased_at) const;
  // By who holds the claim.
  Status recut(const Task& task);
  Status keep_outbox(const Task& task);
  Status seal_names(const Task& task);
  Result<std::unordered_map<index::Ordinal, KnownPerson>> kept_names(const Task& task) const;
  Status give_up_nameless(const Task& task, const index::Bitmap& people);
  Status write_removals(const std::vector<OutcomeRecord>& records);
  void give_up_removals(std::string_view sync, const std::string& reason);
  // A run has ended, or failed. Under mutex_.
  void review_erased(SyncEntry& sync, bool was_erasure);
  // What changes from here on, a continuous sync has yet to send.
  void note_seen(const Task& task);
  // Another number after each change of who is in the segments of a sync, or of its document.
  std::uint64_t mark_of(const SyncDocument& document) const;

  // Documents (exporter_documents.cpp).
  Status adopt(const engine::Document& document);
  Status load_ledger(SyncEntry& entry) const;
  Status begin_anew(SyncEntry& entry, SyncMode mode) const;
  Result<engine::Document> store(std::string_view id, const DestinationDocument& document,
                                 std::optional<std::uint64_t> expected_version);
  void install(const engine::Document& stored, DestinationDocument document);
  // Of refresh tokens, under mutex_: the document with the newest one its client was given ...
  static std::shared_ptr<const DestinationDocument> with_newest_token(DestinationEntry& entry);
  // ... and whether one came that belongs into what takes its place, and was put there.
  static bool takes_newest_token(DestinationEntry& entry, Authorization& authorization);
  // Whether the sync turns to this other destination: then nothing begins for it until its document
  // is installed, which ends the reservation.
  // Errors: Conflict when the destination it has holds people, or may soon.
  Result<bool> reserve_move(std::string_view id, std::string_view destination);
  // Whether the syncs of a destination can go on with its new document.
  Status check_syncs_of(std::string_view id, const DestinationDocument* previous,
                        const DestinationDocument& document) const;
  static DocumentView view_of(const std::string& id, const DestinationEntry& entry);
  static DocumentView view_of(const std::string& id, const SyncEntry& entry);
  const SyncEntry* find_sync(std::string_view id) const;
  Error no_such(std::string_view kind, std::string_view id) const;

  // Reports (exporter_reports.cpp).
  RunView overlaid(const SyncEntry& entry, RunView run) const;
  // Newest first, `most` of them.
  std::vector<RunView> runs_of(const SyncEntry& entry, std::size_t most = kRunsKeptMax + 1) const;
  JobView job_of(const SyncEntry& entry, RunView run) const;
  // Whom those who follow somebody follow.
  Status name_leaders(std::vector<PersonView>& views) const;

  TimeMs now() const { return options_.clock->now(); }
  std::uint64_t random_bits();
  std::string new_message_id();
  void notify();
  void audit(std::string action, const std::string& subject, int status) const;

  ExporterParts parts_;
  ExporterOptions options_;
  SecretBox box_;

  // Held while a document is checked, written and installed, so that what was checked still holds
  // when it is installed; taken before mutex_, and by no delivery.
  std::mutex documents_mutex_;
  mutable std::mutex mutex_;  // Everything below; memory work only.
  std::condition_variable_any wake_;
  std::condition_variable answered_;  // All that a sync has under way is.
  std::uint64_t changes_ = 0;  // Counts what may have made work.
  std::map<std::string, DestinationEntry, std::less<>> destinations_;
  std::map<std::string, std::unique_ptr<SyncEntry>, std::less<>> syncs_;
  GlobalHoldout holdout_;
  RemovalOutbox outbox_;
  TimeMs observed_at_ = 0;
  std::string served_last_;  // The sync.
  unsigned threads_ = 0;     // In run() ...
  unsigned idle_ = 0;        // ... and waiting there.
  std::deque<std::shared_ptr<Beside>> offered_;  // For those; at most one a claim.
  std::size_t flights_ = 0;  // Begun and not answered.
  std::size_t bodies_bytes_ = 0;  // Of all syncs, and of what they planned ahead.
  bool draining_ = false;    // The last thread is leaving run(): nothing new begins.
  std::stop_source landing_;  // Stops the flights.

  std::mutex random_mutex_;  // The random source.
};

// Errors that pass by themselves: the work is tried again instead of being given up.
inline bool passes(ErrorCode code) {
  return code == ErrorCode::Unavailable || code == ErrorCode::Overloaded ||
         code == ErrorCode::StorageFull || code == ErrorCode::Conflict;
}

// Of bodies in records that are to be written.
std::size_t stored_bytes(const std::vector<OutcomeRecord>& records);

// The streams of a sync: what happened, and which runs were asked for.
std::string outcome_stream(std::string_view sync);
std::string request_stream(std::string_view sync);
// Why removals of a sync that is gone are given up.
inline constexpr const char* kSyncDeleted = "The sync was deleted.";
// That of all removals of people who were erased.
inline constexpr const char* kErasureStream = "erasures";

}  // namespace muster::connect
