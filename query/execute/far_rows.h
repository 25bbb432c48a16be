// Rows of one run after the other that passed a test, gathered before anything of them is read.
//
// Such rows stand far from each other: read one by one between tests, each would be waited for.
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "query/execute/row_slots.h"

namespace muster::query {

class FarRows {
 public:
  // The rows first + i of the mask's bits. Calls visit_rows(source, run, rows) when there are many,
  // or those so far are of another run. What of them is read then, in `values` too unless they are
  // null, is asked of memory meanwhile.
  template <typename Visit>
  void add(std::size_t source, const index::EventRun& run, std::uint32_t first,
           std::span<const std::uint64_t> mask, const index::PackedInts* values,
           const Visit& visit_rows) {
    if (run_ != &run || source_ != source || count_ >= kManyRows) {
      visit(visit_rows);
      run_ = &run;
      source_ = source;
    }
    rows_.resize(std::max(rows_.size(), kManyRows + mask.size() * 64));
    std::uint32_t* const rows = rows_.data();
    std::size_t count = count_;
    for_each_bit(mask, [&](std::uint32_t i) {
      rows[count++] = first + i;
      __builtin_prefetch(&run.person[first + i]);
    });
    if (values != nullptr) {
      for (std::size_t i = count_; i < count; ++i) values->prefetch(rows[i]);
    }
    count_ = count;
  }

  // What is left. Requires that the runs given to add() are still there.
  template <typename Visit>
  void visit(const Visit& visit_rows) {
    if (count_ > 0) visit_rows(source_, *run_, std::span<const std::uint32_t>(rows_).first(count_));
    count_ = 0;
  }

 private:
  static constexpr std::size_t kManyRows = 2'048;

  std::size_t source_ = 0;
  const index::EventRun* run_ = nullptr;
  std::vector<std::uint32_t> rows_;  // The first of them,
  std::size_t count_ = 0;            // so many.
};

}  // namespace muster::query
