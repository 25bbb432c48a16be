#include "tests/support/test_engine.h"

#include <algorithm>

#include "tests/support/people_decoder.h"

namespace muster::testing {
namespace {

using engine::Permission;

// A rejected row is a mistake of the test's data.
Status all_taken(const Result<engine::IngestReceipt>& receipt) {
  if (!receipt) return receipt.error();
  if (receipt->rejected == 0) return Ok();
  return Error{ErrorCode::InvalidArgument,
               "line " + std::to_string(receipt->errors.front().line) + " was rejected: " +
                   receipt->errors.front().reason};
}

}  // namespace

RowSpelling private_rows() {
  static const PeopleDecoder decoder;
  return {.decoder = &decoder, .write = to_private_rows};
}

TestEngine::TestEngine(const RowSpelling& spelling, TimeMs now, storage::Log* log,
                       unsigned threads)
    : spelling_(spelling),
      clock_(now),
      memory_(std::make_unique<storage::MemoryLog>()),
      log_(log != nullptr ? log : memory_.get()),
      threads_(threads) {
  const Status opened = restart();
  CHECK(opened.has_value());
}

Status TestEngine::restart() {
  engine_.reset();
  notices_.clear();
  const auto noticed = [this](const std::string& notice) {
    const std::lock_guard held(notices_mutex_);
    notices_.push_back(notice);
  };
  TRY_ASSIGN(engine_, engine::Engine::open({.log = log_,
                                            .clock = &clock_,
                                            .decoder = spelling_.decoder,
                                            .threads = threads_,
                                            .checkpoints = checkpoints_,
                                            .base = base_,
                                            .checkpoint_bytes = checkpoint_bytes_,
                                            .raw_retention = raw_retention_,
                                            .raw_archive = raw_archive_,
                                            .changes_retention = changes_retention_,
                                            .events_retention = events_retention_,
                                            .histories_max = histories_max_,
                                            .suppression = suppression_,
                                            .look_every = look_every_,
                                            .notice = noticed}));
  return Ok();
}

Result<engine::CheckpointReceipt> TestEngine::take_checkpoint() {
  return engine_->take_checkpoint(pass<Permission::Admin>());
}

Result<engine::CompactionReceipt> TestEngine::compact_erased() {
  return engine_->compact_erased(pass<Permission::Admin>());
}

std::vector<std::string> TestEngine::notices() {
  const std::lock_guard held(notices_mutex_);
  return notices_;
}

Status TestEngine::declare(const std::string& json) {
  TRY(engine_->declare(pass<Permission::Define>(), json));
  return Ok();
}

Result<engine::IngestReceipt> TestEngine::ingest(storage::TableKind table, const std::string& name,
                                                 const std::vector<Row>& rows) {
  return engine_->ingest(pass<Permission::Ingest>(),
                         {.table = table, .name = name, .bytes = spelling_.write(rows)});
}

Result<engine::IngestReceipt> TestEngine::profiles(const std::vector<Row>& rows) {
  return ingest(storage::TableKind::Profiles, "", rows);
}

Result<engine::IngestReceipt> TestEngine::events(const std::vector<Row>& rows) {
  return ingest(storage::TableKind::Events, "", rows);
}

Result<engine::IngestReceipt> TestEngine::entities(const std::string& name,
                                                   const std::vector<Row>& rows) {
  return ingest(storage::TableKind::Entities, name, rows);
}

Status TestEngine::ingest_all(storage::TableKind table, const std::string& name,
                              const std::vector<Row>& rows, std::size_t batch_rows) {
  for (std::size_t at = 0; at < rows.size(); at += batch_rows) {
    const std::size_t end = std::min(at + batch_rows, rows.size());
    const std::vector<Row> part(rows.begin() + static_cast<std::ptrdiff_t>(at),
                                rows.begin() + static_cast<std::ptrdiff_t>(end));
    TRY(all_taken(ingest(table, name, part)));
  }
  return Ok();
}

Status TestEngine::load(const People& people, Declare how, std::size_t batch_rows) {
  TRY(declare(declaration_of(people, how)));
  for (const auto& [name, unused] : people.entities) {
    TRY(ingest_all(storage::TableKind::Entities, name, entity_rows(people, name), batch_rows));
  }
  TRY(ingest_all(storage::TableKind::Profiles, "", profile_rows(people), batch_rows));
  return ingest_all(storage::TableKind::Events, "", event_rows(people), batch_rows);
}

Result<std::uint64_t> TestEngine::count(const engine::Question& question) {
  TRY_ASSIGN(const auto answer, engine_->count(pass<Permission::Query>(), question));
  return answer.count;
}

Result<std::vector<std::string>> TestEngine::members(const engine::Question& question) {
  TRY_ASSIGN(const auto answer, engine_->members(pass<Permission::Members>(), question));
  std::vector<std::string> ids;
  const auto ordinals = answer.members.to_vector();
  constexpr std::size_t kRowsMax = 65'536;
  for (std::size_t at = 0; at < ordinals.size(); at += kRowsMax) {
    const std::span part(ordinals.data() + at, std::min(kRowsMax, ordinals.size() - at));
    TRY_ASSIGN(const auto rows, engine_->rows(pass<Permission::Members>(), answer, part, {}));
    for (const engine::ProfileRow& row : rows) ids.push_back(row.profile_id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

query::BindContext bind_context(TestEngine& test, const std::string& timezone) {
  const auto everyone = test.engine().members(pass<engine::Permission::Members>(),
                                              question("everyone"));
  CHECK(everyone);
  query::BindContext context;
  context.generation = everyone->generation;
  context.now = everyone->as_of;
  context.zone = context.workspace_zone = Zone::named(timezone).value();
  return context;
}

}  // namespace muster::testing
