// Every kernel set finds the pairs that a look at each finds.
#include "index/kernels/pairs.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "tests/support/random.h"

namespace muster::index {
namespace {

TEST(PairsKernels, EverySetFindsPairs) {
  testing::Random random;
  for (int round = 0; round < 500; ++round) {
    const unsigned shift = 16 + random.below(11);
    std::vector<std::uint32_t> table(std::size_t{1} << (32 - shift));
    for (std::uint32_t& word : table) word = static_cast<std::uint32_t>(random() | random());
    std::array<std::uint16_t, 64> people{};
    std::array<std::int64_t, 64> keys{};
    const unsigned narrowed = random.below(64);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      people[i] = static_cast<std::uint16_t>(random());
      keys[i] = static_cast<std::int64_t>(random()) >> narrowed;
      const PairMark mark = pair_mark(people[i], keys[i], shift);
      ASSERT_LT(mark.word, table.size());
      expected |= std::uint64_t{(table[mark.word] & mark.bits) == mark.bits} << i;
    }
    for (const Kernels* set : supported_kernels()) {
      SCOPED_TRACE(set->name);
      const PairsKernels& kernels = pairs_kernels(*set);
      EXPECT_EQ(expected, kernels.known(people.data(), keys.data(), table.data(), shift));
      std::array<PairMark, 64> marks;
      kernels.marks(people.data(), keys.data(), shift, marks.data());
      for (std::uint32_t i = 0; i < 64; ++i) {
        const PairMark mark = pair_mark(people[i], keys[i], shift);
        EXPECT_EQ(mark.word, marks[i].word);
        EXPECT_EQ(mark.bits, marks[i].bits);
      }
    }
  }
}

// Of floating numbers as keys only the upper bits differ.
TEST(PairsKernels, KeysThatDifferAboveStandApart) {
  constexpr unsigned kShift = 16;
  std::set<std::pair<std::uint32_t, std::uint32_t>> marks;
  for (std::int64_t key = 0; key < 1'000; ++key) {
    const PairMark mark = pair_mark(7, key << 48, kShift);
    marks.emplace(mark.word, mark.bits);
  }
  EXPECT_GE(marks.size(), 990U);
}

// A table with sixteen bits a pair takes few others for its own.
TEST(PairsKernels, FewStrangersSeemKnown) {
  testing::Random random;
  constexpr unsigned kShift = 20;
  constexpr std::size_t kPairs = std::size_t{1} << (32 - kShift) << 1;
  std::vector<std::uint32_t> table(std::size_t{1} << (32 - kShift));
  for (std::size_t i = 0; i < kPairs; ++i) {
    const PairMark mark = pair_mark(static_cast<std::uint16_t>(i), i / 3 % 1'000, kShift);
    table[mark.word] |= mark.bits;
  }
  std::size_t known = 0;
  for (std::size_t i = 0; i < 100'000; ++i) {
    const PairMark mark = pair_mark(static_cast<std::uint16_t>(random()),
                                    1'000 + random.below(1'000), kShift);
    known += (table[mark.word] & mark.bits) == mark.bits ? 1 : 0;
  }
  EXPECT_LT(known, 4'000U);  // 1.4 % if bits were evenly spread; more, as few bits are random.
}

}  // namespace
}  // namespace muster::index
