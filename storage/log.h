// The one durable log: records with dense sequence numbers, starting at 1.
//
// Appended means synced: when append() returns Ok, a power cut loses none of it. A failed append
// is final: every later one fails, nothing after it is ever acknowledged.
// Implementations: RocksLog (storage/rocks_log.h), MemoryLog and FailingLog (storage/memory_log.h).
//
// Thread safety: append by one thread at a time; read and last_sequence by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/record.h"

namespace muster::storage {

// What is to stand under a number in place of what does.
struct Replacement {
  std::uint64_t sequence = 0;
  std::string record;  // Encoded.
};

class Log {
 public:
  virtual ~Log() = default;

  // Appends all records or none, numbered from last_sequence() + 1, and syncs once.
  // Shape: each element is one encoded record (storage/record.h).
  // Errors: StorageFull when the disk is; Unavailable after any other failure, for ever.
  virtual Status append(std::span<const std::string> records) = 0;

  // Puts other records in place of some, all or none of them, and syncs once. By the appending
  // thread. The bytes that stood there leave the disk when reclaim() has passed over them.
  // Requires sequences from 1 to last_sequence().
  // Errors: those of append(), with the same consequence; Unsupported where nothing is kept.
  virtual Status replace(std::span<const Replacement> records);
  // Gives back what replaced records of these numbers still take on the disk; by any thread.
  // Cost: what is left of the records between them is written anew, and needs the room for it.
  // Errors: StorageFull before anything is written; Unavailable, also when `stop` is asked for.
  virtual Status reclaim(std::uint64_t /*first*/, std::uint64_t /*last*/,
                         const std::stop_token& /*stop*/ = {}) {
    return Ok{};
  }

  // Writes anew, beside readers and appends, each of its files that stands under an older data key
  // than the newest; by any thread, one at a time. Does nothing where there is none.
  // Errors: StorageFull before anything is written; Unavailable, also when `stop` is asked for.
  virtual Status rewrite_under_newest_key(const std::stop_token& /*stop*/ = {}) { return Ok{}; }

  // Whether records of this many bytes would find room; asked before a change is applied, so that
  // a full disk refuses it whole.
  // Errors: StorageFull.
  virtual Status has_room(std::uint64_t /*bytes*/) const { return Ok{}; }

  // Calls `visit` with each record from `first` on, in order, until it returns an error or the
  // log ends.
  // Errors: Corrupt, naming the sequence number and what is wrong with it; those of `visit`.
  virtual Status read(
      std::uint64_t first,
      const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit) = 0;

  // 0 for an empty log.
  virtual std::uint64_t last_sequence() const = 0;

  // Bytes on disk, as far as known without a scan; 0 in memory.
  virtual std::uint64_t size_bytes() const = 0;
  // Bytes that it takes of the heap: what is not yet in files, and what is kept of them.
  virtual std::uint64_t memory_bytes() const { return 0; }
};

// Calls `visit` with the records from `first` to `last`, as far as there are any.
// Errors: those of read() and of `visit`.
Status read_range(
    Log& log, std::uint64_t first, std::uint64_t last,
    const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit);

// One record.  Requires sequence >= 1.
// Errors: those of read(); NotFound behind the end.
Result<std::string> record_at(Log& log, std::uint64_t sequence);

}  // namespace muster::storage
