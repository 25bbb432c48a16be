// Who of a block has a sum in a range, when everybody's stand side by side.
//
// Thread safety: any thread.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "query/execute/selection.h"
#include "query/plan/ranges.h"

namespace muster::query {

// Both ends belong.
template <typename Sum>
using SumRange = std::pair<Sum, Sum>;

// The part of a range that a sum of this width can be in; nothing when there is none.
template <typename Sum>
std::optional<SumRange<Sum>> clamped(const Range& range) {
  constexpr Int128 kLow = std::numeric_limits<Sum>::min();
  constexpr Int128 kHigh = std::numeric_limits<Sum>::max();
  if (range.high < kLow || range.low > kHigh) return std::nullopt;
  return std::pair(static_cast<Sum>(std::max(range.low, kLow)),
                   static_cast<Sum>(std::min(range.high, kHigh)));
}

// Sums are compared as unsigned numbers, negative ones behind the others: a range that holds
// numbers of both signs is what its complement leaves.  Requires a sum for everybody of a block.
template <typename Sum>
void select_sums(std::span<const Sum> sums, SumRange<Sum> range, MutableBlock out) {
  using Unsigned = std::make_unsigned_t<Sum>;
  const bool is_mixed = std::is_signed_v<Sum> && range.first < 0 && range.second >= 0;
  const auto first = static_cast<Unsigned>(range.first);
  const auto second = static_cast<Unsigned>(range.second);
  const Unsigned low = is_mixed ? second + 1 : first;
  const Unsigned high = is_mixed ? first - 1 : second;
  std::fill(out.begin(), out.end(), 0);
  if (low <= high) {
    const index::PackedView view{reinterpret_cast<const std::byte*>(sums.data()), kBlockSize,
                                 sizeof(Sum)};
    index::kernels().select_range(view, low, high, out.data());
  }
  if (!is_mixed) return;
  for (std::uint64_t& word : out)
    word = ~word;
}

// The same for several ranges.
template <typename Sum>
void select_sums(std::span<const Sum> sums, const RangeSet& ranges, MutableBlock out) {
  std::array<std::uint64_t, kBlockWords> passing;
  std::fill(out.begin(), out.end(), 0);
  for (const Range& range : ranges.ranges()) {
    const auto own = clamped<Sum>(range);
    if (!own) continue;
    select_sums<Sum>(sums, *own, MutableBlock(passing));
    index::kernels().or_write(passing, out, out);
  }
}

}  // namespace muster::query
