// Which rows can hold somebody's first or last event.
//
// The rows of a run lie in order of time: seen from the wanted end, only the first row of each
// person counts, and others of theirs at the same moment. Most rows are not looked at any further.
// Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "query/execute/row_slots.h"

namespace muster::query {

// Of the stretches of a run: from its first row on, or from its last one back.
enum class RowOrder : std::uint8_t { ByTime, FromLatest };

class EdgeRows {
 public:
  // In which the stretches will come: the wanted end first.
  explicit EdgeRows(RowOrder order) : order_(order) {}

  // Takes rows out of the mask of a stretch that cannot be at the edge; others may still not be:
  // somebody may have rows in other runs.
  // Requires the stretches of a run one after the other, from the wanted end, and of whole rows.
  // Cost: 1 to 2 ns a row of the mask.
  void narrow(const RowSlots& slots, SlotMask& mask);

 private:
  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

  template <RowOrder kOrder>
  void narrow_from(const RowSlots& slots, SlotMask& mask);

  const RowOrder order_;
  const index::EventRun* run_ = nullptr;
  std::vector<std::uint8_t> seen_;                      // By person, of the run.
  std::uint32_t last_person_ = kNobody, last_row_ = 0;      // The last one kept.
};

}  // namespace muster::query
