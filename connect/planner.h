// Decides what a run sends: who is added, changed and removed, and the exact bytes of each batch.
//
// The words are those of a composer (connect/composer.h).
// Nothing here is durable or sent: the caller journals what comes back before it acts on it.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connect/assignment.h"
#include "connect/audience.h"
#include "connect/composer.h"
#include "connect/event_run.h"
#include "connect/journal.h"
#include "connect/known_people.h"
#include "connect/ledger.h"
#include "connect/outcome_record.h"
#include "connect/sync_document.h"

namespace muster::connect {

// Bytes of one body before compression; a batch is cut before it grows beyond, never inside a
// person.
inline constexpr std::size_t kBodyBytesMax = 8U << 20;
// A single person's text may exceed the above; this bounds what is unpacked from the journal.
inline constexpr std::size_t kBodyUnpackedMax = 256U << 20;

struct RunInput {
  const SyncDocument& sync;
  std::uint64_t sync_version = 0;
  std::uint64_t run = 0;
  TimeMs requested_at = 0, at = 0;
  const AudienceMoment& audience;
  std::vector<std::pair<std::string, index::Bitmap>> excluded;  // Segment and its people.
  Assignment assignment = {};
  bool whole = false;  // Everybody is sent, held or not.
};

RunStarted plan_run(const RunInput& input, const Ledger& ledger);

struct BatchInput {
  const SyncDocument& sync;
  const Audience& audience;
  const AudienceMoment& moment;
  const Journal& journal;   // Where ids stand of people who are gone.
  std::string stream;
  const Composer& composer;
  bool gzip = false;
  std::string id;           // For the batch, should there be one.
  const EventRows* events = nullptr;  // Of a sync of events: what happened to whom.
  // As the destination knows who was erased, where that is kept (connect/removal_outbox.h).
  std::unordered_map<index::Ordinal, KnownPerson> kept = {};
};

// What to do next in the run under way: people for whom nothing is sent, and at most one batch.
struct PlannedStep {
  Sorted sorted;
  std::optional<BatchPlanned> batch;
  std::string body;  // Of the batch as it goes out, unless that is how it is kept.
};

// Requires ledger.run_active() and !ledger.all_planned().  Makes progress, always.
// Errors: those of the audience; InvalidArgument for an operation the destination does not know.
Result<PlannedStep> plan_step(const BatchInput& input, const Ledger& ledger);

// Up to `most` shares of those who are added next, if nobody is removed before them: steps of
// theirs may be planned beside each other and applied in any order.
std::vector<std::vector<index::Ordinal>> shares_to_add(const BatchInput& input,
                                                       const Ledger& ledger, std::size_t most);
// Requires one of these shares.  Errors: those of plan_step().
Result<PlannedStep> plan_share(const BatchInput& input, const Ledger& ledger,
                               std::span<const index::Ordinal> share);

}  // namespace muster::connect
