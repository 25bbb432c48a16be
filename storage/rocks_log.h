// The log on disk: RocksDB under our own dense numbers, and a watermark that it cannot fool.
//
//   DIR/FORMAT     which version of this layout it is
//   DIR/LOCK       held by the process that writes
//   DIR/watermark  the last acknowledged number, synced by itself after each append
//   DIR/reserve    space to let go when the disk is full, so that RocksDB can still be opened
//   DIR/log/       the RocksDB database: number (big-endian u64) -> record
//   DIR/batch-keys where data are encrypted: a key for each data batch (storage/sealed_record.h)
//
// storage/format.md has every byte. RocksDB alone opens "OK" after its files were deleted or cut;
// so at open the first and the last number are held against the watermark, and read() finds every
// hole on its way.
//
// Thread safety: append by one thread at a time; the rest, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/data_directory.h"
#include "storage/keyring.h"
#include "storage/log.h"

namespace muster::storage {

struct RocksLogOptions {
  LogAccess access = LogAccess::ReadWrite;
  // What its files are encrypted with; null: nothing.
  std::shared_ptr<const Keyring> keys = {};
  // Bytes of records kept in memory before they are written as a sorted file; twice this at most.
  std::uint64_t memtable_bytes = 16U << 20;
  // Bytes that an append leaves free on the disk; with less it is refused as StorageFull, and
  // works again as soon as there is space.
  std::uint64_t free_bytes_min = 64U << 20;
  // Bytes held in DIR/reserve: enough for RocksDB to write out one memtable and its own files.
  std::uint64_t reserve_bytes = 48U << 20;
};

class RocksLog final : public Log {
 public:
  // Opens the log in `directory`, which is made when it does not exist; it must be empty or ours.
  // Cost: RocksDB's recovery of at most a few memtables; no pass over the records.
  // Errors: InvalidArgument (not a directory, or somebody else's), NotFound (read only, none
  // there), PermissionDenied, Unavailable (in use by another process), Unsupported (made by a
  // newer version; left as it is), StorageFull, Corrupt naming the number and the file.
  static Result<std::unique_ptr<RocksLog>> open(const std::filesystem::path& directory,
                                                const RocksLogOptions& options = {});
  ~RocksLog() override;

  Status append(std::span<const std::string> records) override;
  Status replace(std::span<const Replacement> records) override;
  Status reclaim(std::uint64_t first, std::uint64_t last,
                 const std::stop_token& stop = {}) override;
  Status rewrite_under_newest_key(const std::stop_token& stop = {}) override;
  Status has_room(std::uint64_t bytes) const override;
  // Errors: also Corrupt for a hole, or an end before last_sequence().
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit)
      override;
  std::uint64_t last_sequence() const override;
  std::uint64_t size_bytes() const override;
  std::uint64_t memory_bytes() const override;

  // The number that was synced in DIR/watermark when this log was opened.
  std::uint64_t opened_watermark() const;

 private:
  class Impl;

 public:
  explicit RocksLog(std::unique_ptr<Impl> impl);  // For open() alone: nobody else has an Impl.

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::storage
