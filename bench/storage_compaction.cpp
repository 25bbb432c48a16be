#include "bench/storage_compaction.h"

#include <chrono>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "bench/no_log.h"
#include "bench/storage_beside.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/record.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr TimeMs kNow = 1'771'000'000'000;

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

}  // namespace

Result<CompactionResult> measure_compaction(const CompactionOptions& options) {
  CompactionResult result;
  Home home(options.folder);
  TRY(home.open());
  TRY_ASSIGN(const std::uint64_t lines, fill_rows(home.engine(), options.rows, options.erased));
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
