#include "bench/storage_recovery.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench/language_index.h"
#include "bench/no_log.h"
#include "engine/checkpoints.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/person_keys.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr std::uint64_t kSeed = 20'260'201;
constexpr std::size_t kBatchEvents = 20'000;
constexpr std::uint64_t kRecords = 64;  // Before the checkpoint.

constexpr const char* kDeclaration = R"({"fields": {
  "profiles.country": {"type": "string"}, "profiles.signup": {"type": "timestamp"}}})";

// One data directory, and what lives in it.
struct Home {
  explicit Home(const RecoveryOptions& asked)
      : options(asked), directory(asked.folder / "storage_bench") {
    clear();
  }
  ~Home() { clear(); }

  Status open_log() {
    log.reset();
    TRY_ASSIGN(log, storage::RocksLog::open(directory, {.keys = ring}));
    std::shared_ptr<storage::PersonKeys> people;
    if (ring) {
      TRY_ASSIGN(people, storage::PersonKeys::open(directory / "person-keys", *ring,
                                                   storage::LogAccess::ReadWrite));
    }
    store.emplace(directory, ring, people);
    return Ok{};
  }

  Result<std::unique_ptr<engine::Engine>> open() {
    TRY(open_log());
    return engine::Engine::open({.log = log.get(),
                                 .clock = &clock,
                                 .decoder = &decoder,
                                 .threads = options.threads,
                                 .checkpoints = options.sabotage ? nullptr : &*store,
                                 .checkpoint_bytes = 0,
                                 .notice = [](const std::string& notice) {
                                   fmt::print(stderr, "{}\n", notice);
                                 }});
  }

  void clear() const {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }

  const RecoveryOptions& options;
  const fs::path directory;
  const std::shared_ptr<const storage::Keyring> ring =
      options.encrypted ? storage::Keyring::make(std::string(32, 'k')).value() : nullptr;
  std::optional<storage::CheckpointStore> store;  // Once the log is open.
  const ManualClock clock{kLanguageNow};
  const loader::FileDecoder decoder;
  std::unique_ptr<storage::RocksLog> log;
};

// The state after a record, with the ids that came since the one before.
engine::EngineMoment moment_of(std::shared_ptr<const index::Generation> generation,
                               std::uint64_t ids, Random& random) {
  const index::Writer nothing;
  index::WriterMoment index = index::WriterImage::capture(nothing, generation->sequence);
  index.generation = std::move(generation);
  engine::EngineMoment moment;
  moment.index = std::make_shared<const index::WriterMoment>(std::move(index));
  moment.made = kLanguageNow;
  ByteWriter out(moment.engine);
  out.i64(kLanguageNow);
  for (int empty = 0; empty < 3; ++empty) out.varint(0);
  moment.new_ids.ids.resize(ids);
  for (auto& slot : moment.new_ids.ids) slot = {{random.next(), random.next()}, random.next()};
  return moment;
}

// A checkpoint of the language benchmark's people, as if kRecords had brought them; each event has
// an id, and they came with as many checkpoints.
Status write_checkpoint(Home& home, RecoveryResult& result) {
  TRY(home.open_log());
  const storage::Record declared{kLanguageNow, 0, storage::Declaration{kDeclaration}};
  TRY(home.log->append(std::vector(kRecords, storage::encode(declared))));
  const LanguagePeople people(home.options.people, home.options.events_each, kSeed);
  auto generation = std::make_shared<index::Generation>(*build_generation(people));
  for (const auto& [name, table] : generation->events) result.events += table->count;
  engine::Checkpoints checkpoints(*home.store, *home.log, [](const std::string&) {});
  TRY(checkpoints.restore(engine::Base::NewestCheckpoint, 1, {},
                          [](std::string_view) -> Status { return Ok{}; }));
  SeededRandom random(kSeed);
  for (std::uint64_t record = 1; record <= kRecords; ++record) {
    auto state = std::make_shared<index::Generation>();
    if (record == kRecords) state = std::move(generation);
    state->sequence = record;
    const std::uint64_t ids = result.events * record / kRecords -
                              result.events * (record - 1) / kRecords;
    const Stopwatch watch(TimeOf::Wall);
    TRY_ASSIGN(const engine::CheckpointReceipt receipt,
               checkpoints.write(moment_of(std::move(state), ids, random)));
    result.write_seconds = watch.seconds();
    result.checkpoint_bytes = receipt.bytes;
  }
  home.log.reset();
  return Ok{};
}

