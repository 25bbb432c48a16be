// Fields made from history, inside the engine: read beside everything else, written by commits.
#include <algorithm>

#include "engine/declaration.h"
#include "engine/field_use.h"
#include "engine/impl.h"

namespace muster::engine {
namespace {

constexpr std::size_t kDerivedFieldsMax = 64;
// What a commit may have to read, but for one batch: bounds how long it takes.
constexpr std::uint64_t kTailRecordsMax = 64;
constexpr std::size_t kTailBytesMax = 4U << 20;
// Times that it may be outrun by what comes.
constexpr int kTriesMax = 1'000;
constexpr std::uint64_t kProgressEvery = 64;  // Records.
// Rows, verdicts, and the declaration.
constexpr std::uint64_t kDerivedCommitBytes = 32U << 20;

Error stopped() { return {ErrorCode::Unavailable, "it was cancelled"}; }

// What only reads fails alone: an exception inside a commit would end all writing.
template <typename Work>
auto or_error(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::Unavailable, "out of memory"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::Unavailable, std::string("it could not go on: ") + error.what()};
  }
}

std::string table_of(const std::string& key) { return key.substr(0, key.find('.')); }

Status derivable(const index::Generation& state, const std::string& key,
                 const index::Field& field) {
  const index::Schema& schema = *state.schema;
  const std::string table = table_of(key), name = key.substr(table.size() + 1);
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorCode::InvalidArgument, "the field '" + key + "' " + what};
  };
  if (table != "profiles" && !schema.entity_ids.contains(table)) {
    return wrong("is none of profiles or of a declared entity: what events say stays as it came");
  }
  if (table == "profiles" && (schema.identifiers.contains(name) || name == schema.profile_id)) {
    return wrong("says who somebody is, which does not become another for the past");
  }
  if (table != "profiles" && name == schema.entity_ids.at(table)) {
    return wrong("says which row it is, which does not become another for the past");
  }
  if (is_of_events(state, key)) {
    return wrong("is also a property that events hold, and what they say stays as it came");
  }
  if (field.type.type == Type::Geo && field.type.list) return wrong("is a list of geo points");
  return Ok{};
}

}  // namespace

Status Engine::Impl::start_derivation(const DeriveRequest& request) {
  TRY_ASSIGN(auto fields, parse_fields(request.fields));
  if (fields.empty() || fields.size() > kDerivedFieldsMax) {
    return Error{ErrorCode::InvalidArgument, "1 to 64 fields can be made at a time"};
  }
  TRY(has_memory());
  const auto state = generation();
  for (auto& [key, field] : fields) {
    field.declared = true;
    TRY(derivable(*state, key, field));
  }
  std::set<std::string> used;
  for (const auto& [key, segments] : field_use(*state)) {
    if (fields.contains(key)) used.insert(segments.begin(), segments.end());
  }
  TRY(derivation_.start(std::move(fields), request, state->sequence,
                        [this](const std::stop_token& stop) { run_derivation(stop); }));
  derivation_.tell([&](DeriveAnswer& told) { told.used_by.assign(used.begin(), used.end()); });
  return Ok{};
}

void Engine::Impl::run_derivation(const std::stop_token& stop) {
  const Status done = or_error([&] { return derive_until_stopped(stop); });
  derivation_.bytes = 0;
  const DeriveAnswer told = derivation_.answer();  // With the time that it took.
  derivation_.tell([&](DeriveAnswer& answer) {
    answer.took_ms = told.took_ms;
    answer.state = DeriveState::Done;
    if (done) return;
    answer.state = stop.stop_requested() ? DeriveState::Cancelled : DeriveState::Failed;
    if (!stop.stop_requested()) answer.failure = done.error().message;
  });
}

