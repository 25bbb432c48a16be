// What the journal of a sync holds: every decision before it is acted on, every answer after.
//
//   RunStarted  { Sorted | BatchPlanned  AttemptStarted (AttemptFailed | Delivered | Rejected |
//   Split | Dead) }  RunFinished
//
// payload := format: u8 | kind: u8 | fields (base/bytes.h). Older formats are read, a newer one is
// refused, not guessed.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

enum class Operation : std::uint8_t { Add = 0, Change = 1, Remove = 2 };
std::string_view name_of(Operation operation);

// A run is wanted. Stands in a stream of its own, because any thread may ask.
struct RunRequested {
  std::uint64_t run = 0;
  TimeMs at = 0;
  bool whole = false;     // From scratch: everybody is sent, held or not.
  index::Bitmap erased;   // Not empty: these are removed, and nothing else is done.
};

// Who is concerned, decided once.
// audience = already + excluded + held_out + blocked + add + check, disjoint.
struct RunStarted {
  std::uint64_t run = 0;
  TimeMs requested_at = 0, at = 0;
  std::uint64_t snapshot = 0;
  std::uint64_t sync_version = 0;
  bool whole = false;     // Everybody is sent, held or not (first run of a mirror).
  index::Bitmap audience;
  index::Bitmap already;  // Held, and not looked at again (append).
  index::Bitmap add;
  index::Bitmap check;    // Held: sent again if their digest changed.
  index::Bitmap remove;   // Held, and no longer wanted.
  index::Bitmap blocked;  // In a dead letter that is not settled.
  std::vector<std::pair<std::string, index::Bitmap>> excluded;  // By segment; disjoint.
  // Written where the sync has a split or there is a global holdout.
  std::uint64_t split_key = 0;  // What decides about arms: those of another key are void.
  std::vector<std::pair<std::string, index::Bitmap>> assigned;  // By arm: who was not, before.
  std::vector<std::pair<std::string, index::Bitmap>> held_out;  // By arm; disjoint.
  // Written by a sync of events: the stretch of the change stream that this run sends, and up to
  // where more runs follow.
  std::uint64_t events_from = 0, events_to = 0, events_until = 0;
  bool erasure = false;   // Somebody is removed who was erased; what is known of others stays.
  bool contacts = false;  // What is delivered becomes events: each delivery waits for its Told.
};

struct RunFailed {
  std::uint64_t run = 0;
  TimeMs requested_at = 0, at = 0;
  std::string error;
};

// People of a run for whom nothing is sent.
struct Sorted {
  std::uint64_t run = 0;
  index::Bitmap unchanged;
  index::Bitmap unidentifiable;
  // Since format 3: who is to be removed, and nobody knows any more who that was. Before, they
  // stood among the unidentifiable, so that a record written twice looked like another one.
  index::Bitmap nameless = {};
  // Held, and what names them at the destination is another by now: removed by the name they have
  // there, and then added.
  index::Bitmap renamed = {};
  bool tells_nameless = true;
  // Since format 4, where identifiers are shared. Others are known there by what these are known
  // by, and nothing is sent of them: by whom, their identifiers say, one for each.
  index::Bitmap following = {};
  std::vector<std::uint64_t> identifiers = {};
  // Their identifier is being removed for somebody else: the next run looks at them.
  index::Bitmap waiting = {};
  // They leave, and what they were known by is another's: it stays. Where the other one follows
  // them so far, that is an heir.
  index::Bitmap handed = {}, heirs = {};
  bool is_about_shared() const {
    return !following.empty() || !waiting.empty() || !handed.empty();
  }
};

// Where and how a batch goes out, apart from what the destination's document says of all: rendered
// once, so that a later change of a template or a person does not change what is tried again.
struct PlannedRequest {
  std::string method;        // "": POST to the document's URL, as JSON, with nothing of the below.
  std::string target;        // Path and query at the document's server; a file: its name so far.
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const PlannedRequest&) const = default;
};

