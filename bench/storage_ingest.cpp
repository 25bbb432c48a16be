#include "bench/storage_ingest.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench/engine_timing.h"
#include "bench/no_log.h"
#include "engine/engine.h"
#include "loader/decoder.h"
#include "storage/keyring.h"
#include "storage/rocks_log.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;
using engine::Permission;

constexpr TimeMs kNow = 1'770'000'000'000;
constexpr std::uint32_t kPeople = 100'000;
constexpr int kRounds = 3;

// Passes on, and keeps what was appended together.
class KeepingLog final : public storage::Log {
 public:
  explicit KeepingLog(storage::Log& inner) : inner_(inner) {}
  Status append(std::span<const std::string> records) override {
    appends.emplace_back(records.begin(), records.end());
    return inner_.append(records);
  }
  Status has_room(std::uint64_t bytes) const override { return inner_.has_room(bytes); }
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t, std::string_view)>& visit) override {
    return inner_.read(first, visit);
  }
  std::uint64_t last_sequence() const override { return inner_.last_sequence(); }
  std::uint64_t size_bytes() const override { return inner_.size_bytes(); }

  std::vector<std::vector<std::string>> appends;

 private:
  storage::Log& inner_;
};

std::string rows_of(Random& random, std::size_t events) {
  std::string rows;
  for (std::size_t i = 0; i < events; ++i) {
    rows += fmt::format(
        R"({{"type":"purchase","profile_id":"u{}","event_id":"{:016x}",)"
        R"("ts":"2026-01-15T10:00:00Z","amount":{}.{:02},"sku":"s{}"}})"
        "\n",
        random.below(kPeople), random.next(), random.below(200), random.below(100),
        random.below(1'000));
  }
  return rows;
}

using RingPtr = std::shared_ptr<const storage::Keyring>;

class Folder {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) { clear(); }
  ~Folder() { clear(); }
  const fs::path& path() const { return path_; }

 private:
  void clear() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path_;
};

struct Took {
  double seconds = 0;
  std::uint64_t events = 0, bytes = 0;
  std::vector<std::vector<std::string>> appends;
};

Result<Took> ingest(const IngestRow& row, const fs::path& folder, double seconds,
                    std::uint64_t seed, const RingPtr& keys) {
  const Folder directory(folder / "storage_bench_ingest");
  TRY_ASSIGN(const auto log, storage::RocksLog::open(directory.path(), {.keys = keys}));
  KeepingLog keeping(*log);
  const ManualClock clock(kNow);
  const loader::FileDecoder decoder;
  TRY_ASSIGN(const auto engine,
             engine::Engine::open({.log = &keeping, .clock = &clock, .decoder = &decoder}));
  // Made beforehand: requests come as bytes.
  std::vector<std::vector<std::string>> requests(row.writers);
  const std::size_t each = std::max<std::size_t>(1, 400'000 / row.batch / row.writers);
  for (unsigned writer = 0; writer < row.writers; ++writer) {
    SeededRandom random(seed * 1'000 + writer);
    for (std::size_t i = 0; i < std::min<std::size_t>(each, 4'000); ++i) {
      requests[writer].push_back(rows_of(random, row.batch));
    }
  }
  Took took;
  std::atomic<std::uint64_t> events = 0, bytes = 0;
  const Stopwatch watch(TimeOf::Wall);
  {
    std::vector<std::jthread> writers;
    for (const auto& mine : requests) {
      writers.emplace_back([&] {
        for (const std::string& rows : mine) {
          if (watch.seconds() > seconds) return;
          const auto receipt =
              engine->ingest(pass<Permission::Ingest>(),
                             {.table = storage::TableKind::Events, .bytes = rows});
          CHECK(receipt && receipt->rejected == 0);
          events += receipt->accepted;
          bytes += rows.size();
        }
      });
    }
  }
  took.seconds = watch.seconds();
  took.events = events;
  took.bytes = bytes;
  took.appends = std::move(keeping.appends);
  return took;
}

// The same records in the same groups, each group with its sync and one of a small file.
double write_plainly(const fs::path& folder, const std::vector<std::vector<std::string>>& appends) {
  const Folder directory(folder / "storage_bench_rocksdb");
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 16U << 20;
  rocksdb::DB* opened = nullptr;
  CHECK(rocksdb::DB::Open(options, directory.path().string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const int small = ::open((directory.path() / "small").c_str(), O_CREAT | O_RDWR, 0600);
  CHECK(small >= 0);
  rocksdb::WriteOptions writing;
  writing.sync = true;
  std::uint64_t number = 0;
  const Stopwatch watch(TimeOf::Wall);
  for (const auto& records : appends) {
    rocksdb::WriteBatch batch;
    for (const std::string& record : records) {
      CHECK(batch.Put(fmt::format("{:020}", ++number), record).ok());
    }
    CHECK(db->Write(writing, &batch).ok());
    CHECK(::pwrite(small, &number, sizeof number, 0) == sizeof number);
    CHECK(::fdatasync(small) == 0);
  }
  const double seconds = watch.seconds();
  ::close(small);
  return seconds;
}

// The same through our log alone: its numbers, checks of the disk, and watermark.
Result<double> write_by_log(const fs::path& folder,
                            const std::vector<std::vector<std::string>>& appends,
                            const RingPtr& keys) {
  const Folder directory(folder / "storage_bench_log");
  TRY_ASSIGN(const auto log, storage::RocksLog::open(directory.path(), {.keys = keys}));
  const Stopwatch watch(TimeOf::Wall);
  for (const auto& records : appends) TRY(log->append(records));
  return watch.seconds();
}

}  // namespace

Result<std::vector<IngestRow>> measure_ingest(const IngestOptions& options) {
  TRY_ASSIGN(const RingPtr keys, storage::Keyring::make(std::string(kAesKeyBytes, 'k')));
  std::vector<IngestRow> rows;
  for (const std::size_t batch : {1U, 100U, 1'000U, 10'000U}) {
    for (const unsigned writers : {1U, 8U}) {
      IngestRow row{.batch = batch, .writers = writers};
      std::vector<double> rates, megabytes, ratios, log_ratios, encrypted, encrypted_logs;
      for (int round = 0; round < kRounds; ++round) {
        const auto seed = static_cast<std::uint64_t>(round);
        const double seconds = options.seconds / kRounds / 2;
        TRY_ASSIGN(const Took ours, ingest(row, options.folder, seconds, seed, nullptr));
        TRY_ASSIGN(const Took sealed, ingest(row, options.folder, seconds, seed, keys));
        const double plain = write_plainly(options.folder, ours.appends);
        TRY_ASSIGN(const double log_alone, write_by_log(options.folder, ours.appends, nullptr));
        TRY_ASSIGN(const double sealed_log, write_by_log(options.folder, ours.appends, keys));
        rates.push_back(static_cast<double>(ours.events) / ours.seconds);
        megabytes.push_back(static_cast<double>(ours.bytes) / 1e6 / ours.seconds);
        ratios.push_back(plain / ours.seconds);
        log_ratios.push_back(plain / log_alone);
        encrypted.push_back(static_cast<double>(sealed.events) / sealed.seconds / rates.back());
        encrypted_logs.push_back(log_alone / sealed_log);
        row.syncs = ours.appends.size();
      }
      row.events_per_second = quantile(rates, 0.5);
      row.megabytes_per_second = quantile(megabytes, 0.5);
      row.ratio = quantile(ratios, 0.5);
      row.log_ratio = quantile(log_ratios, 0.5);
      row.encrypted = quantile(encrypted, 0.5);
      row.encrypted_log = quantile(encrypted_logs, 0.5);
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace muster::bench
