// Which rows of the change stream are past their retention, and which records leave the log for it.
//
// Rows go for readers by a record that says so (storage::ChangesHorizon), so that a start knows the
// same. Their records are emptied once both kept checkpoints contain what they add up to.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/standing/change_index.h"
#include "storage/log.h"

namespace muster::engine {

class ChangeRetention {
 public:
  // `keep`: how long rows stay. The log outlives this.
  ChangeRetention(storage::Log& log, TimeMs keep) : log_(log), keep_(keep) {}

  // What is to be said of rows that are past their retention by now; nothing: there are no more.
  // Cost: the records from the first kept row on to the first row that is young.
  // Errors: those of the log; Unavailable when `stop` is asked for.
  Result<std::optional<storage::ChangesHorizon>> next(const ChangeIndex& index, TimeMs now,
                                                      const std::stop_token& stop) const;

  // What is to stand in place of the next records before `end` whose rows are past their
  // retention; none: there are no more.
  // Limits: 4,096 records a call.
  // Errors: those of the log.
  Result<std::vector<storage::Replacement>> leaving(const storage::ChangesHorizon& horizon,
                                                    std::uint64_t end);
  // They stand there: what comes next is behind them.
  void done(const std::vector<storage::Replacement>& replaced);

  // Whether records before emptied_before() may still take room on the disk.
  bool is_unreclaimed() const { return is_unreclaimed_; }
  std::uint64_t emptied_before() const { return emptied_before_; }
  void reclaimed();

 private:
  storage::Log& log_;
  const TimeMs keep_;
  std::uint64_t emptied_before_ = 0, reclaimed_before_ = 0;
  bool is_unreclaimed_ = false;
};

}  // namespace muster::engine
