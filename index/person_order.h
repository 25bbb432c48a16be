// The rows of a run of events person by person: an index into columns that lie in order of time.
//
// Row numbers sorted by person, then time, and where groups of 2^shift neighbouring people begin.
// The shift is chosen so that a group holds about four rows: the starts take about a byte an event
// whatever the run's size. The row numbers take two bytes up to 65,536 rows, else four.
// Thread safety: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/packed.h"

namespace muster::index {

class PersonOrder {
 public:
  PersonOrder() = default;  // Of no rows.
  // person[row]: whose row it is.
  // Cost: a counting sort.
  explicit PersonOrder(std::span<const std::uint16_t> person);

  // The rows of one person, ascending, which is also by time.  Requires the span given to the
  // constructor.
  // Cost: O(log) of the rows of a few people.
  std::vector<std::uint32_t> rows_of(std::span<const std::uint16_t> person,
                                     std::uint16_t who) const;
  // The same of several people, one after the other, behind what `rows` holds.
  // Cost: what is read for neighbours in the list is asked for together; one by one each would wait
  // for memory several times.
  void add_rows_of(std::span<const std::uint16_t> person, std::span<const std::uint16_t> people,
                   std::vector<std::uint32_t>& rows) const;

  // Where the rows of each of some people stand in sorted(), one stretch each; the same of all who
  // have none.  Requires the span given to the constructor, and as many stretches as people.
  // Cost: as add_rows_of(); where people have several rows each, they are not looked at.
  struct Stretch {
    std::uint32_t first = 0, last = 0;  // The last does not belong.
    bool empty() const { return first == last; }
  };
  void find(std::span<const std::uint16_t> person, std::span<const std::uint16_t> people,
            std::span<Stretch> stretches) const;
  // Row numbers by person, then time.
  const PackedInts& sorted() const { return rows_; }

  // Each asks memory, ahead of its use, for what the one before leads to: where the rows of a few
  // people begin, and their numbers; visit(row) is called for these, up to a limit.
  void prefetch_group(std::uint16_t who) const {
    if (!starts_.empty()) __builtin_prefetch(&starts_[who >> shift_]);
  }
  void prefetch_rows(std::uint16_t who) const {
    if (starts_.empty()) return;
    const Stretch group = group_of(who);
    if (!group.empty()) rows_.prefetch(group.first);
  }
  template <typename Visit>
  void for_each_near(std::uint16_t who, const Visit& visit) const {
    constexpr std::uint32_t kRowsMax = 16;
    if (starts_.empty()) return;
    const Stretch group = group_of(who);
    const std::uint32_t last = group.last < group.first + kRowsMax ? group.last
                                                                   : group.first + kRowsMax;
    for (std::uint32_t i = group.first; i < last; ++i) visit(row_at(i));
  }

  // The most rows that one person has.
  std::uint32_t rows_max() const { return rows_max_; }
  std::size_t bytes() const;  // On the heap.

 private:
  Stretch group_of(std::uint16_t who) const {
    return {starts_[who >> shift_], starts_[(who >> shift_) + 1U]};
  }
  std::uint32_t row_at(std::uint32_t i) const { return static_cast<std::uint32_t>(rows_.at(i)); }
  // Of somebody of the group.
  Stretch stretch_of(std::span<const std::uint16_t> person, std::uint16_t who,
                     Stretch group) const;
  void add_rows(Stretch stretch, std::vector<std::uint32_t>& rows) const;

  unsigned shift_ = 16;
  std::uint32_t rows_max_ = 0;
  PackedInts rows_;
  std::vector<std::uint32_t> starts_;  // By group; one more at the end.
};

}  // namespace muster::index
