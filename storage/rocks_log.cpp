#include "storage/rocks_log.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "storage/batch_keys.h"
#include "storage/key_files.h"
#include "storage/rocks_env.h"
#include "storage/rocks_reading.h"
#include "storage/rocks_rotation.h"
#include "storage/watermark.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1U << 20;
// A file of records is read once, front to back: large blocks, and hardly any cache.
constexpr std::size_t kBlockBytes = 64U << 10;
constexpr std::size_t kCacheBytes = 4U << 20;
// Open files at once: below the usual limit of 1,024 a process.
constexpr int kOpenFilesMax = 512;
// What opening writes beside the records: manifest, options, its own notes.
// Of the room that compacting asks for, twice: it writes some sorted files at once.
constexpr std::uint64_t kReclaimBytes = 256 * kMiB;
constexpr std::uint64_t kOpenSlackBytes = 4 * kMiB;
// Tries of a read-only open, and of reading on from a record: the server beside us may write out
// and delete a file that was just listed, and RocksDB then fails or opens with a hole.
constexpr int kReadOnlyTries = 5;

// Keeps a read-only open from writing a LOG file beside the server's.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Null: as RocksDB does by itself.
using EnvPtr = std::shared_ptr<rocksdb::Env>;

rocksdb::Options rocks_options(const RocksLogOptions& options, const EnvPtr& env) {
  rocksdb::Options rocks;
  if (env) rocks.env = env.get();
  // Written anew with each change: so it can be brought under another key at any time.
  if (env) rocks.max_manifest_file_size = 1;
  rocks.paranoid_checks = true;
  // Damage in the middle is refused; point-in-time recovery would hide it. A cut at the end is
  // taken for a crash, which is why the watermark is asked next.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // What was recovered stands in a synced file before the log is used, so that a number which is
  // read again was never only in the page cache.
  rocks.avoid_flush_during_recovery = false;
  // An old write-ahead file is deleted, not kept: it would hold what was erased.
  rocks.WAL_ttl_seconds = 0;
  rocks.WAL_size_limit_MB = 0;
  rocks.max_total_wal_size = 4 * options.memtable_bytes;
  rocks.write_buffer_size = options.memtable_bytes;
  rocks.max_write_buffer_number = 2;
  rocks.compression = rocksdb::kNoCompression;  // Batches are compressed inside their records.
  rocks.max_open_files = kOpenFilesMax;
  rocks.max_background_jobs = 2;
  rocks.max_bgerror_resume_count = 0;  // A failed write is final: no repair behind our back.
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.keep_log_file_num = 3;
  rocks.max_log_file_size = 1U << 20;
  rocks.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = kBlockBytes;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return rocks;
}

struct Opened {
  std::unique_ptr<rocksdb::DB> db;
  Range range;
};

Result<Opened> open_read_only(const DataDirectory& directory, const RocksLogOptions& options,
                              const EnvPtr& env, std::uint64_t watermark) {
  rocksdb::Options rocks = rocks_options(options, env);
  rocks.info_log = std::make_shared<SilentLogger>();
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(rocks, directory.log().string(), &db);
  if (!status.ok()) return reading_error(status, directory.log());
  Opened opened{std::unique_ptr<rocksdb::DB>(db), {}};
  TRY_ASSIGN(opened.range, range_of(*opened.db, directory.log()));
  TRY(check_ends(opened.range, watermark, directory));
  return opened;
}

// Opening writes what the write-ahead files hold into sorted files, and RocksDB 7.8 as Debian
// builds it stops the process with an assertion when the disk is full meanwhile. So the room is
// asked for before, and the reserve is let go where it helps.
Status check_room_to_open(const DataDirectory& directory) {
  std::uint64_t needed = kOpenSlackBytes;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory.log(), ignored)) {
    if (entry.path().extension() == ".log") needed += entry.file_size(ignored);
  }
  do {
    TRY_ASSIGN(const std::uint64_t free, free_bytes(directory.path()));
    if (free >= needed) return Ok{};
  } while (directory.release_reserve());
  return Error{ErrorCode::StorageFull,
               "the disk of " + directory.path().string() + " is too full to open the log: free " +
                   std::to_string(needed / kMiB + 1) + " MiB, or open it for reading only"};
}

