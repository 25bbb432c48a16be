// Some people who are asked together, and a bit for each of them.
//
// Thread safety: values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "index/generation.h"

namespace muster::query {

// A bit per person of a list; bits past the last one mean nothing.
inline constexpr std::size_t kPeopleAtOnce = 1'024;
using PeopleMask = std::array<std::uint64_t, kPeopleAtOnce / 64>;

// Their places in the list are 0, 1, 2 and so on; blocks are those of the index.
class PeopleList {
 public:
  // Requires 1 to kPeopleAtOnce people, strictly ascending.
  void assign(std::span<const index::Ordinal> people);

  std::size_t size() const { return people_.size(); }
  // Of a mask, that say something.
  std::size_t words() const { return (people_.size() + 63) / 64; }
  std::span<const index::Ordinal> people() const { return people_; }

  // Those of one block.
  struct Part {
    std::uint32_t block = 0;
    std::uint32_t first = 0, count = 0;  // Places.
  };
  std::span<const Part> parts() const { return parts_; }
  // By place less part.first: who, within the block.
  std::span<const std::uint16_t> listed(const Part& part) const {
    return std::span(listed_).subspan(part.first, part.count);
  }

 private:
  std::vector<index::Ordinal> people_;
  std::vector<std::uint16_t> listed_;
  std::vector<Part> parts_;
};

}  // namespace muster::query
