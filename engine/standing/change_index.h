// Where the rows of the change stream stand in the log, and what they add up to.
//
// Rows are numbered from 1 through the whole log; a record of changes says the number of its first
// one. Everything here follows from those records, and from those that say which rows are past
// their retention. Of the newest records it is known where each stands; of those before, of about
// every 1,000th row, and the log is read on from there.
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "storage/record.h"

namespace muster::engine {

// Who came and went within an hour or a day.
struct HistoryStep {
  TimeMs begin = 0;
  std::uint64_t entered = 0, left = 0;
  std::uint64_t members = 0;  // At its end.
  bool operator==(const HistoryStep&) const = default;
};

enum class HistoryUnit : std::uint8_t { Hour, Day };

class ChangeIndex {
 public:
  // A record of changes as it stands in the log.
  void note(std::uint64_t sequence, const storage::MembershipChanges& changes, TimeMs known);

  // Rows before a number are past their retention.
  void forget(const storage::ChangesHorizon& horizon);

  // The number that the next row will have.
  std::uint64_t next_row() const;
  // What was said last of rows that are past their retention; `first` is that of the first row that
  // is there, or will be.
  storage::ChangesHorizon horizon() const;
  // How many are in a segment by what was told.
  std::uint64_t members_of(const std::string& segment) const;
  // Where to look for a row.
  struct Place {
    std::uint64_t record = 0;   // The row stands in it, or in one behind it;
    std::uint64_t end_row = 0;  // as do all rows from it on and before this one.
    std::uint64_t first_row = 0;  // Of those.
  };
  // Nothing: there is no such row yet.  Requires a row that is not past its retention.
  std::optional<Place> place_of(std::uint64_t row) const;
  // Where the first row of each stretch of the log stands, in order.
  std::vector<Place> places() const;
  // Bytes in memory, roughly.
  std::uint64_t bytes() const;
  // Of the last 31 days by the hour, of the last three years by the day; oldest first, UTC; steps
  // in which nobody came or went are left out.
  std::vector<HistoryStep> history(const std::string& segment, HistoryUnit unit) const;

  // All of it, for a checkpoint (storage/format.md).
  void write(ByteWriter& out) const;
  // Fails the reader where the bytes do not fit; then nothing is changed.
  void read(ByteReader& in);
  // Becomes the other, which nobody else has.
  void take(ChangeIndex&& other);

  static constexpr std::size_t kHoursMax = 31 * 24, kDaysMax = 3 * 366;
  // Records whose place is known each; behind them a place is kept after so many rows, and after so
  // many records of the log.
  static constexpr std::size_t kNewestMax = 4'096;
  static constexpr std::uint64_t kRowsApart = 1'000, kRecordsApart = 64;

 private:
  struct Mark {
    std::uint64_t first = 0, sequence = 0;
  };
  void add_mark(Mark mark);
  // Of `old_` and `newest_` together.
  std::size_t marks() const { return old_.size() + newest_.size(); }
  const Mark& mark_at(std::size_t i) const {
    return i < old_.size() ? old_[i] : newest_[i - old_.size()];
  }
  Place place_at(std::size_t i) const;
  struct Sums {
    std::uint64_t members = 0;
    std::vector<HistoryStep> hours, days;  // Oldest first.
  };
  static void add(std::vector<HistoryStep>& steps, std::size_t steps_max, TimeMs begin,
                  const Sums& sums, std::uint64_t entered, std::uint64_t left);

  mutable std::mutex mutex_;  // Guards all below.
  std::uint64_t next_ = 1;
  storage::ChangesHorizon horizon_{1, 0, 0, 0};
  std::vector<Mark> old_;     // In order.
  std::deque<Mark> newest_;   // Of every record behind those, in order.
  std::map<std::string, Sums> sums_;
};

}  // namespace muster::engine
