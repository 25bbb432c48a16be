#include "storage/record.h"

#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "storage/record_frame.h"
#include "storage/varints.h"

namespace muster::storage {
namespace {

// Disk values: fixed for ever, described in storage/format.md. A new meaning takes a new number.
constexpr std::uint8_t kFormat = 1;
enum class Kind : std::uint8_t {
  DataBatch = 1,
  Declaration = 2,
  DocumentChange = 3,
  Erasure = 4,
  Outcome = 5,
  ClockTick = 6,
  Retired = 7,
  MarkedErasure = 8,  // With the mark of the suppression file.
  BlankedBatch = 9,   // A data batch with lines taken out.
  Compaction = 10,
  MembershipChanges = 11,
  ChangesHorizon = 12,
  SegmentHistory = 13,
  DerivedBatch = 20,  // A data batch of values that were made from rows before.
  EventsHorizon = 21,
};

constexpr std::size_t kChecksumBytes = 4;
// Lines or the like. Differences, wrapping round: a byte each where they stand close together,
// whatever the order.
void write_numbers(ByteWriter& out, std::span<const std::uint64_t> numbers) {
  out.varint(numbers.size());
  std::uint64_t previous = 0;
  for (const std::uint64_t number : numbers) {
    out.varint(number - previous);
    previous = number;
  }
}

bool is_blanked(const DataBatch& batch) {
  return batch.is_partial || !batch.blanked.empty() || batch.request != Hash128{};
}

void write(ByteWriter& out, const DataBatch& batch) {
  CHECK(batch.raw.size() <= kRawBytesMax);
  out.u8(static_cast<std::uint8_t>(batch.table));
  out.u8(static_cast<std::uint8_t>(batch.format));
  out.text(batch.name);
  out.text(batch.csv_header);
  out.varint(batch.schema_version);
  out.text(batch.schema_additions);
  out.varint(batch.accepted);
  out.text(batch.idempotency_key);
  out.varint(batch.first_line);
  out.text(batch.replace_id);
  out.u8(batch.replace_last ? 1 : 0);
  out.varint(batch.rejected.size());
  for (const RejectedRow& row : batch.rejected) {
    out.varint(row.line);
    out.text(row.reason);
  }
  write_numbers(out, batch.skipped);
  if (is_blanked(batch) || batch.is_derived) {
    write_numbers(out, batch.blanked);
    out.u64(batch.request.high);
    out.u64(batch.request.low);
    out.u8(batch.is_partial ? 1 : 0);
  }
  out.varint(batch.raw.size());
  out.text(compress(batch.raw));
}

void write(ByteWriter& out, const Declaration& declaration) { out.text(declaration.json); }

void write(ByteWriter& out, const DocumentChange& change) {
  out.text(change.kind);
  out.text(change.id);
  out.varint(change.version);
  out.u8(change.deleted ? 1 : 0);
  out.text(change.json);
  out.text(change.blob);
}

void write(ByteWriter& out, const Erasure& erasure) {
  out.text(erasure.profile_id);
  out.text(erasure.reason);
  if (erasure.mark.erasures == 0) return;
  out.varint(erasure.mark.erasures);
  out.u64(erasure.mark.key);
}

void write(ByteWriter& out, const Outcome& outcome) {
  out.text(outcome.stream);
  out.text(outcome.payload);
}

void write(ByteWriter& out, const ClockTick& tick) { out.i64(tick.now); }

void write(ByteWriter& out, const Retired& retired) {
  out.u64(retired.original.high);
  out.u64(retired.original.low);
  out.varint(retired.bytes);
  out.text(retired.archive);
}

void write(ByteWriter& out, const Compaction& compaction) {
  out.varint(compaction.erasures);
  out.u8(compaction.is_done ? 1 : 0);
  out.varint(compaction.rejected.size());
  for (const auto& [record, line] : compaction.rejected) {
    out.varint(record);
    out.varint(line);
  }
}

void write(std::string& bytes, const MembershipGroup& group) {
  ByteWriter out(bytes);
  out.text(group.segment);
  out.varint(group.version);
  out.u8(group.entered ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(group.reason));
  out.varint(group.people.size());
  write_varints(bytes, group.people.size(), [&, person = std::uint32_t{0}](std::size_t i) mutable {
    return std::uint64_t{group.people[i] - std::exchange(person, group.people[i])};
  });
  out.u8(group.times.empty() ? 0 : 1);
  // Differences wrap round.
  write_varints(bytes, group.times.size(), [&, time = std::uint64_t{0}](std::size_t i) mutable {
    const auto next = static_cast<std::uint64_t>(group.times[i]);
    const std::uint64_t step = next - std::exchange(time, next);
    return (step << 1) ^ (0 - (step >> 63));  // Small where it is little, either way.
  });
}

void write(ByteWriter& out, const std::vector<MembershipGroup>& groups) {
  CHECK(rows_of(groups) <= kChangeRowsMax);
  std::string bytes;
  ByteWriter inner(bytes);
  inner.varint(groups.size());
  for (const MembershipGroup& group : groups) write(bytes, group);
  out.varint(bytes.size());
  out.text(compress(bytes));
}

void write(ByteWriter& out, const MembershipChanges& changes) {
  out.varint(changes.first);
  write(out, changes.groups);
}

void write(ByteWriter& out, const SegmentHistory& history) {
  out.text(history.segment);
  out.u8(history.since ? 1 : 0);
  out.i64(history.since.value_or(0));
  write(out, history.groups);
}

void write(ByteWriter& out, const ChangesHorizon& horizon) {
  out.varint(horizon.first);
  out.varint(horizon.record);
  out.varint(horizon.gone_before);
  out.i64(horizon.until);
}

void write(ByteWriter& out, const EventsHorizon& horizon) {
  out.i64(horizon.before);
  out.u32(horizon.first_block);
  out.u32(horizon.end_block);
}

Kind kind_of(const RecordBody& body) {
  const auto* batch = std::get_if<DataBatch>(&body);
  if (batch != nullptr && batch->is_derived) return Kind::DerivedBatch;
  if (batch != nullptr && is_blanked(*batch)) return Kind::BlankedBatch;
  if (std::holds_alternative<Compaction>(body)) return Kind::Compaction;
  if (std::holds_alternative<MembershipChanges>(body)) return Kind::MembershipChanges;
  if (std::holds_alternative<ChangesHorizon>(body)) return Kind::ChangesHorizon;
  if (std::holds_alternative<SegmentHistory>(body)) return Kind::SegmentHistory;
  if (std::holds_alternative<EventsHorizon>(body)) return Kind::EventsHorizon;
  const auto* erasure = std::get_if<Erasure>(&body);
  if (erasure != nullptr && erasure->mark.erasures != 0) return Kind::MarkedErasure;
  // The others stand in the order of the kinds.
  return static_cast<Kind>(body.index() + 1);
}

template <Kind kind>
using BodyOf = std::variant_alternative_t<static_cast<std::size_t>(kind) - 1, RecordBody>;
static_assert(std::is_same_v<BodyOf<Kind::DataBatch>, DataBatch>);
static_assert(std::is_same_v<BodyOf<Kind::Declaration>, Declaration>);
static_assert(std::is_same_v<BodyOf<Kind::DocumentChange>, DocumentChange>);
static_assert(std::is_same_v<BodyOf<Kind::Erasure>, Erasure>);
static_assert(std::is_same_v<BodyOf<Kind::Outcome>, Outcome>);
static_assert(std::is_same_v<BodyOf<Kind::ClockTick>, ClockTick>);
static_assert(std::is_same_v<BodyOf<Kind::Retired>, Retired>);
static_assert(std::variant_size_v<RecordBody> == 12);

std::string text_of(ByteReader& in) { return std::string(in.text()); }

// A byte that may be 0 or 1 only: anything else was not written by us.
Result<bool> flag_of(ByteReader& in) {
  const std::uint8_t value = in.u8();
  if (value > 1) return damaged("a yes-or-no byte is neither");
  return value == 1;
}

// A number of entries, each of at least `bytes_each`: refused before memory is taken for them.
Result<std::uint64_t> count_of(ByteReader& in, std::size_t bytes_each) {
  const std::uint64_t count = in.varint();
  if (in.failed() || count > in.remaining() / bytes_each) {
    return damaged("a list claims more entries than bytes are left");
  }
  return count;
}

Result<std::vector<std::uint64_t>> read_numbers(ByteReader& in) {
  TRY_ASSIGN(const std::uint64_t count, count_of(in, 1));
  std::vector<std::uint64_t> numbers;
  numbers.reserve(count);
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < count; ++i) numbers.push_back(number += in.varint());
  return numbers;
}

Status read_verdicts(ByteReader& in, DataBatch& batch) {
  TRY_ASSIGN(const std::uint64_t rejected, count_of(in, 2));
  batch.rejected.reserve(rejected);
  for (std::uint64_t i = 0; i < rejected; ++i) {
    const std::uint64_t line = in.varint();
    batch.rejected.push_back({line, text_of(in)});
  }
  TRY_ASSIGN(batch.skipped, read_numbers(in));
  return Ok{};
}

Result<RecordBody> read_data_batch(ByteReader& in, bool is_blanked) {
  DataBatch batch;
  const std::uint8_t table = in.u8(), format = in.u8();
  if (table > static_cast<std::uint8_t>(TableKind::Identities)) {
    return damaged("it names an unknown table kind " + std::to_string(table));
  }
  if (format > static_cast<std::uint8_t>(DataFormat::Csv)) {
    return damaged("it names an unknown data format " + std::to_string(format));
  }
  batch.table = static_cast<TableKind>(table);
  batch.format = static_cast<DataFormat>(format);
  batch.name = text_of(in);
  batch.csv_header = text_of(in);
  batch.schema_version = in.varint();
  batch.schema_additions = text_of(in);
  batch.accepted = in.varint();
  batch.idempotency_key = text_of(in);
  batch.first_line = in.varint();
  batch.replace_id = text_of(in);
  TRY_ASSIGN(batch.replace_last, flag_of(in));
  TRY(read_verdicts(in, batch));
  if (is_blanked) {
    TRY_ASSIGN(batch.blanked, read_numbers(in));
    batch.request.high = in.u64();
    batch.request.low = in.u64();
    TRY_ASSIGN(batch.is_partial, flag_of(in));
  }
  const std::uint64_t raw_size = in.varint();
  const std::string_view frame = in.text();
  if (in.failed()) return damaged("it ends inside its data batch");
  TRY_ASSIGN(batch.raw, inflate(frame, raw_size));
  return RecordBody(std::move(batch));
}

Result<RecordBody> read_derived_batch(ByteReader& in) {
  TRY_ASSIGN(RecordBody body, read_data_batch(in, true));
  std::get<DataBatch>(body).is_derived = true;
  return body;
}

Result<RecordBody> read_document_change(ByteReader& in) {
  DocumentChange change;
  change.kind = text_of(in);
  change.id = text_of(in);
  change.version = in.varint();
  TRY_ASSIGN(change.deleted, flag_of(in));
  change.json = text_of(in);
  change.blob = text_of(in);
  return RecordBody(std::move(change));
}

Result<RecordBody> read_compaction(ByteReader& in) {
  Compaction compaction;
  compaction.erasures = in.varint();
  TRY_ASSIGN(compaction.is_done, flag_of(in));
  TRY_ASSIGN(const std::uint64_t count, count_of(in, 2));
  compaction.rejected.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t record = in.varint();
    compaction.rejected.emplace_back(record, in.varint());
  }
  return RecordBody(std::move(compaction));
}

