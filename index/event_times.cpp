#include "index/event_times.h"

#include <algorithm>

#include "base/check.h"

namespace muster::index {

EventTimes::EventTimes(std::span<const TimeMs> times)
    : size_(static_cast<std::uint32_t>(times.size())) {
  const std::size_t pages = (times.size() + kPageRows - 1) / kPageRows;
  pages_.reserve(pages);
  last_.reserve(pages);
  for (std::size_t first = 0; first < times.size(); first += kPageRows) {
    const auto page = times.subspan(first, std::min<std::size_t>(kPageRows, times.size() - first));
    pages_.emplace_back(page);
    last_.push_back(page.back());
  }
}

void EventTimes::read(std::uint32_t first, std::span<TimeMs> out) const {
  CHECK(first + out.size() <= size_);
  while (!out.empty()) {
    const std::uint32_t in_page = first % kPageRows;
    const std::size_t count = std::min<std::size_t>(out.size(), kPageRows - in_page);
    pages_[first / kPageRows].read(in_page, out.first(count));
    out = out.subspan(count);
    first += static_cast<std::uint32_t>(count);
  }
}

template <typename Before>
std::uint32_t EventTimes::first_not(const Before& before) const {
  const auto page = static_cast<std::uint32_t>(
      std::partition_point(last_.begin(), last_.end(), before) - last_.begin());
  if (page == pages_.size()) return size_;
  std::uint32_t low = 0, high = pages_[page].size() - 1;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (before(pages_[page].at(middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return page * kPageRows + low;
}

std::pair<std::uint32_t, std::uint32_t> EventTimes::within(TimeMs from, TimeMs to) const {
  if (size_ == 0 || from > to || from > max() || to < min()) return {0, 0};
  const std::uint32_t first =
      from <= min() ? 0 : first_not([from](TimeMs time) { return time < from; });
  const std::uint32_t last =
      to >= max() ? size_ : first_not([to](TimeMs time) { return time <= to; });
  return {first, last};
}

std::size_t EventTimes::bytes() const {
  std::size_t total = pages_.capacity() * sizeof(PackedInts) + last_.capacity() * sizeof(TimeMs);
  for (const PackedInts& page : pages_)
    total += page.bytes();
  return total;
}

}  // namespace muster::index
