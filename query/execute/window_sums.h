// Whose values in a window add up to so much: `sum(amount of e in last 90d) > 500`, and what comes
// down to such sums (query/plan/linear_sums.h).
//
// The amounts of a window lie side by side in each run. They are added up exactly, in 32 bits a
// person where no sum can leave them, in 64 bits where they fit, and not here otherwise.
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "query/execute/aggregate.h"
#include "query/execute/group_sums.h"
#include "query/execute/selection.h"
#include "query/plan/linear_sums.h"

namespace muster::query {

class WindowSums {
 public:
  // Sets the bit of everybody in the block whose total is in the range and clears the others;
  // without events it is 0. `sums.some` and `sums.other` are left to the caller.  Nothing when a
  // total might leave 62 bits, or different values cannot be counted in 32.
  // Cost: about 2 ns an event of the window, 10 where different values are counted; 256 or 512 KiB
  // of sums are gone through when it has more than a few.
  struct Answer {
    bool failed = false;  // An exact number in `where` left its bits: the answer is void.
  };
  std::optional<Answer> select(const LinearSums& sums, const index::Generation& generation,
                               std::uint32_t block, index::MutableBlock out);

 private:
  struct Window {
    std::uint32_t block = 0;
    Int128 sum_max = 0;      // No sum is further from 0.
    std::uint64_t rows = 0;  // Before `where`.
  };

  static Window window_of(const LinearSums& sums, std::uint32_t block);
  bool count_values(const LinearSums& sums, const index::Generation& generation,
                    std::uint32_t block);
  template <typename Sum, typename Visit>
  void add_distinct(const SumTerm& term, const Visit& visit) const;
  template <typename Sum>
  Answer select_by(const LinearSums& asked, const index::Generation& generation,
                   const Window& window, index::MutableBlock out);

  // By person; all 0 between calls.
  std::tuple<std::vector<std::int32_t>, std::vector<std::int64_t>> sums_;
  // How many different values everybody has, of the last block that was asked about.
  struct Distinct {
    const BoundAggregate* of = nullptr;
    std::uint32_t block = 0;
    RowsByPerson rows;
    GroupTotals totals;
  };
  Distinct distinct_;
  std::vector<std::uint16_t> people_;  // Who has a sum, when they are few.
};

}  // namespace muster::query
