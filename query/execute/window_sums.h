// Whose values in a window add up to so much: `sum(amount of e in last 90d) > 500`.
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
#include "query/execute/selection.h"

namespace muster::query {

class WindowSums {
 public:
  // Whether select() may answer: a sum of an exact property, without `per` and `at first`, that is
  // asked for one range.
  static bool takes(const BoundNode& test);

  // Sets the bit of everybody in the block whose sum is in the test's range and clears the others;
  // without events the sum is 0.  Nothing when a sum might leave 62 bits.
  // Requires takes(test).
  // Cost: about 2 ns an event of the window; 256 or 512 KiB of sums are gone through when it has
  // more than a few.
  struct Answer {
    bool failed = false;  // An exact number in `where` left its bits: the answer is void.
  };
  std::optional<Answer> select(const BoundNode& test, const index::Generation& generation,
                               std::uint32_t block, index::MutableBlock out);

 private:
  struct Window {
    std::uint32_t block = 0;
    Int128 sum_max = 0;      // No sum is further from 0.
    std::uint64_t rows = 0;  // Before `where`.
  };

  static Window window_of(const BoundAggregate& aggregate, std::uint32_t block);
  template <typename Sum>
  Answer select_by(const BoundNode& test, const index::Generation& generation, const Window& window,
                   index::MutableBlock out);

  // By person; all 0 between calls.
  std::tuple<std::vector<std::int32_t>, std::vector<std::int64_t>> sums_;
  std::vector<std::uint16_t> people_;  // Who has a sum, when they are few.
};

}  // namespace muster::query
