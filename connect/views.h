// What the exporter tells about itself: documents, runs, ledgers, people, jobs, as plain values.
//
// For every run  audience = sent + already there + held out + excluded + unidentifiable + rejected
// + pending;  removals are counted apart.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "index/sets/bitmap.h"

namespace muster::connect {

// A destination or a sync as it may be shown: every secret is replaced by "whsec_***".
struct DocumentView {
  std::string id;
  std::string json;
  std::uint64_t version = 0;
  TimeMs changed = 0;
  bool disabled = false;  // Destination: it answered 410, and is silent until it is put again.
  bool paused = false;    // Sync: nothing is delivered until it is resumed.
};

// People of one run.
struct RunCounts {
  std::uint64_t audience = 0;
  std::uint64_t sent = 0;
  std::uint64_t already_there = 0;
  std::uint64_t following = 0;  // Of these: another profile of the same identifier is sent.
  std::uint64_t held_out = 0;  // In an arm that is not sent, or in a holdout.
  std::uint64_t excluded = 0;
  std::uint64_t unidentifiable = 0;
  std::uint64_t rejected = 0;
  std::uint64_t pending = 0;
  std::uint64_t removals = 0;  // People who left the audience and were held by the destination.
  std::uint64_t removals_sent = 0;
  std::uint64_t removals_rejected = 0;
  std::uint64_t removals_pending = 0;

  // Whether both equations hold, of terms that can be parts of a whole.
  bool adds_up() const {
    for (const std::uint64_t term : {sent, already_there, held_out, excluded, unidentifiable,
                                     rejected, pending}) {
      if (term > audience) return false;
    }
    return following <= already_there && removals_sent <= removals &&
           removals_rejected <= removals && removals_pending <= removals &&
           audience == sent + already_there + held_out + excluded + unidentifiable + rejected +
                           pending &&
           removals == removals_sent + removals_rejected + removals_pending;
  }
  bool operator==(const RunCounts&) const = default;
};

enum class RunState : std::uint8_t {
  Requested,   // "requested"   durable, not yet planned
  Delivering,  // "delivering"  batches are on their way, or wait for their next attempt
  Blocked,     // "blocked"     the sync is paused, or the destination is disabled or gone
  Finished,    // "finished"    everybody is accounted for
  Incomplete,  // "incomplete"  ended with dead letters; the next run sends them first
  Failed,      // "failed"      could not be planned; last_error says why
  Cancelled,   // "cancelled"   ended by somebody; the next run goes on with who is pending
};
std::string_view name_of(RunState state);

struct RunView {
  std::string sync;
  std::uint64_t number = 0;
  RunState state = RunState::Requested;
  std::uint64_t snapshot = 0;  // 0 until planned.
  TimeMs requested_at = 0, started_at = 0, finished_at = 0;  // 0: not yet.
  RunCounts counts;
  std::uint64_t batches = 0, attempts = 0;
  std::string last_error;      // "" when nothing went wrong.
  bool whole = false;          // Everybody was sent, held or not.
  bool erasure = false;        // Only to remove people who were erased.
};

// What the destination of a sync is known to hold, and what stands in the way of the rest.
struct LedgerView {
  std::string sync;
  std::uint64_t sent = 0;  // Held by the destination, as far as it confirmed.
  std::uint64_t pending = 0, rejected = 0, excluded = 0, unidentifiable = 0, held_out = 0;
  std::uint64_t following = 0;  // Others of the same identifier are sent.
  std::uint64_t unknown = 0;  // An attempt ended without an answer: may or may not be held.
  std::uint64_t dead_letters = 0;  // Batches.
  std::optional<RunView> newest_run;
};

enum class PersonState : std::uint8_t {
  None,            // "none"            never in the audience, or removed and confirmed
  Sent,            // "sent"
  Pending,         // "pending"
  Rejected,        // "rejected"
  Excluded,        // "excluded"
  Unidentifiable,  // "unidentifiable"
  HeldOut,         // "held_out"
  Unknown,         // "unknown"
  Following,       // "following"       known there by what another profile is sent by
};
std::string_view name_of(PersonState state);
std::optional<PersonState> person_state_named(std::string_view name);

struct PersonView {
  std::string profile_id;
  index::Ordinal ordinal = 0;
  PersonState state = PersonState::None;
  bool held = false;           // The destination confirmed to hold this person.
  std::string reason;          // The answer that rejected, the rule that excluded, the arm that is
                               // held out; else "".
  std::string arm;             // Of the sync's split; "" where it has none.
  std::string message_id;      // webhook-id of the pending, dead or rejected batch; else "".
  std::uint64_t run = 0;       // The run of that batch or rejection; 0: none.
  std::optional<index::Ordinal> leader;  // Whom they follow ...
  std::string leader_id;       // ... by id; "" where that is nobody, or not known any more.
};

struct PeoplePage {
  std::vector<PersonView> people;
  std::optional<index::Ordinal> next;  // Cursor of the next page, if there is one.
};

struct DeadLetterView {
  std::string message_id, operation, last_error;
  std::uint64_t run = 0, people = 0, attempts = 0;
};

enum class RemovalState : std::uint8_t {
  Pending,    // "pending"    the destination has yet to confirm
  Confirmed,  // "confirmed"  it did, or it turned out that they never came there
  GivenUp,    // "given_up"   `reason` says why; they may be there still
  Cannot,     // "cannot"     the destination has no request that removes anybody
};
std::string_view name_of(RemovalState state);

// The removal of somebody who was erased, without saying who that was.
struct RemovalView {
  std::string sync, destination;
  RemovalState state = RemovalState::Pending;
  TimeMs at = 0;     // Since when that is so; 0 while it is pending.
  TimeMs until = 0;  // When it is given up; 0 unless it is pending.
  std::string reason;
};

struct JobView {
  std::string id;    // "SYNC:RUN"
  std::string kind;  // "sync_run"
  RunView run;
  std::uint64_t done = 0, total = 0;   // People, removals included.
  std::optional<TimeMs> next_attempt;  // When something happens next, if that is known.
};

// "run 3 of buyers: audience 1000 = sent 990 + already there 0 + ... ; removals ...: adds up"
std::string ledger_line(const RunView& run);

// JSON objects of the same names, times as RFC 3339.
std::string to_json(const RunView& run);
std::string to_json(const LedgerView& ledger);  // With "line": ledger_line of the newest run.
std::string to_json(const PersonView& person);
std::string to_json(const DeadLetterView& letter);
std::string to_json(const JobView& job);
std::string to_json(const std::vector<RemovalView>& removals);  // A list.

}  // namespace muster::connect