Result<MembershipGroup> read_group(ByteReader& in) {
  MembershipGroup group;
  group.segment = text_of(in);
  group.version = in.varint();
  TRY_ASSIGN(group.entered, flag_of(in));
  const std::uint8_t reason = in.u8();
  if (reason > static_cast<std::uint8_t>(kLastReason)) {
    return damaged("it names an unknown reason " + std::to_string(reason));
  }
  group.reason = static_cast<ChangeReason>(reason);
  TRY_ASSIGN(const std::uint64_t people, count_of(in, 1));
  group.people.reserve(people);
  std::uint64_t person = 0;
  for (std::uint64_t i = 0; i < people; ++i) {
    const std::uint64_t step = in.varint();
    person += step;
    if ((i != 0 && step == 0) || step > UINT32_MAX || person > UINT32_MAX) {
      return damaged("the people of a change do not stand in order");
    }
    group.people.push_back(static_cast<std::uint32_t>(person));
  }
  TRY_ASSIGN(const bool has_times, flag_of(in));
  std::uint64_t time = 0;
  for (std::uint64_t i = 0; has_times && i < people; ++i) {
    const std::uint64_t step = in.varint();
    group.times.push_back(static_cast<TimeMs>(time += (step >> 1) ^ (0 - (step & 1))));
  }
  return group;
}

