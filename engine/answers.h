// What goes through the door: requests and answers of the Engine, as plain values.
//
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "index/sets/bitmap.h"
#include "storage/record.h"

namespace muster::index {
class Generation;
}

namespace muster::engine {

// What a start makes its state from, and the log behind that.
enum class Base : std::uint8_t { NewestCheckpoint, OldestCheckpoint, Nothing };

struct IngestRequest {
  storage::TableKind table = storage::TableKind::Profiles;
  std::string name;             // Entity table or user-info source; else "".
  storage::DataFormat format = storage::DataFormat::Ndjson;
  std::string csv_header;       // For CSV chunks after the first.
  std::string bytes;            // Decompressed.
  std::string idempotency_key;  // "" for none.
  std::uint64_t first_line = 1;
  std::string replace_id;       // Several requests with one id refresh the whole table.
  bool replace_last = false;    // The refresh is complete and takes effect.
  bool force = false;           // Even when over 20 % of the table would go.
  bool dry_run = false;         // Say what would happen; change nothing.
  // Lines that whoever wrote the rows refuses; ascending, blank in the bytes.
  std::vector<storage::RejectedRow> refused;
  // An event that is known by its id is the same, whatever it says.
  bool event_id_is_enough = false;
  bool is_derived = false;      // Values that the engine made from rows before.
};

// What the declaration calls the columns of rows that somebody writes for it.
struct RowNames {
  std::string profile_id;
  std::string event_profile, event_name, event_time, event_id;
  std::string event_identifier;  // What event_profile holds: "profile_id" or another identifier.
  std::string account_id;        // Of the entity "account"; "": none is declared.
  bool operator==(const RowNames&) const = default;
};

// The id of the profile of somebody who is known by an anonymous id alone: opaque, and always the
// same.
std::string anonymous_profile(std::string_view anonymous_id);

struct IngestReceipt {
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t skipped = 0;    // Of the accepted: known before, by event id.
  std::vector<storage::RejectedRow> errors;  // The first kErrorsListedMax.
  std::uint64_t sequence = 0;   // Snapshots from this number on contain the batch.
  std::uint64_t created = 0;    // Profiles that did not exist before.
  std::uint64_t removed = 0;    // By a replace.
  bool repeated = false;        // The idempotency key had been used: nothing was done now.
};

struct ErasedProfile {
  std::uint32_t ordinal = 0;
  std::string profile_id;
};

struct ErasureReceipt {
  std::uint64_t sequence = 0;
  TimeMs erased_at = 0;
  std::uint64_t suppressed = 0;  // Keyed hashes kept, so that nothing brings the person back.
  std::vector<ErasedProfile> profiles;  // The person, and whoever had been joined to them.
};

// An erasure as it is known afterwards.
struct ErasureInfo {
  std::uint64_t sequence = 0;
  TimeMs erased_at = 0;
  std::uint64_t suppressed = 0;  // Keyed hashes kept.
  bool is_gone = false;          // What the person left has been taken out (compact_erased).
};

// What a checkpoint came to.
struct CheckpointReceipt {
  std::uint64_t sequence = 0;  // The last record that it contains.
  std::uint64_t sections = 0, sections_written = 0;  // Written: those that were not there before.
  std::uint64_t bytes = 0, bytes_written = 0;
  std::int64_t took_ms = 0;
  std::uint64_t retired = 0;   // Data batches that left the log, being past their retention.
};

// What a compaction of erased people came to.
struct CompactionReceipt {
  std::uint64_t sequence = 0;          // Of its end; 0: nothing to do, or something is left.
  std::uint64_t people = 0;            // Erased since the compaction before.
  std::uint64_t batches = 0, lines = 0;  // Data batches written anew; lines taken out of them.
  std::uint64_t outcomes = 0;          // Records of deliveries written anew.
  std::uint64_t needed = 0;            // Of others, that a destination still has to be told.
  std::vector<std::string> unreachable;  // Files of the archive that could not be read.
  std::int64_t took_ms = 0;
};

// What an exporter makes of a payload of its own, so that nothing in it is about people who were
// erased.
struct ErasedOutcome {
  std::optional<std::string> payload;  // Nothing: it stays as it is.
  bool is_needed = false;              // It is about one of them, and not yet to be changed.
};
// Given all payloads of each stream in their order.
using EraseOutcome =
    std::function<Result<ErasedOutcome>(const std::string& stream, std::string_view payload)>;
using OutcomeEraser = std::function<EraseOutcome(index::Bitmap erased)>;

struct RejectedRowInfo {
  std::uint64_t sequence = 0, line = 0;
  std::string table, reason;
  TimeMs received = 0;
};

// Fields that are to be made from the rows that came before they were declared so.
struct DeriveRequest {
  std::string fields;                // {"profiles.age": {"type": "int64"}, ...}
  bool dry_run = false;              // Say what would happen; change nothing.
  // Also where batches have left the log for good: what only they said stays as it is, or goes
  // where the type becomes another.
  bool partial = false;
};

enum class DeriveState : std::uint8_t { None, Reading, Writing, Done, Cancelled, Failed };

// How it goes, or how the last one went.
struct DeriveAnswer {
  DeriveState state = DeriveState::None;
  bool dry_run = false;
  std::vector<std::string> fields;   // Their keys.
  std::uint64_t read = 0, records = 0;  // Records of the log, of so many as it had at first.
  std::uint64_t rows = 0;            // Values that fit, of rows that came.
  std::uint64_t unfit = 0;           // Values that do not fit.
  std::vector<RejectedRowInfo> errors;  // The first kErrorsListedMax of them.
  std::uint64_t written = 0;         // People, or things, who got another value, or would.
  std::uint64_t cleared = 0;         // Of these, who have none any more.
  std::uint64_t lost = 0;            // Batches that are neither in the log nor in the archive.
  std::vector<std::string> unreachable;  // Files of the archive that could not be read.
  std::vector<std::string> used_by;  // Saved segments that name one of the fields.
  std::uint64_t sequence = 0;        // Snapshots from this number on have all of it.
  std::int64_t took_ms = 0;
  std::string failure;               // Why it failed.
};

struct Question {
  std::string where;                 // Text spelling, or JSON when it begins with '{'.
  std::string timezone;              // "": the workspace's.
  std::optional<TimeMs> as_of;       // Default: now.
  bool allow_unknown = false;
  std::optional<std::chrono::milliseconds> deadline;
  bool from_kept = true;             // False: event conditions read the events, whatever is kept.
};

struct CheckAnswer {
  bool valid = false;
  std::vector<Error> errors;         // Each with line and column.
  std::vector<std::string> warnings;
  std::string canonical, json;       // Empty unless the text could be read.
  std::string hash;                  // Hex of the canonical hash.
  std::uint64_t expected_us = 0;     // What counting it is expected to take, roughly.
};

struct CountAnswer {
  std::uint64_t count = 0;
  std::uint64_t snapshot = 0;
  std::uint64_t universe = 0;        // All live profiles of the snapshot.
  TimeMs as_of = 0;
  std::uint64_t took_us = 0;
  // Of a `top`: whether people of the same value stand on both sides of the cut.
  std::optional<bool> cut_in_tie = {};
};

// What a clause does to a segment.
struct ClauseNode {
  std::string text;
  std::uint64_t people = 0;          // Who pass it, whatever the other clauses say.
  std::uint64_t without = 0;         // Who would be in the segment if it were left out.
  std::vector<ClauseNode> children;
};

struct ClausesAnswer {
  CountAnswer count;
  ClauseNode root;
};

// Holds its Generation: rows() of it belong to the same moment.
struct MembersAnswer {
  index::Bitmap members;
  std::uint64_t snapshot = 0;
  TimeMs as_of = 0;
  std::uint64_t took_us = 0;
  std::shared_ptr<const index::Generation> generation;
};

struct ProfileRow {
  std::string profile_id;
  std::vector<std::vector<Value>> values;  // Per asked field: none, one, or the list's elements.
  std::vector<bool> is_list;               // Per asked field.
};

// One node of an explanation or a plan, as a person reads it.
struct ExplainNode {
  std::string text;                  // The clause, printed.
  bool holds = false;
  std::string value;                 // What the profile has there: "country is \"US\"".
  std::vector<std::string> events;   // The newest matching events, at most 10, as JSON objects.
  std::vector<ExplainNode> children;
};

// Whether an explanation looks for what would flip it: some ms, up to a second.
enum class LookForFlip : std::uint8_t { Yes, No };

// One thing that would have to be otherwise about a person.
struct FlipChange {
  // "set", "remove", "add_event", "remove_event", "join_list", "leave_list"
  std::string change;
  std::string name;                  // Of the attribute or the list; "" for events.
  std::string json;                  // The value to set, or the event; "" where there is none.
  std::string text;                  // For people: "country becomes \"US\"".
};

// What would make the answer about a person the other one, if the clock stood still.
struct FlipAnswer {
  std::vector<FlipChange> changes;   // All of them together; empty: none is known.
  bool is_minimal = false;           // No fewer changes do it.
  std::string unknown;               // Why none is known.
};

struct Explanation {
  std::string profile_id;
  bool member = false;
  std::uint64_t snapshot = 0;
  TimeMs as_of = 0;
  // When it will be otherwise if nothing more is learned of the person; nothing: not in 20 years,
  // or not known, and then why.
  std::optional<TimeMs> until;
  std::string until_unknown;
  FlipAnswer flip;                   // As asked for.
  ExplainNode root;
};

struct PlanNode {
  std::string text;
  std::string method;                // "value bitmaps", "column scan", "event aggregate", ...
  std::uint64_t estimated = 0;       // People.
  // What the node did while the question was counted once; no blocks: it did not have to be asked.
  std::uint64_t people = 0, blocks = 0, bytes = 0, nanoseconds = 0;
  std::vector<PlanNode> children;
};

struct PlanAnswer {
  PlanNode root;
  std::uint64_t snapshot = 0;
  std::uint64_t expected_us = 0;     // Before it was run, on one core.
};

struct ProfileAnswer {
  std::string profile_id;
  std::uint64_t snapshot = 0;
  std::vector<std::pair<std::string, std::vector<Value>>> attributes;  // By name.
  std::vector<bool> is_list;
  std::vector<std::pair<std::string, Value>> traits;  // By name, those without a value, too.
  std::vector<std::string> events;   // The newest 50, newest first, as JSON objects.
  std::vector<std::string> segments; // Ids of the saved segments it is in.
};

struct CatalogField {
  std::string key, type;
  bool declared = false;
  std::uint64_t present = 0;         // Profiles, entities or events that have it.
  std::uint64_t distinct = 0;        // 0: not counted for this type.
  std::vector<std::pair<std::string, std::uint64_t>> top;  // Most frequent values, at most 10.
  std::uint64_t bytes = 0;           // In memory.
  std::vector<std::string> used_by;  // Segments.
};

// Bytes in memory, by what they are for.
struct MemoryParts {
  std::uint64_t ids = 0;             // The ids and their index, and who exists.
  std::uint64_t columns = 0;         // Values by person or entity.
  std::uint64_t bitmaps = 0;         // People by value.
  std::uint64_t dictionaries = 0;    // Texts behind codes.
  std::uint64_t events = 0;          // Rows, properties and periods of events.
  std::uint64_t total() const { return ids + columns + bitmaps + dictionaries + events; }
  // Calls visit(name, bytes) for each part.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    visit("ids", ids);
    visit("columns", columns);
    visit("bitmaps", bitmaps);
    visit("dictionaries", dictionaries);
    visit("events", events);
  }
};

