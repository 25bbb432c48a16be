// What stands in the log: numbered, versioned records, each with a checksum and room for a key id.
//
// record := crc: u32 | format: u8 | kind: u8 | key_id: u32 | received: i64 (ms) | body
// (all little-endian; crc is CRC-32C of everything behind it; storage/format.md has every byte.)
//
// Replay never decides again: a data batch keeps its raw bytes, the schema version it was read
// under, what it added to the schema, and a verdict for each line.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/result.h"

namespace muster::storage {

enum class TableKind : std::uint8_t {
  Profiles = 0,
  Events = 1,
  UserInfo = 2,
  Entities = 3,
  Identities = 4  // Who is who: ids of profiles that join another profile.
};
enum class DataFormat : std::uint8_t { Ndjson = 0, JsonArray = 1, Csv = 2 };

struct RejectedRow {
  std::uint64_t line = 0;  // From 1, in the batch.
  std::string reason;
  bool operator==(const RejectedRow&) const = default;
};

// Rows as they came. Several batches with one `replace_id` and `replace_last` on the final one
// refresh a whole table atomically.
struct DataBatch {
  TableKind table = TableKind::Profiles;
  std::string name;              // Of the entity table or the user-info source; else "".
  DataFormat format = DataFormat::Ndjson;
  std::string csv_header;        // The header line, for chunks after the first.
  std::string raw;               // Uncompressed here; zstd on disk.
  std::uint64_t schema_version = 0;  // The version the batch was typed with, additions included.
  std::string schema_additions;  // JSON declaration of inferred fields; "" when none.
  std::vector<RejectedRow> rejected;   // Every line that was not taken, with its reason.
  std::vector<std::uint64_t> skipped;  // Lines taken before (same event id, same content).
  std::uint64_t accepted = 0;
  std::string idempotency_key;   // "" when the sender gave none.
  std::uint64_t first_line = 1;  // Number of the batch's first line in its file.
  std::string replace_id;        // "" unless part of a whole-table refresh.
  bool replace_last = false;
  // Lines whose text was taken out because they were about people who were erased, ascending: those
  // that were refused for it when they came, and by a compaction all others.
  std::vector<std::uint64_t> blanked;
  Hash128 request;  // Of the request before anything was taken out; zeros where nothing was.
  // A compaction took lines out: what the batch did does not follow from it any more, and is in the
  // checkpoints.
  bool is_partial = false;
  // Values of fields that were made from rows before: whoever makes some again passes it over.
  bool is_derived = false;
  bool operator==(const DataBatch&) const = default;
};

// A declaration document replaced the whole declaration. JSON as it was accepted.
struct Declaration {
  std::string json;
  bool operator==(const Declaration&) const = default;
};

// A named document changed: a segment, trait, list, destination, sync, key or job.
struct DocumentChange {
  std::string kind;            // "segment", "trait", "list", "destination", "sync", "key", "job"
  std::string id;
  std::uint64_t version = 0;   // Dense per document, from 1.
  bool deleted = false;
  std::string json;            // "" when deleted.
  std::string blob;            // Bytes beside it: a list's matched people as portable Roaring.
  bool operator==(const DocumentChange&) const = default;
};

// What a log knows of the suppression file (storage/suppression.h): how many erasures that has at
// least, and under which key. Nothing: 0.
struct SuppressionMark {
  std::uint64_t erasures = 0;
  std::uint64_t key = 0;
  bool operator==(const SuppressionMark&) const = default;
};

// The reason of an erasure whose id a compaction took out: what it did is in the checkpoints.
inline constexpr const char* kNamelessErasure = "compacted";

// A profile is gone. The reason is for the receipt.
struct Erasure {
  std::string profile_id;  // "": nobody's; the record is there for its mark.
  std::string reason;
  SuppressionMark mark;    // This erasure included.
  bool operator==(const Erasure&) const = default;
};

// What the exporter must not forget; opaque to storage and engine. One stream per sync.
struct Outcome {
  std::string stream;
  std::string payload;
  bool operator==(const Outcome&) const = default;
};

// The clock moved on without data, so that expiry replays in the same order.
struct ClockTick {
  TimeMs now = 0;
  bool operator==(const ClockTick&) const = default;
};

// A data batch stood here until it was past its retention. What it said is in the checkpoints.
struct Retired {
  Hash128 original;         // hash128 of the record that stood here.
  std::uint64_t bytes = 0;  // Of it.
  std::string archive;      // The file of the archive that has it; "": none.
  bool operator==(const Retired&) const = default;
};

// The state forgets what it still knew of people who were erased (index::Writer::forget_erased),
// and the records before this one lose what they say of them; or they have lost it.
struct Compaction {
  std::uint64_t erasures = 0;  // That the log had by then: SuppressionMark::erasures.
  bool is_done = false;
  // Lines that were rejected and whose reasons go too: record, line.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> rejected;
  bool operator==(const Compaction&) const = default;
};

// Why somebody entered or left a segment.
enum class ChangeReason : std::uint8_t {
  Event = 0,       // An event of theirs came.
  Attribute = 1,   // Their values, or those of things they refer to, are others.
  Expired = 2,     // Time passed.
  Definition = 3,  // The segment, or what it names, was saved or deleted.
  Merge = 4,       // They are one person with somebody else.
  Erased = 5,
  Rank = 6,        // Others moved: tiles and tops.
};
inline constexpr ChangeReason kLastReason = ChangeReason::Rank;

// People who entered one segment, or left it, for one reason.
struct MembershipGroup {
  std::string segment;
  std::uint64_t version = 0;  // Of the segment.
  bool entered = false;
  ChangeReason reason = ChangeReason::Event;
  std::vector<std::uint32_t> people;  // Ordinals, strictly ascending.
  std::vector<TimeMs> times;  // When it happened, by person; empty: when it became known.
  bool operator==(const MembershipGroup&) const = default;
};

// How many people they have in all.
std::uint64_t rows_of(std::span<const MembershipGroup> groups);

// Who entered and left segments by the records before this one, or by time alone. Every person of
// a group is a row; rows are numbered through all of the log. No groups: its rows are past their
// retention, and what they add up to is in the checkpoints.
struct MembershipChanges {
  std::uint64_t first = 0;  // Number of the first row, from 1.
  std::vector<MembershipGroup> groups;
  std::uint64_t rows() const { return rows_of(groups); }
  bool operator==(const MembershipChanges&) const = default;
};
// Rows of one record: bounds the memory of whoever reads one.
inline constexpr std::uint64_t kChangeRowsMax = 1'000'000;

// The rows of changes before one of them are past their retention: nobody reads them any more.
struct ChangesHorizon {
  std::uint64_t first = 0;        // The row that is the first one from here on.
  std::uint64_t record = 0;       // No row from `first` on stands in a record before this one.
  std::uint64_t gone_before = 0;  // The rows of records before this one have left the log.
  TimeMs until = 0;               // When the last of the rows before became known.
  bool operator==(const ChangesHorizon&) const = default;
};

// From here on who enters and leaves a segment is kept as events of theirs: `groups` has the rows
// of the stream that were told before, with the time at which each became known. One in several
// records has the moment only in the last.
struct SegmentHistory {
  std::string segment;
  std::optional<TimeMs> since;  // From when on all rows are among them; nothing: more records come.
  std::vector<MembershipGroup> groups;
  bool operator==(const SegmentHistory&) const = default;
};

// Events from before a moment are forgotten: those of the people of some blocks by this record, and
// no later one may come from before it.
struct EventsHorizon {
  TimeMs before = 0;
  std::uint32_t first_block = 0, end_block = 0;  // Blocks of 65,536 people; equal: of nobody yet.
  bool operator==(const EventsHorizon&) const = default;
};

using RecordBody = std::variant<DataBatch, Declaration, DocumentChange, Erasure, Outcome,
                                ClockTick, Retired, Compaction, MembershipChanges,
                                ChangesHorizon, SegmentHistory, EventsHorizon>;

struct Record {
  TimeMs received = 0;
  std::uint32_t key_id = 0;  // 0: not encrypted.
  RecordBody body;
  bool operator==(const Record&) const = default;
};

// Bytes of DataBatch.raw: the largest batch, and one line that began inside it.
inline constexpr std::size_t kRawBytesMax = kBatchBytesMax + kLineBytesMax;

// Requires a raw batch of at most kRawBytesMax, and at most kChangeRowsMax rows of changes.
std::string encode(const Record& record);

// What stands at the beginning of every record.
struct RecordHead {
  TimeMs received = 0;
  bool is_data_batch = false, is_retired = false, is_erasure = false, is_outcome = false;
  bool is_changes = false;
};
// Cost: the checksum of all bytes; nothing is decompressed.
// Errors: Corrupt, as decode().
Result<RecordHead> decode_head(std::string_view bytes);

// Errors: Corrupt, saying which part of the record does not fit; also for an unknown format or
// kind, naming it, so that data of a newer version is refused and not half understood.
Result<Record> decode(std::string_view bytes);

}  // namespace muster::storage