Result<std::vector<MembershipGroup>> read_groups(ByteReader& in) {
  const std::uint64_t size = in.varint();
  const std::string_view frame = in.text();
  if (in.failed()) return damaged("it ends inside its changes");
  TRY_ASSIGN(const std::string bytes, inflate(frame, size));
  ByteReader inner(bytes);
  TRY_ASSIGN(const std::uint64_t groups, count_of(inner, 6));
  std::vector<MembershipGroup> read;
  for (std::uint64_t i = 0; i < groups; ++i) {
    TRY_ASSIGN(MembershipGroup group, read_group(inner));
    read.push_back(std::move(group));
  }
  if (inner.failed() || !inner.at_end() || rows_of(read) > kChangeRowsMax) {
    return damaged("its changes cannot be read");
  }
  return read;
}

Result<RecordBody> read_membership_changes(ByteReader& in) {
  MembershipChanges changes;
  changes.first = in.varint();
  TRY_ASSIGN(changes.groups, read_groups(in));
  return RecordBody(std::move(changes));
}

Result<RecordBody> read_segment_history(ByteReader& in) {
  SegmentHistory history;
  history.segment = text_of(in);
  TRY_ASSIGN(const bool is_last, flag_of(in));
  const TimeMs since = in.i64();
  if (is_last) history.since = since;
  TRY_ASSIGN(history.groups, read_groups(in));
  return RecordBody(std::move(history));
}

