#include "bench/storage_compaction.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench/no_log.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/record.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr std::uint64_t kSeed = 20'261'122;
constexpr TimeMs kNow = 1'771'000'000'000;
constexpr std::uint64_t kBatchRows = 20'000;
constexpr std::uint64_t kEventsPerPerson = 10;

// One data directory, and what lives in it.
class Home {
 public:
  explicit Home(const fs::path& folder)
      : directory_(folder / "storage_compaction_bench"), store_(directory_) {
    clear();
  }
  ~Home() {
    engine_.reset();
    log_.reset();
    clear();
  }

  Status open() {
    TRY_ASSIGN(log_, storage::RocksLog::open(directory_));
    TRY_ASSIGN(suppression_, storage::Suppression::open(directory_ / "suppression"));
    TRY_ASSIGN(engine_, engine::Engine::open({.log = log_.get(),
                                              .clock = &clock_,
                                              .decoder = &decoder_,
                                              .checkpoints = &store_,
                                              .checkpoint_bytes = 0,
                                              .suppression = suppression_.get()}));
    return Ok{};
  }

  engine::Engine& engine() { return *engine_; }
  storage::Log& log() { return *log_; }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  const fs::path directory_;
  const storage::CheckpointStore store_;
  const ManualClock clock_{kNow};
  const loader::FileDecoder decoder_;
  std::unique_ptr<storage::RocksLog> log_;
  std::unique_ptr<storage::Suppression> suppression_;
  std::unique_ptr<engine::Engine> engine_;
};

Status ingest(engine::Engine& engine, storage::TableKind table, std::string rows) {
  TRY_ASSIGN(const auto receipt, engine.ingest(pass<Permission::Ingest>(),
                                               {.table = table, .bytes = std::move(rows)}));
  CHECK(receipt.rejected == 0);
  return Ok{};
}

std::string profile_row(std::uint64_t number) {
  return fmt::format(R"({{"profile_id":"u{}","email":"u{}@example.com","city":"c{}","n":{}}})"
                     "\n",
                     number, number, number % 500, number);
}

// Fills the log. Returns how many lines are about each of the people who will be erased.
Result<std::uint64_t> fill(engine::Engine& engine, const CompactionOptions& options) {
  const std::uint64_t people = std::max<std::uint64_t>(1, options.rows / kEventsPerPerson);
  std::uint64_t lines = std::min<std::uint64_t>(options.erased, people);
  for (std::uint64_t at = 0; at < people; at += kBatchRows) {
    std::string rows;
    for (std::uint64_t i = at; i < std::min(people, at + kBatchRows); ++i) rows += profile_row(i);
    TRY(ingest(engine, storage::TableKind::Profiles, std::move(rows)));
  }
  SeededRandom random(kSeed);
  for (std::uint64_t at = 0; at < options.rows; at += kBatchRows) {
    std::string rows;
    for (std::uint64_t i = at; i < std::min(options.rows, at + kBatchRows); ++i) {
      const std::uint64_t who = random.below(people);
      lines += who < options.erased ? 1 : 0;
      rows += fmt::format(R"({{"type":"view","profile_id":"u{}","event_id":"e{:x}",)"
                          R"("ts":"2026-02-10T10:00:00Z","page":"p{}","amount":{}.{:02}}})"
                          "\n",
                          who, i, random.below(3'000), random.below(200), random.below(100));
    }
    TRY(ingest(engine, storage::TableKind::Events, std::move(rows)));
  }
  return lines;
}

Result<double> decode_once(storage::Log& log) {
  const loader::FileDecoder decoder;
  std::uint64_t rows = 0;
  const Stopwatch watch(TimeOf::Wall);
  TRY(log.read(1, [&](std::uint64_t, std::string_view bytes) -> Status {
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    if (const auto* batch = std::get_if<storage::DataBatch>(&record.body)) {
      TRY_ASSIGN(const auto decoded,
                 decoder.decode({batch->format, batch->csv_header, batch->raw}));
      rows += decoded.rows;
    }
    return Ok{};
  }));
  CHECK(rows > 0);
  return watch.seconds();
}

// What one reader and one writer wait for, each time.
struct Waits {
  std::vector<double> reads, writes;
};

class Clients {
 public:
  explicit Clients(engine::Engine& engine) : engine_(engine) {
    reader_ = std::jthread([this] { read(); });
    writer_ = std::jthread([this] { write(); });
  }
  Waits end() {
    is_over_ = true;
    reader_ = {};
    writer_ = {};
    return std::move(waits_);
  }

 private:
  void read() {
    const engine::Question question{.where = R"(city = "c17" and did "view" in last 30d)"};
    do {
      const Stopwatch watch(TimeOf::Wall);
      CHECK(engine_.count(pass<Permission::Query>(), question));
      waits_.reads.push_back(watch.seconds());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } while (!is_over_);
  }
  void write() {
    std::uint64_t number = 1'000'000'000;
    do {
      const Stopwatch watch(TimeOf::Wall);
      CHECK(ingest(engine_, storage::TableKind::Profiles, profile_row(number++)));
      waits_.writes.push_back(watch.seconds());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } while (!is_over_);
  }

  engine::Engine& engine_;
  std::atomic<bool> is_over_ = false;
  Waits waits_;
  std::jthread reader_, writer_;  // Last, so that they end first.
};

}  // namespace

Result<CompactionResult> measure_compaction(const CompactionOptions& options) {
  CompactionResult result;
  Home home(options.folder);
  TRY(home.open());
  TRY_ASSIGN(const std::uint64_t lines, fill(home.engine(), options));
  for (std::uint32_t i = 0; i < options.erased && !options.sabotage; ++i) {
    TRY(home.engine().erase(pass<Permission::Define>(), fmt::format("u{}", i)));
  }
  result.log_bytes = home.log().size_bytes();
  TRY_ASSIGN(result.decode_seconds, decode_once(home.log()));
  {
    Clients alone(home.engine());
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    const Waits waits = alone.end();
    result.idle_read_p99_us = quantile(waits.reads, 0.99) * 1e6;
    result.idle_write_p99_us = quantile(waits.writes, 0.99) * 1e6;
  }
  Clients beside(home.engine());
  const Stopwatch watch(TimeOf::Wall);
  const auto done = home.engine().compact_erased(pass<Permission::Admin>());
  result.seconds = watch.seconds();
  const Waits waits = beside.end();
  if (!done) return done.error();
  result.ratio = result.seconds / result.decode_seconds;
  result.busy_read_p99_us = quantile(waits.reads, 0.99) * 1e6;
  result.busy_write_p99_us = quantile(waits.writes, 0.99) * 1e6;
  result.busy_write_max_us = quantile(waits.writes, 1) * 1e6;
  result.lines = done->lines;
  result.batches = done->batches;
  if (done->lines == lines) return result;
  return Error{ErrorCode::Corrupt, fmt::format("{} lines were taken out, and {} were about people "
                                               "who had been erased", done->lines, lines)};
}

}  // namespace muster::bench
