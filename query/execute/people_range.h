// Which people of a block are asked: a stretch of them, or some one by one.
//
// Thread safety: immutable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace muster::query {

struct PeopleRange {
  std::uint32_t block = 0;
  std::uint32_t first = 0;  // Within the block.
  std::uint32_t count = 0;
  // Empty: [first, first + count). Else these and no others, ascending; `count` of them, `first` 0.
  std::span<const std::uint16_t> listed = {};

  static PeopleRange of(std::uint32_t block, std::span<const std::uint16_t> people) {
    return {.block = block, .first = 0, .count = static_cast<std::uint32_t>(people.size()),
            .listed = people};
  }
  // Results stand by place, from 0 on.
  std::uint16_t person_at(std::uint32_t place) const {
    return listed.empty() ? static_cast<std::uint16_t>(first + place) : listed[place];
  }
  // Requires somebody of the range.  Cost: O(log count) where people are listed.
  std::uint32_t place_of(std::uint16_t person) const {
    if (listed.empty()) return person - first;
    const auto found = std::lower_bound(listed.begin(), listed.end(), person);
    return static_cast<std::uint32_t>(found - listed.begin());
  }
};

}  // namespace muster::query
