// Every kernel set finds the pairs that a look at each finds.
#include "index/kernels/pairs.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/random.h"

namespace muster::index {
namespace {

TEST(PairsKernel, EverySetFindsPairs) {
  testing::Random random;
  for (int round = 0; round < 500; ++round) {
    const unsigned shift = 11 + random.below(16);
    std::vector<std::uint64_t> table(std::size_t{1} << (26 - shift));
    for (std::uint64_t& word : table) word = random();
    std::array<std::uint16_t, 64> people{};
    std::array<std::int64_t, 64> keys{};
    const unsigned narrowed = random.below(64);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      people[i] = static_cast<std::uint16_t>(random());
      keys[i] = static_cast<std::int64_t>(random()) >> narrowed;
      const std::uint32_t bit = pair_bit(people[i], keys[i], shift);
      ASSERT_LT(bit, table.size() * 64);
      expected |= (table[bit / 64] >> (bit % 64) & 1) << i;
    }
    for (const Kernels* set : supported_kernels()) {
      SCOPED_TRACE(set->name);
      EXPECT_EQ(expected, pairs_kernel(*set)(people.data(), keys.data(), table.data(), shift));
    }
  }
}

// Of floating numbers as keys only the upper bits differ.
TEST(PairsKernel, KeysThatDifferAboveStandApart) {
  constexpr unsigned kShift = 11;
  std::vector<bool> table(std::size_t{1} << (32 - kShift));
  std::size_t bits = 0;
  for (std::int64_t key = 0; key < 1'000; ++key) {
    const std::uint32_t bit = pair_bit(7, key << 48, kShift);
    bits += table[bit] ? 0 : 1;
    table[bit] = true;
  }
  EXPECT_GE(bits, 990U);
}

}  // namespace
}  // namespace muster::index
