// Where the rows of the change stream stand in the log, and what they add up to.
//
// Rows are numbered from 1 through the whole log; a record of changes says the number of its first
// one. Everything here follows from those records.
// Thread safety: any thread.
#pragma once

#include <cstdint>
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

  // The number that the next row will have.
  std::uint64_t next_row() const;
  // How many are in a segment by what was told.
  std::uint64_t members_of(const std::string& segment) const;
  // The record with the row, or the first one behind it; nothing: there is none.
  std::optional<std::uint64_t> record_of(std::uint64_t row) const;
  // All records of changes, in order.
  std::vector<std::uint64_t> records() const;
  // Of the last 31 days by the hour, of the last three years by the day; oldest first, UTC; steps
  // in which nobody came or went are left out.
  std::vector<HistoryStep> history(const std::string& segment, HistoryUnit unit) const;

  // All of it, for a checkpoint.
  void write(ByteWriter& out) const;
  // Fails the reader where the bytes do not fit; then nothing is changed.
  void read(ByteReader& in);
  // Becomes the other, which nobody else has.
  void take(ChangeIndex&& other);

  static constexpr std::size_t kHoursMax = 31 * 24, kDaysMax = 3 * 366;

 private:
  struct Mark {
    std::uint64_t first = 0, sequence = 0;
  };
  struct Sums {
    std::uint64_t members = 0;
    std::vector<HistoryStep> hours, days;  // Oldest first.
  };
  static void add(std::vector<HistoryStep>& steps, std::size_t steps_max, TimeMs begin,
                  const Sums& sums, std::uint64_t entered, std::uint64_t left);

  mutable std::mutex mutex_;  // Guards all below.
  std::uint64_t next_ = 1;
  std::vector<Mark> marks_;   // Of every record, in order.
  std::map<std::string, Sums> sums_;
};

}  // namespace muster::engine
