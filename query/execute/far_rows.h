// Rows of one run after the other that passed a test, gathered before anything of them is read.
//
// Such rows stand far from each other: read one by one between tests, each would be waited for.
// Thread safety: one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "query/execute/row_slots.h"

namespace muster::query {

class FarRows {
 public:
  // The rows first + i of the mask's bits. Calls visit(source, run, rows) when there are many, or
  // those so far are of another run.
  template <typename Visit>
  void add(std::size_t source, const index::EventRun& run, std::uint32_t first,
           const SlotMask& mask, const Visit& visit_rows) {
    if (run_ != &run || source_ != source || rows_.size() >= kManyRows) {
      visit(visit_rows);
      run_ = &run;
      source_ = source;
    }
    rows_.reserve(kManyRows + kSlotsMax);
    for_each_bit(mask, [&](std::uint32_t i) { rows_.push_back(first + i); });
  }

  // What is left. Requires that the runs given to add() are still there.
  template <typename Visit>
  void visit(const Visit& visit_rows) {
    if (!rows_.empty()) visit_rows(source_, *run_, std::span<const std::uint32_t>(rows_));
    rows_.clear();
  }

 private:
  static constexpr std::size_t kManyRows = 2'048;

  std::size_t source_ = 0;
  const index::EventRun* run_ = nullptr;
  std::vector<std::uint32_t> rows_;
};

}  // namespace muster::query