// Events of random people, as they come over HTTP.
std::string batch_of_events(Random& random, std::uint32_t people) {
  std::string rows;
  for (std::size_t i = 0; i < kBatchEvents; ++i) {
    rows += fmt::format(
        R"({{"type":"{}","profile_id":"u{}","event_id":"{:016x}","ts":{},"amount":{}.{:02},)"
        R"("basket_id":{},"sku":"{}"}})"
        "\n",
        kDid[random.below(kDid.size())], random.below(people), random.next(),
        R"("2026-02-15T10:00:00Z")", random.below(200), random.below(100), random.below(people),
        sku_text(static_cast<std::uint32_t>(random.below(kSkus))));
  }
  return rows;
}

Status add_tail(Home& home, engine::Engine& engine, RecoveryResult& result) {
  SeededRandom random(kSeed + 1);
  const std::uint64_t before = home.log->size_bytes();
  while (result.tail_bytes < home.options.tail_mib << 20) {
    engine::IngestRequest request{.table = storage::TableKind::Events,
                                  .bytes = batch_of_events(random, home.options.people)};
    TRY_ASSIGN(const auto receipt, engine.ingest(pass<Permission::Ingest>(), request));
    CHECK(receipt.rejected == 0);
    result.tail_events += receipt.accepted;
    result.tail_bytes = home.log->size_bytes() - before;
  }
  return Ok{};
}

// The time to answer of one reader, until `done`.
std::vector<double> answer_times(engine::Engine& engine, const std::atomic<bool>& done) {
  std::vector<double> seconds;
  const engine::Question question{.where = R"(country = "c01" and did "purchase" in last 30d)"};
  do {
    const Stopwatch watch(TimeOf::Wall);
    const auto answer = engine.count(pass<Permission::Query>(), question);
    CHECK(answer);
    seconds.push_back(watch.seconds());
  } while (!done);
  return seconds;
}

Status measure_pause(engine::Engine& engine, const RecoveryOptions& options,
                     RecoveryResult& result) {
  std::atomic<bool> done = false;
  std::vector<double> times;
  {
    const std::jthread reader([&] { times = answer_times(engine, done); });
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    done = true;
  }
  result.idle_p50_us = quantile(times, 0.5) * 1e6;
  result.idle_p99_us = quantile(times, 0.99) * 1e6;
  done = false;
  std::optional<engine::CheckpointReceipt> taken;
  {
    const std::jthread reader([&] { times = answer_times(engine, done); });
    const Stopwatch watch(TimeOf::Wall);
    auto receipt = engine.take_checkpoint(pass<Permission::Admin>());
    result.next_seconds = watch.seconds();
    done = true;
    if (!receipt) return receipt.error();
    taken = *receipt;
  }
  result.next_bytes = taken->bytes_written;
  result.busy_p50_us = quantile(times, 0.5) * 1e6;
  result.busy_p99_us = quantile(times, 0.99) * 1e6;
  return Ok{};
}

// What no start from these bytes can be faster than.
Result<double> read_and_check(const Home& home, std::uint64_t sequence) {
  TRY_ASSIGN(const auto checkpoint, home.store->open(sequence));
  const std::vector<std::string> names = checkpoint->names("");
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> sound = true;
  const Stopwatch watch(TimeOf::Wall);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < home.options.threads; ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < names.size(); at = next++) {
          if (!checkpoint->read(names[at])) sound = false;
        }
      });
    }
  }
  CHECK(sound);
  return watch.seconds();
}

}  // namespace

Result<RecoveryResult> measure_recovery(const RecoveryOptions& options) {
  RecoveryResult result;
  Home home(options);
  TRY(write_checkpoint(home, result));
  {
    const Stopwatch watch(TimeOf::Wall);
    TRY_ASSIGN(const auto engine, home.open());
    result.restore_seconds = watch.seconds();
    if (engine->health().events != result.events) {
      return Error{ErrorCode::Corrupt, "the events did not come back"};
    }
    TRY(add_tail(home, *engine, result));
  }
  TRY_ASSIGN(result.floor_seconds, read_and_check(home, kRecords));
  const Stopwatch watch(TimeOf::Wall);
  TRY_ASSIGN(const auto engine, home.open());
  result.open_seconds = watch.seconds();
  CHECK(engine->health().events == result.events + result.tail_events);
  TRY(measure_pause(*engine, options, result));
  return result;
}

}  // namespace muster::bench
