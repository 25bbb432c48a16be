#include "engine/engine.h"

#include "engine/declaration.h"
#include "engine/field_use.h"
#include "engine/impl.h"

namespace muster::engine {
namespace {

using index::Field;
using index::Schema;

// Whether the state holds values of a field.
bool has_data(const index::Generation& state, const std::string& key) {
  const std::size_t dot = key.find('.');
  const std::string table = key.substr(0, dot), name = key.substr(dot + 1);
  const auto in_table = [&](const index::Table& rows) {
    const index::Attribute* attribute = rows.attribute(name);
    return attribute != nullptr && attribute->count() > 0;
  };
  if (table == "profiles" && in_table(state.profiles)) return true;
  const index::Table* const entity = state.entity(table);
  if (entity != nullptr && in_table(*entity)) return true;
  return is_of_events(state, key);
}

// Fields with data keep their type; those a new declaration leaves out stay as they are.
// Returns the report of every field that would change.
std::string carry_fields(const index::Generation& state, Schema& next) {
  std::string report;
  for (const auto& [key, field] : state.schema->fields) {
    if (!has_data(state, key)) continue;
    const auto [at, missing] = next.fields.emplace(key, field);
    if (missing) continue;
    if (at->second.type != field.type) {
      report += (report.empty() ? "" : "; ") + key + " holds " + to_display(field.type) +
                ", not " + to_display(at->second.type);
    }
  }
  return report;
}

}  // namespace

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const Parts& parts,
                                             const std::function<void(double)>& progress) {
  CHECK(parts.log != nullptr && parts.clock != nullptr && parts.decoder != nullptr);
  auto impl = std::make_unique<Impl>(parts);
  TRY(impl->replay(progress));
  TRY(impl->apply_suppression());
  TRY(impl->settle_person_keys());
  impl->begin_key_rotation();
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Result<std::shared_ptr<const Schema>> Engine::declare(const Pass<Permission::Define>&,
                                                      std::string_view json) {
  TRY_ASSIGN(const Schema declared, parse_declaration(json));
  const Impl::Change change = [&](Commit& into) -> Status {
    Schema next = declared;
    const index::Generation& state = impl_->writer.state();
    const std::string report = carry_fields(state, next);
    if (!report.empty()) {
      return Error{ErrorCode::Conflict,
                   "fields with data keep their type: " + report +
                       "; `muster derive` makes them anew from the rows that came"};
    }
    next.version = state.schema->version;
    if (next == *state.schema) return Ok{};
    next.version += 1;
    into.add({impl_->now(), 0, storage::Declaration{declaration_json(next)}});
    impl_->writer.set_schema(std::move(next));
    return Ok{};
  };
  TRY(impl_->commit(change));
  return schema();
}

std::string Engine::schema_json(const Pass<Permission::Query>&) const {
  return declaration_json(*schema());
}

std::shared_ptr<const Schema> Engine::schema() const { return impl_->generation()->schema; }

Status Engine::record_outcome(const Pass<Permission::Activate>&, std::string_view stream,
                              std::vector<std::string> payloads) {
  if (payloads.empty()) return Ok{};
  const Impl::Change change = [&](Commit& into) -> Status {
    for (std::string& payload : payloads) {
      const std::uint64_t sequence = into.add(
          {impl_->now(), 0, storage::Outcome{std::string(stream), std::move(payload)}});
      impl_->remember_outcome(std::string(stream), sequence);
    }
    return Ok{};
  };
  return impl_->commit(change);
}

Status Engine::outcomes(const Pass<Permission::Activate>&, std::string_view stream,
                        const std::function<Status(std::string_view)>& visit) const {
  std::vector<std::uint64_t> sequences;
  {
    const std::lock_guard held(impl_->streams_mutex);
    const auto found = impl_->streams.find(std::string(stream));
    if (found != impl_->streams.end()) sequences = found->second;
  }
  for (const std::uint64_t sequence : sequences) {
    TRY_ASSIGN(const std::string bytes, storage::record_at(*impl_->parts.log, sequence));
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    const auto* outcome = std::get_if<storage::Outcome>(&record.body);
    if (outcome == nullptr) {
      return Error{ErrorCode::Corrupt, "record " + std::to_string(sequence) +
                                           " of the log is no outcome, where one was"};
    }
    TRY(visit(outcome->payload));
  }
  return Ok{};
}

Result<CheckpointReceipt> Engine::take_checkpoint(const Pass<Permission::Admin>&) {
  return impl_->take_checkpoint();
}

Result<std::map<std::string, Hash128>> Engine::fingerprint(const Pass<Permission::Admin>&) {
  return impl_->fingerprint();
}

Health Engine::health() const {
  Health health;
  const auto generation = impl_->generation();
  health.ready = impl_->ready;
  health.read_only = impl_->read_only;
  if (health.read_only) health.reason = "a change could not be written; answers only";
  health.snapshot = generation->sequence;
  health.profiles = generation->profiles.live.count();
  for (const auto& [name, table] : generation->events) health.events += table->count;
  health.events_since = generation->events_since;
  health.queue_depth = impl_->waiting_count;
  health.log_bytes = impl_->parts.log->size_bytes();
  const TimeMs clock = impl_->parts.clock->now();
  health.clock_behind_ms = impl_->now() - clock;  // Which is not before it.
  if (impl_->checkpoints) health.checkpoint = impl_->checkpoints->newest();
  const std::lock_guard held(impl_->checkpoint_mutex);
  health.checkpoint_failure = impl_->checkpoint_failure;
  return health;
}

std::vector<MemoryPart> Engine::memory() const {
  const index::BytesByPart bytes = impl_->generation()->bytes_by_part();
  return {{"profiles", bytes.profiles},       {"entities", bytes.entities},
          {"identifiers", bytes.identifiers}, {"events", bytes.events},
          {"event_ids", impl_->event_id_bytes},
          {"standing", impl_->standing.bytes()},
          {"changes", impl_->changes.bytes()},
          {"derivation", impl_->derivation_bytes()},
          {"log", impl_->parts.log->memory_bytes()},
          {"kept_conditions", impl_->predicates.bytes()}};
}

TimeMs Engine::now() const { return impl_->now(); }

std::vector<RejectedRowInfo> Engine::rejected(const Pass<Permission::Query>&,
                                              std::size_t limit) const {
  const std::lock_guard held(impl_->rejected_mutex);
  const auto& rows = impl_->rejected_rows;
  const std::size_t size = std::min(limit, rows.size());
  return {rows.rbegin(), rows.rbegin() + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace muster::engine