Result<RecordBody> read_body(std::uint8_t kind, ByteReader& in) {
  switch (static_cast<Kind>(kind)) {
    case Kind::DataBatch: return read_data_batch(in, false);
    case Kind::BlankedBatch: return read_data_batch(in, true);
    case Kind::DerivedBatch: return read_derived_batch(in);
    case Kind::Declaration: return RecordBody(Declaration{text_of(in)});
    case Kind::DocumentChange: return read_document_change(in);
    case Kind::Erasure: {
      Erasure erasure;
      erasure.profile_id = text_of(in);
      erasure.reason = text_of(in);
      return RecordBody(std::move(erasure));
    }
    case Kind::MarkedErasure: {
      Erasure erasure;
      erasure.profile_id = text_of(in);
      erasure.reason = text_of(in);
      erasure.mark.erasures = in.varint();
      erasure.mark.key = in.u64();
      if (erasure.mark.erasures == 0) in.fail();  // Then it is not written.
      return RecordBody(std::move(erasure));
    }
    case Kind::Outcome: {
      std::string stream = text_of(in);
      return RecordBody(Outcome{std::move(stream), text_of(in)});
    }
    case Kind::ClockTick: return RecordBody(ClockTick{in.i64()});
    case Kind::Retired: {
      Retired retired;
      retired.original.high = in.u64();
      retired.original.low = in.u64();
      retired.bytes = in.varint();
      retired.archive = text_of(in);
      return RecordBody(std::move(retired));
    }
    case Kind::Compaction: return read_compaction(in);
    case Kind::MembershipChanges: return read_membership_changes(in);
    case Kind::ChangesHorizon: {
      ChangesHorizon horizon;
      horizon.first = in.varint();
      horizon.record = in.varint();
      horizon.gone_before = in.varint();
      horizon.until = in.i64();
      if (horizon.first == 0) in.fail();  // Rows are numbered from 1.
      return RecordBody(horizon);
    }
    case Kind::SegmentHistory: return read_segment_history(in);
    case Kind::EventsHorizon: {
      EventsHorizon horizon{in.i64(), in.u32(), in.u32()};
      if (horizon.first_block > horizon.end_block) in.fail();
      return RecordBody(horizon);
    }
  }
  return Error{ErrorCode::Corrupt, "the record has kind " + std::to_string(kind) +
                                       ", made by a newer version of Muster: open the data "
                                       "with that version"};
}