Result<std::unique_ptr<rocksdb::DB>> open_for_writing(const DataDirectory& directory,
                                                      const RocksLogOptions& options,
                                                      const EnvPtr& env) {
  TRY(check_room_to_open(directory));
  rocksdb::Options rocks = rocks_options(options, env);
  rocks.create_if_missing = true;  // Whether one may be missing was asked before.
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(rocks, directory.log().string(), &db);
  if (!status.ok()) return reading_error(status, directory.log());
  return std::unique_ptr<rocksdb::DB>(db);
}

// A database that may not be closed; chained, so that no leak checker takes it for lost.
struct Kept {
  EnvPtr env;
  std::unique_ptr<rocksdb::DB> database;
  Kept* before;
};

void keep_for_ever(EnvPtr env, std::unique_ptr<rocksdb::DB> database) {
  static std::atomic<Kept*> newest = nullptr;
  auto kept = std::make_unique<Kept>(Kept{std::move(env), std::move(database), newest.load()});
  while (!newest.compare_exchange_weak(kept->before, kept.get())) {
  }
  static_cast<void>(kept.release());
}

}  // namespace

class RocksLog::Impl {
 public:
  Impl(DataDirectory opened_directory, const RocksLogOptions& given)
      : directory(std::move(opened_directory)), options(given) {
    if (options.keys) env = encrypted_env(options.keys);
  }

  // Requires: called once, before anything else.
  Status open_database() {
    const bool writing = options.access == LogAccess::ReadWrite;
    std::error_code ignored;
    TRY(open_keys(batch_keys));
    if (fs::exists(directory.log() / "CURRENT", ignored)) {
      TRY(open_existing());
    } else {
      TRY_ASSIGN(opened_watermark, Watermark::read(directory.watermark()));
      // RocksDB would make a new, empty log and call it well.
      if (opened_watermark > 0) {
        return damaged(directory.log(), (directory.log() / "CURRENT").string() +
                                            " is missing, but record " +
                                            std::to_string(opened_watermark) +
                                            " was acknowledged");
      }
    }
    if (!writing) return Ok{};
    database.reset();
    TRY_ASSIGN(database, open_for_writing(directory, options, env));
    TRY_ASSIGN(const Range range, range_of(*database, directory.log()));
    TRY(check_ends(range, opened_watermark, directory));
    TRY_ASSIGN(Watermark opened, Watermark::open(directory.watermark()));
    // Written, but not acknowledged when the last process ended: from now on it counts.
    if (range.last > opened.number()) TRY(opened.write(range.last));
    watermark.emplace(std::move(opened));
    directory.hold_reserve(options.reserve_bytes, options.free_bytes_min);
    last = range.last;
    return Ok{};
  }

  Status open_keys(std::unique_ptr<BatchKeys>& keys) const {
    TRY_ASSIGN(const bool has_keys, DataDirectory::has_key_files(directory.path()));
    if (!has_keys || !options.keys) return Ok{};
    TRY_ASSIGN(keys, BatchKeys::open(directory.path() / "batch-keys", *options.keys,
                                     options.access));
    return Ok{};
  }

  // First without writing a byte, so that a refused log is left as it was found.
  Status open_existing() {
    for (int tries = 1;; ++tries) {
      // Read before the log: a server may append between the two.
      TRY_ASSIGN(opened_watermark, Watermark::read(directory.watermark()));
      auto opened = open_read_only(directory, options, env, opened_watermark);
      if (opened) {
        database = std::move(opened->db);
        last = opened->range.last;
        return Ok{};
      }
      const bool alone = options.access == LogAccess::ReadWrite;
      if (alone || tries == kReadOnlyTries) return std::move(opened.error());
    }
  }

  // Whether the disk has room for the records, twice: in the write-ahead file and the sorted one;
  // and `spare` bytes beside.
  Status check_space(std::uint64_t bytes, std::uint64_t spare) const {
    TRY_ASSIGN(const std::uint64_t free, free_bytes(directory.path()));
    if (free < spare + 2 * bytes) return disk_full(directory.log());
    return Ok{};
  }

  Status write(std::span<const std::string> records) {
    rocksdb::WriteBatch batch;
    std::uint64_t sequence = last;
    const auto held = hold_keys();
    for (const std::string& record : records) TRY(put(batch, ++sequence, record));
    TRY(write_synced(batch));
    TRY(watermark->write(sequence));
    last = sequence;
    return Ok{};
  }

