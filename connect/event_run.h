// Runs of a sync of events: each sends one stretch of the change stream, in which nobody stands
// twice, so that a person is in one batch at a time and is told of in order.
//
//   {"type": "audience.events", ..., "operation": "add", "members": [{"id": "p1", "mail": "...",
//    "event": "Audience Entered", "timestamp": "2026-03-01T10:00:00Z", "reason": "event"}]}
//
// At least once: the stretch is in the journal before anything of it is sent, and a batch that may
// have been received goes again as the same message.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connect/audience.h"
#include "connect/outcome_record.h"

namespace muster::connect {

class Ledger;

// Rows of one stretch, and how often the stream is read for it.
inline constexpr std::size_t kStretchRowsMax = 100'000;
inline constexpr int kStretchReadsMax = 64;

inline constexpr std::string_view kEnteredEvent = "Audience Entered";
inline constexpr std::string_view kExitedEvent = "Audience Exited";

// What happened to whom in a stretch.
using EventRows = std::unordered_map<index::Ordinal, AudienceChange>;

struct Stretch {
  std::uint64_t from = 0, to = 0;  // Offsets; `to` is where the next one begins.
  EventRows rows;
};

// From the ledger's cursor on: as far as `until`, the limits, the second row of somebody, or a row
// of somebody whose batch is not settled.
// Errors: those of the audience; Conflict when the very first row waits for such a batch.
Result<Stretch> next_stretch(const Audience& audience, std::string_view segment,
                             std::uint64_t until, const Ledger& ledger);

// What a sync begins anew with, where rows from its cursor on are past their retention: whoever is
// a member and not known to be there, and the other way round, from the row `at` on.
struct Reconciled {
  index::Bitmap entered, left;
  std::uint64_t at = 0;
};
// Errors: those of the audience; Conflict when one of them is in a batch that is not settled.
Result<Reconciled> reconcile(const Audience& audience, std::string_view segment,
                             const Ledger& ledger);

// What the newest run could not put into batches before it ended: those rows of its stretch. Rows
// that are past their retention are missing in it.
// Requires ledger.leaves_unsent().
// Errors: those of the audience, apart from NotFound.
Result<Stretch> unsent_stretch(const Audience& audience, std::string_view segment,
                               const Ledger& ledger);

// The rows of a stretch that was found before; none, where they are past their retention.
// Errors: those of the audience, apart from NotFound.
Result<EventRows> rows_of(const Audience& audience, std::string_view segment, std::uint64_t from,
                          std::uint64_t to);

// Adds to a member's JSON object of our own form what happened. `rows` may be null: nothing is
// added. Templates have places for it (connect/templates/text_template.h).
void tell(const EventRows* rows, Operation operation, index::Ordinal ordinal, std::string& member);

}  // namespace muster::connect
