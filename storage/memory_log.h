// Logs for tests and for a life from one seed: one in memory, and one that fails on command.
//
// Thread safety: as storage/log.h.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/log.h"

namespace muster::storage {

// Lives as long as the process. What it holds can be carried over to a next one, so that a test
// restarts an engine on what the last one had acknowledged.
class MemoryLog final : public Log {
 public:
  MemoryLog() = default;
  explicit MemoryLog(const std::vector<std::string>& records);

  Status append(std::span<const std::string> records) override;
  Status replace(std::span<const Replacement> records) override;
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit)
      override;
  std::uint64_t last_sequence() const override;
  std::uint64_t size_bytes() const override { return 0; }

  std::vector<std::string> records() const;

 private:
  mutable std::mutex mutex_;  // Guards records_.
  std::vector<std::shared_ptr<const std::string>> records_;
};

// What the failing append leaves behind: a real disk may or may not keep what it refused.
enum class FailureKind {
  NothingWritten,       // Unavailable; none of the records stands.
  WrittenNotConfirmed,  // Unavailable; all of them stand, as after a failed sync.
  DiskFull,             // StorageFull; none of them stands.
};

// Passes everything on until the n-th append, which fails, as does every later one.
class FailingLog final : public Log {
 public:
  // Requires failing_append >= 1; `inner` outlives this.
  FailingLog(Log& inner, std::uint64_t failing_append,
             FailureKind kind = FailureKind::NothingWritten);

  Status append(std::span<const std::string> records) override;
  // With DiskFull the room ends where the appends begin to fail.
  Status has_room(std::uint64_t bytes) const override;
  Status read(std::uint64_t first,
              const std::function<Status(std::uint64_t sequence, std::string_view record)>& visit)
      override;
  std::uint64_t last_sequence() const override;
  std::uint64_t size_bytes() const override { return inner_.size_bytes(); }
  std::uint64_t memory_bytes() const override { return inner_.memory_bytes(); }

 private:
  Error refusal() const;

  Log& inner_;
  const std::uint64_t failing_append_;
  const FailureKind kind_;
  std::uint64_t appends_ = 0;                // Of the appending thread, as failed_.
  bool failed_ = false;
  std::atomic<std::uint64_t> acknowledged_;  // The last sequence number that was confirmed.
};

}  // namespace muster::storage