  Status replace(std::span<const Replacement> records) {
    rocksdb::WriteBatch batch;
    std::vector<std::uint64_t> before;
    {
      const auto held = hold_keys();
      for (const Replacement& other : records) {
        CHECK(other.sequence >= 1 && other.sequence <= last);
        if (batch_keys) TRY(note_slot(*database, directory.log(), other.sequence, before));
        TRY(put(batch, other.sequence, other.record));
      }
      TRY(write_synced(batch));
    }
    // What stood there cannot be read any more, whatever the database still has of it.
    return batch_keys ? batch_keys->destroy(before) : Status(Ok{});
  }

  std::unique_lock<std::mutex> hold_keys() const {
    return batch_keys ? batch_keys->hold() : std::unique_lock<std::mutex>();
  }

  // Adds a record to a batch, sealed where it is to be.  Requires hold_keys().
  Status put(rocksdb::WriteBatch& batch, std::uint64_t sequence, const std::string& record) const {
    rocksdb::Status added;
    if (batch_keys) {
      TRY_ASSIGN(const std::string sealed, batch_keys->sealed(record));
      added = batch.Put(key_of(sequence), sealed);
    } else {
      added = batch.Put(key_of(sequence), record);
    }
    return added.ok() ? Status(Ok{}) : Status(writing_error(added));
  }

  // What was written when a sync failed is seen by nobody now, and maybe by the next start: its
  // key stays.
  Error end_is_unknown() const {
    return {ErrorCode::Unavailable, "a write to the log in " + directory.log().string() +
                                        " failed, and what it left is known at the next start"};
  }

  // Keys that a crash kept from being destroyed, with the records that they sealed.
  Status destroy_unused_keys() {
    if (!batch_keys || has_looked_for_keys.exchange(true)) return Ok{};
    std::uint64_t end = 0;
    {
      const auto held = batch_keys->hold();
      if (has_failed) return end_is_unknown();
      end = batch_keys->next();
    }
    TRY_ASSIGN(const auto used, slots_in_use(*database, directory.log(), end));
    return batch_keys->destroy_others(used);
  }

  Status write_synced(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions writing;
    writing.sync = true;
    if (const auto status = database->Write(writing, &batch); !status.ok()) {
      has_failed = true;
      return writing_error(status);
    }
    return Ok{};
  }

  // Refuses for ever after a failure, and at once what the disk has no room for; else the result
  // of `write`, which is kept when it is a failure.
  template <typename Write>
  Status change(std::uint64_t bytes, const Write& write) {
    if (failure) return *failure;
    if (options.access == LogAccess::ReadOnly) {
      return Error{ErrorCode::Unavailable, "the log in " + directory.log().string() +
                                               " was opened for reading only"};
    }
    // What follows from changes that were let in, and was not known then, has half of the spare.
    TRY(check_space(bytes, options.free_bytes_min / 2));
    auto written = write();
    if (written) return Ok{};
    failure = written.error();
    if (failure->code != ErrorCode::StorageFull) failure->code = ErrorCode::Unavailable;
    return *failure;
  }

  // RocksDB 7.8 as Debian builds it stops the process with an assertion when a database is closed
  // after its write-ahead file failed. So it stays open, for reading, until the process ends.
  ~Impl() {
    if (failure) keep_for_ever(env, std::move(database));
  }

  Error writing_error(const rocksdb::Status& status) const {
    if (status.IsNoSpace()) return disk_full(directory.log());
    return {ErrorCode::Unavailable, "the log in " + directory.log().string() +
                                        " could not be written: " + status.ToString() +
                                        "; restart the server"};
  }

  DataDirectory directory;
  const RocksLogOptions options;
  EnvPtr env;
  std::unique_ptr<rocksdb::DB> database;  // Null for an empty directory that is only read.
  Status rewrap_batch_keys(const std::stop_token& stop) {
    if (!batch_keys || batch_keys->slots().wrapped_with() == options.keys->newest()) return Ok{};
    Pace pace(stop);
    return batch_keys->rewrap(*options.keys, [&pace] { return pace.rest(); });
  }

  std::unique_ptr<BatchKeys> batch_keys;  // Null: batches are not sealed.
  std::atomic<bool> has_looked_for_keys = false;
  std::atomic<bool> has_failed = false;   // A write did.
  std::optional<Watermark> watermark;     // Of the appending thread, as failure.
  std::optional<Error> failure;           // Of the append that failed; every later one repeats it.
  std::uint64_t opened_watermark = 0;
  std::atomic<std::uint64_t> last = 0;
};

RocksLog::RocksLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksLog::~RocksLog() = default;

