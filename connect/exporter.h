// People out: destinations, syncs, their runs and ledgers, and the loop that delivers.
//
//   put_destination, put_sync -> start_run -> run() plans, journals, delivers, retries -> ledger
//
// Everything durable goes through the engine's door: documents, and one stream of outcomes per
// sync from which open() rebuilds every ledger and goes on with what was pending, same webhook-id,
// same bytes.
// Source: shared design "Activation"; standardwebhooks.com, "Standard Webhooks", 1.0.
//
// Thread safety: any thread, all functions; run() may be called by several threads at once, each
// sync is served by one of them at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/trace_context.h"
#include "connect/delivery_gate.h"
#include "connect/experiment.h"
#include "connect/preview.h"
#include "connect/split.h"
#include "connect/views.h"
#include "engine/access.h"
#include "engine/answers.h"

namespace muster::engine {
class Engine;
}

namespace muster::connect {

class Audience;
class ContactLog;
class DestinationFactory;
class DocumentStore;
class Journal;

// Clock, random source and audit sink outlive the exporter.
struct ExporterOptions {
  const Clock* clock = nullptr;
  Random* random = nullptr;  // For webhook ids and jitter; used by one thread at a time.
  // Private addresses that destinations may have: "127.0.0.1/32", "10.1.0.0/16", "[::1]:8080",
  // "hooks.internal:443" (a name with its port).
  std::vector<std::string> allow_list;
  std::string export_directory;  // Where files may be written; "": nowhere.
  std::string secret_key;    // 32 bytes; encrypts the secrets of destinations at rest.
  engine::AuditSink* audit = nullptr;  // Told of runs and disabled destinations; may be null.
};

// The seams an exporter stands on; open(Engine&) makes the real ones.
struct ExporterParts {
  std::unique_ptr<Audience> audience;
  std::unique_ptr<DocumentStore> documents;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<DestinationFactory> destinations;
  std::unique_ptr<ContactLog> contacts;  // Null: no delivery becomes an event.
};

struct ExportQueue {
  std::uint64_t runs = 0;          // Asked for or under way.
  std::uint64_t batches = 0;       // Planned, neither taken nor given up.
  std::uint64_t dead_letters = 0;  // Given up; they wait for somebody to send them again.
  std::uint64_t in_flight = 0;     // Requests under way.
  std::uint64_t breakers_open = 0;  // Destinations left alone, or tried by single probes.
  // Since the start of the process, of the destinations that are there.
  std::uint64_t requests = 0, people = 0, failed = 0;
};

struct PeopleQuery {
  PersonState state = PersonState::Pending;
  index::Ordinal from = 0;   // Cursor.
  std::size_t limit = 1000;  // At most kPeoplePageMax.
};

// Threads that main starts in run(): they wait for the log most of the time, and those that wait
// together are synced together.
inline constexpr unsigned kExporterThreads = 4;

// People of one page of a ledger: their ids are looked up in one call of the engine.
inline constexpr std::size_t kPeoplePageMax = 10'000;

class Exporter {
 public:
  using Pass = engine::Pass<engine::Permission::Activate>;

  // Reads documents and outcomes; nothing is delivered before run().  `engine` outlives it.
  // Errors: InvalidArgument for a bad allow-list entry or key; Corrupt naming the sync whose
  // outcomes make no sense.
  static Result<std::unique_ptr<Exporter>> open(engine::Engine& engine, ExporterOptions options);
  static Result<std::unique_ptr<Exporter>> open(ExporterParts parts, ExporterOptions options);
  ~Exporter();

  // Delivers until stopped; main starts it as a jthread. Returns within 10 s after the stop.
  void run(std::stop_token stop);

  // What is yet to be delivered, of all syncs.
  ExportQueue queue() const;

  // Makes what takes people who were erased out of its outcomes (Engine::erase_outcomes_with).
  engine::EraseOutcome eraser(index::Bitmap erased) const;

  // Has people who have just been erased removed wherever a sync sent them or may have, by a run of
  // its own, soon; and no delivery that begins from here on has them, but for the repetition of one
  // that may have been received. Durable when it returns, or worked out again by the next start.
  // Returns what is owed, by sync.
  std::vector<RemovalView> note_erased(const engine::ErasureReceipt& receipt);
  // The same, asked later, by any id they had; empty for others.
  // Cost: a look at each removal there is.
  std::vector<RemovalView> removals(std::string_view profile_id) const;

  // --- Destinations ----------------------------------------------------------------------------

  // Checks, encrypts the secrets and saves. A secret that is left out, or given back as it was
  // shown ("whsec_***"), stays as it is. Enables a disabled destination again.
  // Errors: InvalidArgument with the JSON pointer; PermissionDenied for an address that is not
  // allowed; Conflict when `expected_version` is given and no longer the newest.
  Result<DocumentView> put_destination(const Pass& pass, std::string_view id,
                                       std::string_view json,
                                       std::optional<std::uint64_t> expected_version = {});
  // Errors: NotFound.
  Result<DocumentView> destination(const Pass& pass, std::string_view id) const;
  std::vector<DocumentView> destinations(const Pass& pass) const;  // By id.
  // How it is delivered to: breaker, holds, rates, what is under way, last errors.
  // Errors: NotFound.
  Result<GateView> destination_status(const Pass& pass, std::string_view id) const;
  // Errors: NotFound; Conflict while a sync names it.
  Status delete_destination(const Pass& pass, std::string_view id);