struct Head {
  std::uint8_t kind = 0;
  std::uint32_t key_id = 0;
  TimeMs received = 0;
};

// Reads what stands before the body.
Result<Head> read_head(std::string_view bytes, ByteReader& in) {
  const std::uint32_t checksum = in.u32();
  if (in.failed()) return damaged("it is shorter than its checksum");
  // First of all, so that a newer version is only named where its bytes are sound.
  if (crc32c(bytes.substr(kChecksumBytes)) != checksum) {
    return damaged("its checksum does not match its bytes");
  }
  const std::uint8_t format = in.u8();
  if (!in.failed() && format != kFormat) {
    return Error{ErrorCode::Corrupt, "the record has format " + std::to_string(format) +
                                         ", made by a newer version of Muster (this one reads "
                                         "format 1): open the data with that version"};
  }
  Head head;
  head.kind = in.u8();
  head.key_id = in.u32();
  head.received = in.i64();
  if (in.failed()) return damaged("it ends inside its head");
  return head;
}

}  // namespace

std::uint64_t rows_of(std::span<const MembershipGroup> groups) {
  std::uint64_t rows = 0;
  for (const MembershipGroup& group : groups) rows += group.people.size();
  return rows;
}

std::string encode(const Record& record) {
  std::string bytes(kChecksumBytes, '\0');
  ByteWriter out(bytes);
  out.u8(kFormat);
  out.u8(static_cast<std::uint8_t>(kind_of(record.body)));
  out.u32(record.key_id);
  out.i64(record.received);
  std::visit([&out](const auto& body) { write(out, body); }, record.body);
  std::string checksum;
  ByteWriter(checksum).u32(crc32c(std::string_view(bytes).substr(kChecksumBytes)));
  bytes.replace(0, kChecksumBytes, checksum);
  return bytes;
}

Result<RecordHead> decode_head(std::string_view bytes) {
  ByteReader in(bytes);
  TRY_ASSIGN(const Head head, read_head(bytes, in));
  const auto is = [&](Kind kind) { return head.kind == static_cast<std::uint8_t>(kind); };
  return RecordHead{head.received, is(Kind::DataBatch) || is(Kind::BlankedBatch) ||
                                         is(Kind::DerivedBatch),
                    is(Kind::Retired), is(Kind::Erasure) || is(Kind::MarkedErasure),
                    is(Kind::Outcome), is(Kind::MembershipChanges)};
}

Result<Record> decode(std::string_view bytes) {
  ByteReader in(bytes);
  TRY_ASSIGN(const Head head, read_head(bytes, in));
  Record record{.received = head.received, .key_id = head.key_id};
  TRY_ASSIGN(record.body, read_body(head.kind, in));
  if (in.failed()) return damaged("it ends inside its body");
  if (!in.at_end()) return damaged("bytes stand behind its end");
  return record;
}

}  // namespace muster::storage