struct CatalogTable {
  std::string name, kind;            // kind: "profiles", "events", "entities"
  std::uint64_t rows = 0;
  MemoryParts memory;
  TimeMs newest = 0;                 // Last time it was written; for events the newest event time.
  std::vector<CatalogField> fields;
};

struct Catalog {
  std::uint64_t snapshot = 0;
  std::uint64_t kept_bytes = 0;      // In memory, of event conditions kept for questions.
  std::vector<CatalogTable> tables;
};

// A row of the change stream: somebody entered a segment, or left it.
struct ChangeRow {
  std::uint64_t offset = 0;               // Dense, from 1, through all segments.
  std::string segment;
  std::uint64_t version = 0;              // Of the segment.
  index::Ordinal person = 0;
  std::optional<std::string> profile_id;  // Nothing: they were erased, and are forgotten.
  bool entered = false;                   // Else left.
  storage::ChangeReason reason = storage::ChangeReason::Event;
  TimeMs happened = 0;                    // Of the event, or the moment a window passed it.
  TimeMs known = 0;                       // When the stream had it.
};

struct ChangesRequest {
  std::string segment;                    // "": all.
  std::uint64_t from = 1;                 // The first offset that is wanted.
  std::size_t limit = 10'000;
};

struct ChangesAnswer {
  std::vector<ChangeRow> rows;
  std::uint64_t next = 1;                 // Where to go on; it may be beyond the last row.
  std::uint64_t end = 1;                  // The offset that the next change will have.
};

