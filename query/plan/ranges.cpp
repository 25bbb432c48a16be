#include "query/plan/ranges.h"

namespace muster::query {

RangeSet RangeSet::between(Int128 low, Int128 high) {
  low = std::max(low, -kWideMax);
  high = std::min(high, kWideMax);
  return low > high ? none() : RangeSet({{low, high}});
}

RangeSet RangeSet::of(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
  std::vector<Range> merged;
  for (const Range& range : ranges) {
    if (range.low > range.high) continue;
    if (!merged.empty() && range.low <= merged.back().high + 1) {
      merged.back().high = std::max(merged.back().high, range.high);
    } else {
      merged.push_back(range);
    }
  }
  return RangeSet(std::move(merged));
}

RangeSet RangeSet::complement() const {
  std::vector<Range> gaps;
  Int128 next = -kWideMax;
  for (const Range& range : ranges_) {
    if (next < range.low) gaps.push_back({next, range.low - 1});
    next = range.high + 1;
  }
  if (next <= kWideMax) gaps.push_back({next, kWideMax});
  return RangeSet(std::move(gaps));
}

RangeSet RangeSet::intersect(const RangeSet& other) const {
  std::vector<Range> both;
  std::size_t i = 0, j = 0;
  while (i < ranges_.size() && j < other.ranges_.size()) {
    const Range& a = ranges_[i];
    const Range& b = other.ranges_[j];
    const Range shared{std::max(a.low, b.low), std::min(a.high, b.high)};
    if (shared.low <= shared.high) both.push_back(shared);
    if (a.high < b.high) {
      ++i;
    } else {
      ++j;
    }
  }
  return RangeSet(std::move(both));
}

bool RangeSet::contains(Int128 key) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), key,
                       [](Int128 k, const Range& range) { return k < range.low; });
  return after != ranges_.begin() && key <= std::prev(after)->high;
}

KeyTest::KeyTest(const RangeSet& ranges) {
  constexpr Int128 kLow = std::numeric_limits<std::int64_t>::min();
  constexpr Int128 kHigh = std::numeric_limits<std::int64_t>::max();
  for (const Range& range : ranges.ranges()) {
    if (range.high < kLow || range.low > kHigh) continue;
    ranges_.push_back({static_cast<std::int64_t>(std::max(range.low, kLow)),
                       static_cast<std::int64_t>(std::min(range.high, kHigh))});
  }
}

bool KeyTest::never() const {
  if (!by_bits_) return ranges_.empty();
  return std::all_of(bits_.begin(), bits_.end(), [](std::uint64_t word) { return word == 0; });
}

std::vector<std::uint32_t> KeyTest::codes_passing(std::uint32_t codes, std::size_t limit) const {
  std::vector<std::uint32_t> found;
  if (by_bits_) {
    for (std::uint32_t code = 0; code < codes && found.size() < limit; ++code) {
      if (code % 64 == 0 && (code / 64 >= bits_.size())) break;
      if (matches(code)) found.push_back(code);
    }
    return found;
  }
  for (const KeyRange& range : ranges_) {
    const std::int64_t last = std::min<std::int64_t>(range.high, std::int64_t{codes} - 1);
    for (std::int64_t code = std::max<std::int64_t>(range.low, 0); code <= last; ++code) {
      if (found.size() == limit) return found;
      found.push_back(static_cast<std::uint32_t>(code));
    }
  }
  return found;
}

}  // namespace muster::query
