#include "connect/planner.h"

#include <algorithm>
#include <span>

#include "base/hash.h"
#include "base/json_writer.h"
#include "connect/compress.h"
#include "connect/profile_ids.h"

namespace muster::connect {
namespace {

using index::Bitmap;
using index::Ordinal;

// People whose fields are read at once to see who changed, as long as few did.
constexpr std::size_t kCheckedAtOnceMax = 16'384;
constexpr std::size_t kCheckedPerBatchPlace = 4;
constexpr std::string_view kSuffix = "]}";

// One person's place in a body.
struct Member {
  Ordinal ordinal = 0;
  std::string text;
};

std::vector<std::string> fields_of(const SyncDocument& sync) {
  std::vector<std::string> fields;
  for (const auto& [name, field] : sync.mapping) fields.push_back(field);
  return fields;
}

void write_value(JsonWriter& json, const std::vector<Value>& values, bool is_list) {
  if (!is_list) {
    json.value(values.front());
    return;
  }
  json.begin_array();
  for (const Value& value : values) json.value(value);
  json.end_array();
}

bool is_absent(const std::vector<Value>& values) {
  return std::all_of(values.begin(), values.end(), [](const Value& v) { return is_missing(v); });
}

std::string member_text(const SyncDocument& sync, const engine::ProfileRow& row) {
  JsonWriter json;
  json.begin_object().key("id").text(row.profile_id);
  for (std::size_t i = 0; i < sync.mapping.size(); ++i) {
    const bool absent = is_absent(row.values[i]);
    if (absent && !sync.send_nulls) continue;
    json.key(sync.mapping[i].first);
    if (absent) {
      json.null();
    } else {
      write_value(json, row.values[i], row.is_list[i]);
    }
  }
  json.end_object();
  return json.take();
}

bool is_identifiable(const SyncDocument& sync, const engine::ProfileRow& row) {
  if (row.profile_id.empty()) return false;
  if (sync.identify_by.empty()) return true;
  for (std::size_t i = 0; i < sync.mapping.size(); ++i) {
    const bool identifies = std::find(sync.identify_by.begin(), sync.identify_by.end(),
                                      sync.mapping[i].first) != sync.identify_by.end();
    if (identifies && !is_absent(row.values[i])) return true;
  }
  return false;
}

std::string prefix_of(const BatchInput& input, const Ledger& ledger, Operation operation) {
  const RunView& run = ledger.runs().back();
  JsonWriter json;
  json.begin_object();
  json.key("type").text(input.events == nullptr ? "audience.members" : "audience.events");
  json.key("sync").text(ledger.sync());
  json.key("segment").text(input.sync.segment);
  json.key("run").number(run.number);
  json.key("snapshot").number(run.snapshot);
  json.key("operation").text(name_of(operation));
  json.key("members").begin_array();
  return json.take();
}

BatchPlanned compose(const std::string& prefix, std::span<const Member> members,
                     Operation operation, bool gzip) {
  BatchPlanned batch{.operation = operation, .gzip = gzip};
  std::string body = prefix;
  batch.prefix_bytes = static_cast<std::uint32_t>(prefix.size());
  for (const Member& member : members) {
    if (body.size() > prefix.size()) body += ',';
    body += member.text;
    batch.people.add(member.ordinal);
    batch.member_bytes.push_back(static_cast<std::uint32_t>(member.text.size()));
    if (operation != Operation::Remove) batch.digests.push_back(hash64(member.text));
  }
  body += kSuffix;
  batch.packed = gzip_pack(body);
  return batch;
}

// How many of the members fit into one body.
std::size_t fitting(std::span<const Member> members, std::size_t batch_size) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < std::min(members.size(), batch_size)) {
    bytes += members[count].text.size() + 1;
    if (count > 0 && bytes > kBodyBytesMax) break;
    ++count;
  }
  return count;
}

void finish(const BatchInput& input, const Ledger& ledger, std::span<const Member> members,
            Operation operation, PlannedStep& step) {
  step.sorted.run = ledger.last_run();
  if (members.empty()) return;
  step.batch = compose(prefix_of(input, ledger, operation), members, operation, input.gzip);
  step.batch->run = ledger.last_run();
  step.batch->id = input.id;
}

Result<PlannedStep> plan_removals(const BatchInput& input, const Ledger& ledger) {
  const std::vector<Ordinal> ordinals = ledger.to_remove().slice(0, input.batch_size);
  TRY_ASSIGN(const std::vector<std::string> ids,
             profile_ids(input.audience, input.moment, {input.journal, input.stream}, ordinals));
  PlannedStep step;
  std::vector<Member> members;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    if (ids[i].empty()) {  // Nobody knows any more who that was.
      step.sorted.unidentifiable.add(ordinals[i]);
      continue;
    }
    JsonWriter json;
    json.begin_object().key("id").text(ids[i]).end_object();
    members.push_back({ordinals[i], json.take()});
    tell(input.events, Operation::Remove, ordinals[i], members.back().text);
  }
  finish(input, ledger, {members.data(), fitting(members, input.batch_size)}, Operation::Remove,
         step);
  return step;
}