Status Engine::Impl::derive_until_stopped(const std::stop_token& stop) {
  const storage::Keyring* const keys = parts.checkpoints ? parts.checkpoints->keys() : nullptr;
  std::set<std::string> identifiers;
  for (const auto& [name, how] : generation()->schema->identifiers) identifiers.insert(name);
  for (const bool reads_events : {false, true}) {
    derivation_.taken = 0;
    RawHistory records(*parts.log, parts.raw_archive, keys);
    FieldHistory history(*parts.decoder, derivation_.fields, identifiers, reads_events);
    TRY(read_history(history, records, stop));
    if (history.lacks_events()) continue;
    if (records.lost() != 0 && !derivation_.partial) {
      return Error{ErrorCode::Conflict,
                   std::to_string(records.lost()) + " data batches have left the log and are in no "
                   "archive that can be read, so what they said of these fields is not known; ask "
                   "with \"partial\" to go without them"};
    }
    derivation_.tell([](DeriveAnswer& told) { told.state = DeriveState::Writing; });
    return derive_from(history, records, stop);
  }
  return Error{ErrorCode::Conflict, "the declaration changed meanwhile; ask again"};
}

Status Engine::Impl::read_history(FieldHistory& history, RawHistory& records,
                                  const std::stop_token& stop) {
  const auto tell = [&] {
    derivation_.tell([&](DeriveAnswer& told) {
      told.read = derivation_.taken;
      told.records = std::max(told.records, derivation_.taken);
      told.rows = history.rows();
      told.unfit = history.unfit();
      told.errors.clear();
      for (const UnfitValue& unfit : history.unfit_values()) {
        told.errors.push_back({unfit.sequence, unfit.line, "", unfit.reason, 0});
      }
      told.lost = records.lost();
      told.unreachable.assign(records.unreachable().begin(), records.unreachable().end());
    });
  };
  const auto has_memory_for = [this](std::uint64_t bytes) -> Status {
    derivation_.bytes = bytes;
    const std::uint64_t most = parts.memory_bytes_max;
    if (most == 0 || memory_gauge.bytes([this] { return index_bytes(); }) + bytes <= most) {
      return Ok{};
    }
    return Error{ErrorCode::StorageFull,
                 "what the history comes to does not fit beside the index in the " +
                     std::to_string(most >> 20) +
                     " MiB that --memory-limit allows; start with a higher limit"};
  };
  MemoryGauge gauge;
  const auto visit = [&](std::uint64_t sequence, storage::Record record) -> Status {
    if (stop.stop_requested()) return stopped();
    TRY(history.take(sequence, std::move(record)));
    derivation_.taken = sequence;
    if (sequence % kProgressEvery != 0) return Ok{};
    tell();
    return has_memory_for(gauge.bytes([&] { return history.state().bytes(); }));
  };
  for (std::uint64_t end = parts.log->last_sequence(); derivation_.taken < end;
       end = parts.log->last_sequence()) {
    const bool is_little = derivation_.taken != 0 && end - derivation_.taken <= kTailRecordsMax / 4;
    if (is_little) break;
    TRY(records.read(derivation_.taken + 1, end, visit));
    derivation_.taken = end;
  }
  tell();
  return Ok{};
}

Status Engine::Impl::derive_from(FieldHistory& history, RawHistory& records,
                                 const std::stop_token& stop) {
  int tries = 0;
  while (!derivation_.tables.empty()) {
    if (stop.stop_requested()) return stopped();
    TRY(read_history(history, records, stop));
    bool has_gone_on = true;
    TRY(commit([&](Commit& into) -> Status {
      TRY_ASSIGN(has_gone_on, derive_next(history, records, into));
      return Ok{};
    }, kDerivedCommitBytes));
    tries = has_gone_on ? 0 : tries + 1;
    if (tries == kTriesMax) {
      return Error{ErrorCode::Overloaded, "more rows come than can be read; ask again later"};
    }
  }
  return Ok{};
}

