// Every kernel set finds the groups that comparing every row with every row finds.
#include "index/kernels/groups.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/random.h"

namespace muster::index {
namespace {

// Rows by person, of mostly few each, and now and then of more than a word has bits.
TEST(GroupsKernel, EverySetFindsGroups) {
  testing::Random random;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> events;
    std::vector<std::uint16_t> people;
    const std::uint32_t keys = 1 + random.below(6);
    for (std::uint32_t person = 0; people.size() < 1 + random.below(700); ++person) {
      const std::uint32_t own = 1 + random.below(random.below(20) == 0 ? 150 : 6);
      for (std::uint32_t i = 0; i < own; ++i) {
        const auto value = static_cast<std::uint64_t>(random.below(100)) - 50;
        events.push_back(value << 32 | (random.below(keys) * 0x7fff'ffffU));
        people.push_back(static_cast<std::uint16_t>(65'530 + person));
      }
    }
    const auto size = static_cast<std::uint32_t>(people.size());
    const GroupRange asked{.count_low = random.below(3), .count_high = 2 + random.below(90),
                           .sum_low = -static_cast<std::int64_t>(random.below(80)),
                           .sum_high = random.below(80)};
    std::vector<std::uint64_t> expected((size + 63) / 64);
    std::vector<std::int64_t> sums(expected.size() * 64);
    for (std::uint32_t i = 0; i < size; ++i) {
      bool is_first = true;
      std::int64_t count = 0;
      for (std::uint32_t j = 0; j < size; ++j) {
        const bool is_same = people[j] == people[i] && static_cast<std::uint32_t>(events[j]) ==
                                                           static_cast<std::uint32_t>(events[i]);
        is_first = is_first && !(is_same && j < i);
        count += is_same;
        sums[i] += is_same ? static_cast<std::int32_t>(events[j] >> 32) : 0;
      }
      const bool passes = is_first && asked.count_low <= count && count <= asked.count_high &&
                          asked.sum_low <= sums[i] && sums[i] <= asked.sum_high;
      expected[i / 64] |= std::uint64_t{passes} << (i % 64);
    }
    // Behind the rows anything may stand: as the first person's rows, or the last one's.
    people.resize(size + 64, random.below(2) == 0 ? people.front() : people.back());
    events.resize(size + 64, events.front());
    for (const Kernels* set : supported_kernels()) {
      SCOPED_TRACE(set->name);
      std::vector<std::uint64_t> known(expected.size() + 2);
      std::array<std::int64_t, 64> got{};
      for (std::uint32_t first = 0; first < size; first += 64) {
        const GroupRows rows{events.data(), people.data(), size};
        ASSERT_EQ(expected[first / 64],
                  groups_kernel(*set)(rows, first, asked, known.data(), got.data()));
        for (std::uint32_t k = 0; k < 64; ++k) {
          const bool is_told = (expected[first / 64] >> k) & 1;
          ASSERT_EQ(is_told ? sums[first + k] : 0, is_told ? got[k] : 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace muster::index