  // --- Syncs -----------------------------------------------------------------------------------

  // Errors: InvalidArgument with the JSON pointer (an unknown segment or destination too);
  // Conflict as above, and for another destination while people are held by the old one.
  Result<DocumentView> put_sync(const Pass& pass, std::string_view id, std::string_view json,
                                std::optional<std::uint64_t> expected_version = {});
  Result<DocumentView> sync(const Pass& pass, std::string_view id) const;
  std::vector<DocumentView> syncs(const Pass& pass) const;
  // Errors: NotFound; Conflict while a run is under way, unless the sync is paused or its
  // destination disabled, and nothing is on its way.
  Status delete_sync(const Pass& pass, std::string_view id);
  Status pause(const Pass& pass, std::string_view sync);
  Status resume(const Pass& pass, std::string_view sync);

  // --- Runs ------------------------------------------------------------------------------------

  // Asks for a run and returns its number, durable; run() does the work. Its deliveries are part
  // of the trace, if there is one, until the next start of the process.
  // Errors: NotFound; Conflict while a run is under way or the sync is paused.
  Result<std::uint64_t> start_run(const Pass& pass, std::string_view sync,
                                  std::optional<TraceContext> trace = {});
  // The same, from scratch: everybody is sent, held or not, and who left is removed.
  Result<std::uint64_t> start_whole_run(const Pass& pass, std::string_view sync,
                                        std::optional<TraceContext> trace = {});
  // Ends the run that is asked for or under way, once the delivery on its way is answered. Who was
  // not sent stays pending for the next run; a batch that may have been received is a dead letter.
  // Errors: NotFound; Conflict when there is no run.
  Status cancel(const Pass& pass, std::string_view sync);
  // What the next run would do; nothing is sent or kept.
  // Errors: NotFound; Conflict while a run is under way; those of the audience.
  // Cost: the journal of the sync, and the fields of at most kPreviewPeopleMax people, are read.
  Result<PreviewView> preview(const Pass& pass, std::string_view sync) const;
  // Newest first.
  Result<std::vector<RunView>> runs(const Pass& pass, std::string_view sync) const;
  Result<RunView> run_of(const Pass& pass, std::string_view sync, std::uint64_t number) const;
  // Runs under way, and the newest run of each sync.
  std::vector<JobView> jobs(const Pass& pass) const;
  Result<JobView> job(const Pass& pass, std::string_view id) const;

  // --- Ledgers ---------------------------------------------------------------------------------

  Result<LedgerView> ledger(const Pass& pass, std::string_view sync) const;
  // Errors: NotFound for a profile that does not exist and never was in this sync's audience.
  Result<PersonView> person(const Pass& pass, std::string_view sync,
                            std::string_view profile_id) const;
  Result<PeoplePage> people(const Pass& pass, std::string_view sync,
                            const PeopleQuery& query) const;
  Result<std::vector<DeadLetterView>> dead_letters(const Pass& pass, std::string_view sync) const;
  // Sends one dead letter again, or all ("").  Returns how many batches that are.
  Result<std::uint64_t> replay(const Pass& pass, std::string_view sync,
                               std::string_view message_id);

  // One person's request as it would go out now: {"method", "url", "headers", "body"}, secrets
  // masked; nothing is sent. `operation`: "add", "change", "remove"; "": as they are held.
  // Errors: NotFound for a profile that does not exist; InvalidArgument for another operation, or
  // one that the destination does not know.
  Result<std::string> render(const Pass& pass, std::string_view sync,
                             std::string_view profile_id, std::string_view operation) const;
  // --- Experiments (connect/split.h, connect/experiment.h) -------------------------------------

  // Who no sync sends to, from the next run of each on.
  // Errors: InvalidArgument with the JSON pointer.
  Result<GlobalHoldout> put_holdout(const Pass& pass, std::string_view json);
  GlobalHoldout holdout(const Pass& pass) const;
  // How large the arms of a sync came out.
  // Errors: NotFound; InvalidArgument where nobody is held out.
  Result<BalanceView> balance(const Pass& pass, std::string_view sync) const;
  // What those who are sent did more often than those who are held out, since each was first
  // assigned. `goal`: what stands behind "did" in the segment language, without a window.
  // Errors: those above; Conflict before the first run; InvalidArgument for the goal.
  // Cost: a question for each of at most kCohortsMax cohorts.
  Result<LiftView> lift(const Pass& pass, std::string_view sync, std::string_view goal) const;

  // --- For tests with a hand-set clock -----------------------------------------------------------

  // Does one piece of what run() does, if anything is due, and says whether it did.
  bool work_once();
  // When the next piece is due, if anything waits.
  std::optional<TimeMs> next_due() const;

 private:
  class Impl;
  explicit Exporter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::connect