Result<std::unique_ptr<RocksLog>> RocksLog::open(const fs::path& directory,
                                                 const RocksLogOptions& options) {
  TRY_ASSIGN(DataDirectory opened,
             DataDirectory::open(directory, options.access, options.keys.get()));
  auto impl = std::make_unique<Impl>(std::move(opened), options);
  TRY(impl->open_database());
  return std::make_unique<RocksLog>(std::move(impl));
}

Status RocksLog::append(std::span<const std::string> records) {
  std::uint64_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  return impl_->change(bytes, [&]() -> Status {
    if (records.empty()) return Ok{};
    return impl_->write(records);
  });
}

Status RocksLog::replace(std::span<const Replacement> records) {
  std::uint64_t bytes = 0;
  for (const Replacement& other : records) bytes += other.record.size();
  return impl_->change(bytes, [&] { return impl_->replace(records); });
}

// Down to the last level, and there too: else what was replaced stays where nothing newer goes.
Status RocksLog::reclaim(std::uint64_t first, std::uint64_t last, const std::stop_token& stop) {
  TRY(impl_->check_space(kReclaimBytes, impl_->options.free_bytes_min));
  TRY(impl_->destroy_unused_keys());
  const std::string from = key_of(first), to = key_of(last);
  const rocksdb::Slice begin(from), end(to);
  std::atomic<bool> canceled = false;
  const std::stop_callback stopped(stop, [&canceled] { canceled = true; });
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  all.canceled = &canceled;
  auto done = impl_->database->CompactRange(all, &begin, &end);
  // A write-ahead file of before the start has what was replaced, too.
  if (done.ok()) done = delete_old_files(*impl_->database);
  if (!done.ok()) return impl_->writing_error(done);
  return Ok{};
}

Status RocksLog::rewrite_under_newest_key(const std::stop_token& stop) {
  if (!impl_->env || impl_->options.access == LogAccess::ReadOnly) return Ok{};
  const auto has_room = [this] {
    return impl_->check_space(kReclaimBytes, impl_->options.free_bytes_min);
  };
  TRY(rewrite_database(*impl_->database, *impl_->env, impl_->directory.log(),
                       *impl_->options.keys, has_room, stop));
  return impl_->rewrap_batch_keys(stop);
}

Status RocksLog::has_room(std::uint64_t bytes) const {
  return impl_->check_space(bytes, impl_->options.free_bytes_min);
}

Status RocksLog::read(
    std::uint64_t first,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) {
  CHECK(first >= 1);
  const std::uint64_t last = last_sequence();
  if (first > last) return Ok{};
  const bool beside_a_writer = impl_->options.access == LogAccess::ReadOnly;
  std::unique_ptr<rocksdb::DB> opened_again;
  std::unique_ptr<BatchKeys> keys_again;
  Progress progress{first};
  for (int tries = 1;; ++tries) {
    rocksdb::DB& db = opened_again ? *opened_again : *impl_->database;
    const std::uint64_t from = progress.next;
    const BatchKeys* const keys = keys_again ? keys_again.get() : impl_->batch_keys.get();
    auto status = read_records(db, impl_->directory.log(), keys, last, progress, visit);
    if (status || progress.stopped || !beside_a_writer) return status;
    if (progress.next > from) tries = 1;
    if (tries == kReadOnlyTries) return status;
    auto opened = open_read_only(impl_->directory, impl_->options, impl_->env,
                                 impl_->opened_watermark);
    if (!opened) continue;
    opened_again = std::move(opened->db);
    // The server may have made more, or destroyed some; or be writing just there.
    if (!impl_->open_keys(keys_again)) continue;
  }
}

std::uint64_t RocksLog::last_sequence() const { return impl_->last; }

std::uint64_t RocksLog::memory_bytes() const {
  if (!impl_->database) return 0;
  std::uint64_t all = 0;
  for (const std::string& part :
       {rocksdb::DB::Properties::kSizeAllMemTables, rocksdb::DB::Properties::kBlockCacheUsage,
        rocksdb::DB::Properties::kEstimateTableReadersMem}) {
    std::uint64_t bytes = 0;
    impl_->database->GetIntProperty(part, &bytes);
    all += bytes;
  }
  return all;
}

std::uint64_t RocksLog::size_bytes() const {
  if (!impl_->database) return 0;
  std::uint64_t files = 0, memory = 0;
  impl_->database->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &files);
  // What is still in memory takes about as much in the write-ahead file.
  impl_->database->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return files + memory;
}

std::uint64_t RocksLog::opened_watermark() const { return impl_->opened_watermark; }

}  // namespace muster::storage
