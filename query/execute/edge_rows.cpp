#include "query/execute/edge_rows.h"

#include <bit>

namespace muster::query {
namespace {

// `kept` is 0 or 1: no branch, for whether somebody has been seen cannot be foretold.
std::uint32_t chosen(std::uint64_t kept, std::uint32_t now, std::uint32_t before) {
  return before ^ ((before ^ now) & -static_cast<std::uint32_t>(kept));
}

}  // namespace

void EdgeRows::narrow(const RowSlots& slots, SlotMask& mask) {
  if (run_ != &slots.run()) {
    run_ = &slots.run();
    seen_.assign(index::kBlockSize, 0);
    last_person_ = kNobody;
  }
  if (order_ == RowOrder::FromLatest) {
    narrow_from<RowOrder::FromLatest>(slots, mask);
  } else {
    narrow_from<RowOrder::ByTime>(slots, mask);
  }
}

template <RowOrder kOrder>
void EdgeRows::narrow_from(const RowSlots& slots, SlotMask& mask) {
  const std::uint32_t first = slots.row_of(0);
  const std::uint16_t* const person = run_->person.data() + first;
  std::uint8_t* const seen = seen_.data();
  std::uint32_t last_person = last_person_, last_row = last_row_;
  const auto look = [&](std::uint32_t slot) {
    const std::uint32_t who = person[slot];
    std::uint64_t kept = seen[who] ^ 1U;
    seen[who] = 1;
    // Rows of one person at one moment stand side by side.
    if (who == last_person) [[unlikely]] {
      kept |= std::uint64_t{run_->time.at(first + slot) == run_->time.at(last_row)};
    }
    last_person = chosen(kept, who, last_person);
    last_row = chosen(kept, first + slot, last_row);
    return kept;
  };
  for (std::uint32_t n = 0; n < kSlotWords; ++n) {
    constexpr bool kBackwards = kOrder == RowOrder::FromLatest;
    const std::uint32_t w = kBackwards ? kSlotWords - 1 - n : n;
    std::uint64_t kept = 0;
    if (mask[w] == ~std::uint64_t{0}) {
      for (std::uint32_t i = 0; i < 64; ++i) {
        kept = kBackwards ? kept << 1 | look(w * 64 + 63 - i) : kept >> 1 | look(w * 64 + i) << 63;
      }
      mask[w] = kept;
      continue;
    }
    for (std::uint64_t rest = mask[w]; rest != 0;) {
      const int bit = kBackwards ? 63 - std::countl_zero(rest) : std::countr_zero(rest);
      rest ^= std::uint64_t{1} << bit;
      kept |= look(w * 64 + static_cast<std::uint32_t>(bit)) << bit;
    }
    mask[w] = kept;
  }
  last_person_ = last_person;
  last_row_ = last_row;
}

}  // namespace muster::query