// Which rows of the change stream can be read.
struct ChangesKept {
  std::uint64_t first = 1;                // Of the first of them, or of the next one that comes.
  std::uint64_t end = 1;                  // The offset that the next change will have.
  TimeMs until = 0;                       // When the last row before `first` was known; 0: none.
};

// A moment of the change stream: one of both.
struct PastMoment {
  std::optional<TimeMs> at;               // What was known by then.
  std::optional<std::uint64_t> offset;    // The rows up to this one; 0: none of them.
};

struct PastCount {
  std::uint64_t count = 0;
  std::uint64_t offset = 0;               // Of the last row that counts.
  TimeMs as_of = 0;                       // As asked for, or when that row was known.
};

// The fields of rows() are those of the present.
struct PastMembers {
  MembersAnswer answer;
  std::uint64_t offset = 0;               // As in PastCount.
};

struct Document {
  std::string kind, id, json;
  std::uint64_t version = 0;
  TimeMs changed = 0;
  bool deleted = false;
};

struct DocumentPut {
  std::string kind, id, json;
  bool deleted = false;
  std::optional<std::uint64_t> expected_version;
};

struct ListRequest {
  std::string identifier = "profile_id";
  std::vector<std::string> members;  // As given.
};

struct ListReceipt {
  std::uint64_t matched = 0, unmatched = 0, invalid = 0, sequence = 0;
};

// What one part of the state takes.
struct MemoryPart {
  std::string part;  // "profiles", "entities", "identifiers", "events", ...
  std::uint64_t bytes = 0;
};

struct Health {
  bool ready = false;
  bool read_only = false;            // After a failed sync or a full disk.
  std::string reason;                // Why not ready or read-only.
  std::uint64_t snapshot = 0;
  std::uint64_t profiles = 0, events = 0;
  TimeMs events_since = 0;           // Events from before are forgotten; kTimeMin: none were.
  std::uint64_t queue_depth = 0;     // Changes waiting for the writer.
  std::uint64_t log_bytes = 0;
  std::uint64_t checkpoint = 0;      // The last record that the newest checkpoint contains.
  std::string checkpoint_failure;    // Why the last one could not be taken.
  TimeMs clock_behind_ms = 0;        // How far the clock stands behind a now that was given before.
};

}  // namespace muster::engine
