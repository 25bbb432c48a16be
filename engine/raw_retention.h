// Which data batches leave the log: those behind the checkpoints that came long enough ago.
//
// What they said is in both kept checkpoints, so nothing that is answered needs them; only a state
// made anew from the whole log does. In the place of each stands a record of kind Retired, so that
// the log keeps its numbers and its ends.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "storage/keyring.h"
#include "storage/log.h"

namespace muster::engine {

class RawRetention {
 public:
  // `keep`: how long a batch stays; `archive`: where it goes then, "" for nowhere; `keys`: what it
  // is encrypted with there, or null. The log and the keys outlive this.
  RawRetention(storage::Log& log, TimeMs keep, std::filesystem::path archive,
               const storage::Keyring* keys)
      : log_(log), keep_(keep), archive_(std::move(archive)), keys_(keys) {}

  // What is to stand in place of the next batches before record `end` that are past their
  // retention; none: there is no more. They are in the archive when this returns.
  // Limits: 4,096 records and about 256 MiB a call.
  // Errors: those of the log and of the archive; then nothing is to be replaced.
  Result<std::vector<storage::Replacement>> next(std::uint64_t end, TimeMs now);
  // They stand there: what comes next is behind them.
  void done(const std::vector<storage::Replacement>& replaced);

  // Numbers between which retired batches may still take room on the disk: also those that an
  // earlier process retired, until they were seen once.
  struct Span {
    std::uint64_t first = 0, last = 0;
  };
  std::optional<Span> unreclaimed() const { return unreclaimed_; }
  void reclaimed() { unreclaimed_.reset(); }

 private:
  void note_retired(std::uint64_t sequence);

  storage::Log& log_;
  const TimeMs keep_;
  const std::filesystem::path archive_;
  const storage::Keyring* const keys_;
  std::uint64_t looked_at_ = 0;  // Up to this record, nothing is left to do.
  std::optional<Span> unreclaimed_;
};

}  // namespace muster::engine
