// The kernel of groups: what `count("buy" per basket having (sum(amount) >= 150))` is told by.
//
// Of its own and not one of Kernels, because nothing else knows what an event's row is.
// Thread safety: any thread.
#pragma once

#include "index/kernels/kernels.h"

namespace muster::index {

// Rows of people who stand side by side. An event: its key in the lower half, its value, signed, in
// the upper one. The memory behind both is readable for 64 entries more, whatever stands there.
struct GroupRows {
  const std::uint64_t* events = nullptr;
  const std::uint16_t* people = nullptr;  // By row: whose it is.
  std::uint32_t size = 0;
};

// Which groups pass, by their rows and what their values add up to; both ends belong.
struct GroupRange {
  std::int64_t count_low = 0, count_high = 0, sum_low = 0, sum_high = 0;
};

// Of 64 rows, those that are the first one of their person with their key, and whose group, they
// and the later ones of both, passes. sums[k] is what the values of the group of row first + k add
// up to, where the bit is set.  Requires first a multiple of 64, calls in ascending order over
// the same `known`: a bit a row, and 128 more, all 0 before the first.
// Cost: each row is compared with the later ones of its person, eight rows at a time.
using GroupsKernel = std::uint64_t (*)(const GroupRows& rows, std::uint32_t first,
                                       const GroupRange& asked, std::uint64_t* known,
                                       std::int64_t* sums);

// That of the set, which this processor runs.
GroupsKernel groups_kernel(const Kernels& set);

}  // namespace muster::index