// A batch as it goes out, with its bytes: every attempt, also after a restart, sends just these.
struct BatchPlanned {
  std::uint64_t run = 0;
  std::string id;  // webhook-id
  Operation operation = Operation::Add;
  bool gzip = false;
  index::Bitmap people;
  std::vector<std::uint64_t> digests;      // One per person, ascending; none for Remove.
  std::vector<std::uint32_t> member_bytes;  // Length of each person's text in the body.
  std::uint32_t prefix_bytes = 0;          // Of the body, before the first person.
  std::string packed;                      // The body, gzipped; since format 4 by pack(), unless
                                           // it goes out gzipped.
  // Since format 2; before, people stood in JSON: "," between them and "]}" behind the last.
  std::uint32_t separator_bytes = 1, suffix_bytes = 2;
  PlannedRequest request = {};
  // What the destination knows of each person, packed as well:
  // [{"id": ..., "values": {...}}, null, ...].
  // "": the text of each person is a JSON object that names their id.
  std::string known = {};
  // Since format 3: a digest of what names each person at the destination, where they are removed
  // by values of theirs; else none.
  std::vector<std::uint64_t> names = {};
  // Since format 4: a digest of what several people may be known by, of each; else none.
  std::vector<std::uint64_t> identifiers = {};
};

struct AttemptStarted {
  std::string id;
  unsigned number = 0;  // From 1.
  TimeMs at = 0;
};

struct AttemptFailed {
  std::string id;
  TimeMs at = 0;
  TimeMs retry_at = 0;
  TimeMs hold_until = 0;   // The whole destination asked for peace until then; 0: it did not.
  bool ambiguous = false;  // May have been received.
  int status = 0;
  std::string error;
};

struct Delivered {
  std::string id;
  TimeMs at = 0;
  int status = 0;
};

struct Rejected {
  std::string id;
  TimeMs at = 0;
  int status = 0;
  std::string answer;
};

// A rejected batch goes on as two, under new ids.
struct Split {
  std::string id;
  TimeMs at = 0;
  int status = 0;
  std::string answer;
  BatchPlanned first, second;
};

// Given up: a dead letter.
struct Dead {
  std::string id;
  TimeMs at = 0;
  bool ambiguous = false;
  std::string error;
};

// A dead letter is tried again, with a fresh count of attempts.
struct Revived {
  std::string id;
  TimeMs at = 0;
};

struct RunFinished {
  std::uint64_t run = 0;
  TimeMs at = 0;
  std::string error;  // Why it could not go on, if that is how it ended.
};

// Taken, but for people whom the answer named: each message with those it is about, disjoint.
struct DeliveredPartly {
  std::string id;
  TimeMs at = 0;
  int status = 0;
  std::vector<std::pair<std::string, index::Bitmap>> rejected;
};

// The run was ended by somebody: who is in no batch yet, or in one that was certainly not received,
// stays pending for the next run; a batch that may have been received becomes a dead letter.
struct Cancelled {
  std::uint64_t run = 0;
  TimeMs at = 0;
};

// A sync of events begins: with the change of this offset.
struct Following {
  TimeMs at = 0;
  std::uint64_t from = 0;
};

// A delivery has become events of its people.
struct Told {
  std::string id;
};

// A batch that was certainly not received, or is a dead letter, goes on under a new id without
// people who were erased; nobody is left: it is cancelled.
struct Recut {
  std::string id;
  TimeMs at = 0;
  index::Bitmap without;
  bool has_next = false;
  BatchPlanned next;
};

// --- The stream "erasures": what destinations owe to people who were erased ---------------------

// A destination holds, or may hold, somebody who was erased.
struct RemovalOwed {
  std::string sync, destination;
  std::uint64_t person = 0;  // Their ordinal.
  std::string who;           // Keyed hashes of the ids they had, kWhoBytes each: never the ids.
  TimeMs erased_at = 0;
  bool cannot = false;       // The destination knows no removal: nothing more happens.
};

// How the destination knows them, sealed: {"id": ..., "values": {...}}.
struct RemovalSealed {
  std::string sync;
  std::uint64_t person = 0;
  std::string who;     // Keyed hash of the id by which they were sent.
  std::string sealed;
};

struct RemovalSettled {
  std::string sync;
  std::uint64_t person = 0;
  TimeMs at = 0;
  bool given_up = false;  // Else they are not there any more.
  std::string reason;     // Why it was given up.
};

// The sync was deleted: what it knew is void, the numbers of its runs go on.
struct Forgotten {
  TimeMs at = 0;
};

using OutcomeRecord =
    std::variant<RunRequested, RunStarted, RunFailed, Sorted, BatchPlanned, AttemptStarted,
                 AttemptFailed, Delivered, Rejected, Split, Dead, Revived, RunFinished, Forgotten,
                 DeliveredPartly, Cancelled, Following, Told, Recut, RemovalOwed, RemovalSealed,
                 RemovalSettled>;

std::string encode(const OutcomeRecord& record);
// Errors: Corrupt, also for a format or kind of a newer version.
Result<OutcomeRecord> decode_outcome(std::string_view payload);

}  // namespace muster::connect