Result<bool> Engine::Impl::derive_next(FieldHistory& history, RawHistory& records, Commit& into) {
  const std::uint64_t in_log = parts.log->last_sequence();
  if (in_log - std::min(in_log, derivation_.taken) > kTailRecordsMax) return false;
  std::size_t bytes = 0;
  bool is_too_much = false;
  const auto visit = [&](std::uint64_t sequence, storage::Record record) -> Status {
    if (sequence <= derivation_.taken) return Ok{};
    const auto* const batch = std::get_if<storage::DataBatch>(&record.body);
    is_too_much = bytes > kTailBytesMax;
    if (is_too_much) return Error{ErrorCode::Conflict, "enough"};
    bytes += batch == nullptr ? 0 : batch->raw.size();
    TRY(history.take(sequence, std::move(record)));
    derivation_.taken = sequence;
    return Ok{};
  };
  Status read = or_error([&]() -> Status {
    TRY(records.read(derivation_.taken + 1, in_log, visit));
    // Of this commit: they are in the state, and not in the log yet.
    std::uint64_t sequence = in_log;
    for (const std::string& record : into.records()) TRY(records.take(++sequence, record, visit));
    return Ok{};
  });
  if (is_too_much) return false;
  TRY(std::move(read));
  if (history.lacks_events()) {
    return Error{ErrorCode::Conflict, "the declaration changed meanwhile; ask again"};
  }
  for (const auto& [key, field] : derivation_.fields) {
    TRY(derivable(writer.state(), key, field));
  }
  if (!derivation_.dry_run) TRY(declare_derived(into));
  TRY_ASSIGN(const DerivedRows rows, or_error([&]() -> Result<DerivedRows> {
    return derived_rows(derivation_.tables.back(), derivation_.next, derivation_.fields,
                        writer.state(), history.state(), records.lost() != 0);
  }));
  if (rows.rows != 0 && !derivation_.dry_run) TRY(write_derived(rows, into));
  derivation_.next = rows.next;
  if (rows.is_last) {
    derivation_.tables.pop_back();
    derivation_.next = 0;
  }
  derivation_.tell([&](DeriveAnswer& told) {
    told.written += rows.rows;
    told.cleared += rows.cleared;
    told.sequence = into.last_sequence();
  });
  return true;
}

// With the first people: from then on rows are read so.
Status Engine::Impl::declare_derived(Commit& into) {
  index::Schema next = *writer.state().schema;
  for (const auto& [key, field] : derivation_.fields) {
    const index::Field* const before = next.field(key);
    const bool is_same = before != nullptr && *before == field;
    if (!is_same && derivation_.is_declared) {
      return Error{ErrorCode::Conflict, "the field '" + key + "' was declared otherwise meanwhile"};
    }
    if (!is_same && writer.waits_for(key)) {
      return Error{ErrorCode::Conflict,
                   "rows that have the field '" + key + "' wait for the end of a refresh or for "
                   "their profiles; it cannot get another type before they are taken"};
    }
    next.fields[key] = field;
  }
  derivation_.is_declared = true;
  if (next == *writer.state().schema) return Ok{};
  next.version += 1;
  into.add({now(), 0, storage::Declaration{declaration_json(next)}});
  writer.set_schema(std::move(next));
  return Ok{};
}

Status Engine::Impl::write_derived(const DerivedRows& rows, Commit& into) {
  IngestRequest request{.table = rows.table.empty() ? storage::TableKind::Profiles
                                                    : storage::TableKind::Entities,
                        .name = rows.table,
                        .bytes = rows.bytes,
                        .is_derived = true};
  const index::TableRef table{
      rows.table.empty() ? index::TableKind::Profiles : index::TableKind::Entities, rows.table};
  TRY_ASSIGN(index::Batch decoded,
             parts.decoder->decode({request.format, request.csv_header, request.bytes}));
  const index::CanWiden never = [](const std::string&, std::uint8_t) { return false; };
  TRY_ASSIGN(index::TypedRows typed,
             type_rows(std::make_shared<const index::Batch>(std::move(decoded)), table,
                       *writer.state().schema, never));
  if (!typed.rejected.empty()) {
    return Error{ErrorCode::Corrupt, "what was made from history cannot be read back: " +
                                         typed.rejected.front().reason};
  }
  TRY(record_rows(request, {}, std::move(typed), {}, into));
  return Ok{};
}

Status Engine::derive(const Pass<Permission::Define>&, const DeriveRequest& request) {
  return impl_->start_derivation(request);
}

DeriveAnswer Engine::derivation(const Pass<Permission::Query>&) const {
  return impl_->derivation();
}

Status Engine::cancel_derivation(const Pass<Permission::Define>&) {
  return impl_->cancel_derivation();
}

}  // namespace muster::engine