Result<PlannedStep> plan_adds(const BatchInput& input, const Ledger& ledger) {
  const std::vector<Ordinal> ordinals = ledger.to_add().slice(0, input.batch_size);
  TRY_ASSIGN(const std::vector<engine::ProfileRow> rows,
             input.audience.people(input.moment, ordinals, fields_of(input.sync)));
  PlannedStep step;
  std::vector<Member> members;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    if (is_identifiable(input.sync, rows[i])) {
      members.push_back({ordinals[i], member_text(input.sync, rows[i])});
      tell(input.events, Operation::Add, ordinals[i], members.back().text);
    } else {
      step.sorted.unidentifiable.add(ordinals[i]);
    }
  }
  finish(input, ledger, {members.data(), fitting(members, input.batch_size)}, Operation::Add,
         step);
  return step;
}

Result<PlannedStep> plan_changes(const BatchInput& input, const Ledger& ledger) {
  const std::vector<Ordinal> ordinals = ledger.to_check().slice(
      0, std::min(kCheckedAtOnceMax, kCheckedPerBatchPlace * input.batch_size));
  TRY_ASSIGN(const std::vector<engine::ProfileRow> rows,
             input.audience.people(input.moment, ordinals, fields_of(input.sync)));
  PlannedStep step;
  std::vector<Member> members;
  for (std::size_t i = 0; i < ordinals.size() && members.size() < input.batch_size; ++i) {
    if (!is_identifiable(input.sync, rows[i])) {
      step.sorted.unidentifiable.add(ordinals[i]);
      continue;
    }
    std::string text = member_text(input.sync, rows[i]);
    if (hash64(text) == ledger.digest(ordinals[i])) {
      step.sorted.unchanged.add(ordinals[i]);
    } else {
      members.push_back({ordinals[i], std::move(text)});
    }
  }
  finish(input, ledger, {members.data(), fitting(members, input.batch_size)}, Operation::Change,
         step);
  return step;
}

// The people [from, to) of a batch as a batch of its own.
BatchPlanned part_of(const BatchPlanned& batch, const std::string& body, std::size_t from,
                     std::size_t to) {
  const std::vector<Ordinal> people = batch.people.to_vector();
  std::vector<Member> members;
  std::size_t at = batch.prefix_bytes;
  for (std::size_t i = 0; i < to; ++i) {
    const std::size_t size = batch.member_bytes[i];
    if (i >= from) members.push_back({people[i], body.substr(at, size)});
    at += size + 1;  // The comma.
  }
  BatchPlanned part =
      compose(body.substr(0, batch.prefix_bytes), members, batch.operation, batch.gzip);
  part.run = batch.run;
  return part;
}

}  // namespace

RunStarted plan_run(const RunInput& input, const Ledger& ledger) {
  RunStarted run{.run = input.run, .requested_at = input.requested_at, .at = input.at,
                 .snapshot = input.audience.snapshot, .sync_version = input.sync_version};
  run.audience = input.audience.members;
  Bitmap wanted = run.audience;
  for (const auto& [segment, people] : input.excluded) {
    run.excluded.emplace_back(segment, intersect(wanted, people));
    wanted = subtract(wanted, people);
  }
  run.split_key = input.assignment.key;
  run.assigned = input.assignment.fresh;
  run.held_out = input.assignment.held_out;
  for (const auto& [arm, people] : run.held_out) wanted = subtract(wanted, people);
  Bitmap unsettled;
  for (const auto& [id, batch] : ledger.batches()) {
    unsettled = unite(unsettled, batch.plan.people);
  }
  run.blocked = intersect(wanted, unsettled);
  const Bitmap target = subtract(wanted, unsettled);
  const Bitmap held = intersect(target, ledger.held());
  run.whole = input.whole || (input.sync.mode == SyncMode::Mirror &&
                              ledger.whole_version() != input.sync_version);
  run.add = run.whole ? target : subtract(target, ledger.held());
  if (input.sync.mode == SyncMode::Append) {
    if (!run.whole) run.already = held;
    return run;
  }
  if (!run.whole) run.check = held;
  run.remove = subtract(subtract(unite(ledger.held(), ledger.maybe_held()), wanted), unsettled);
  return run;
}

Result<PlannedStep> plan_step(const BatchInput& input, const Ledger& ledger) {
  CHECK(ledger.run_active() && !ledger.all_planned());
  if (!ledger.to_remove().empty()) return plan_removals(input, ledger);
  if (!ledger.to_add().empty()) return plan_adds(input, ledger);
  return plan_changes(input, ledger);
}

Result<std::pair<BatchPlanned, BatchPlanned>> split(const BatchPlanned& batch,
                                                    std::string first_id,
                                                    std::string second_id) {
  const std::size_t people = batch.member_bytes.size();
  CHECK(people > 1);
  TRY_ASSIGN(const std::string body, gzip_unpack(batch.packed, kBodyUnpackedMax));
  std::size_t expected = batch.prefix_bytes + people - 1 + kSuffix.size();
  for (const std::uint32_t size : batch.member_bytes) expected += size;
  if (expected != body.size()) {
    return Error{ErrorCode::Corrupt, "A stored delivery does not have the length it should have."};
  }
  std::pair halves{part_of(batch, body, 0, people / 2), part_of(batch, body, people / 2, people)};
  halves.first.id = std::move(first_id);
  halves.second.id = std::move(second_id);
  if (batch.operation == Operation::Remove) return halves;
  // The same texts give the same digests: what changes them is a defect of ours.
  CHECK(halves.first.digests.front() == batch.digests.front());
  return halves;
}

}  // namespace muster::connect
