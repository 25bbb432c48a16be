#include "query/plan/ranges.h"

#include <gtest/gtest.h>

#include "tests/support/random.h"

namespace muster::query {
namespace {

constexpr std::int64_t kSmall = 60;

RangeSet random_set(testing::Random& random) {
  std::vector<Range> ranges;
  for (std::uint32_t n = random.below(5); n > 0; --n) {
    const Int128 low = static_cast<Int128>(random.below(kSmall));
    ranges.push_back({low, low + static_cast<Int128>(random.below(8)) - 1});
  }
  return RangeSet::of(std::move(ranges));
}

TEST(RangeSet, BehavesLikeASetOfNumbers) {
  testing::Random random;
  for (int step = 0; step < 2'000; ++step) {
    const RangeSet a = random_set(random), b = random_set(random);
    const RangeSet neither = a.complement(), both = a.intersect(b);
    for (Int128 key = -2; key < kSmall + 10; ++key) {
      ASSERT_EQ(!a.contains(key), neither.contains(key));
      ASSERT_EQ(a.contains(key) && b.contains(key), both.contains(key));
      ASSERT_EQ(a.contains(key), KeyTest(a).matches(static_cast<std::int64_t>(key)));
    }
  }
}

TEST(RangeSet, ComplementOfNothingIsAll) {
  EXPECT_TRUE(RangeSet::none().complement().is_all());
  EXPECT_TRUE(RangeSet::all().complement().empty());
  EXPECT_TRUE(RangeSet::between(5, 4).empty());
}

TEST(KeyTest, KeepsRangesThatReachBeyond64Bits) {
  const KeyTest test(RangeSet::at_least(Int128{1} << 62));
  EXPECT_TRUE(test.matches(std::numeric_limits<std::int64_t>::max()));
  EXPECT_FALSE(test.matches(0));
  EXPECT_TRUE(KeyTest(RangeSet::at_least(Int128{1} << 70)).never());
}

TEST(KeyTest, ListsThePassingCodesUpToALimit) {
  const KeyTest ranges(RangeSet::of({{1, 2}, {5, 900}}));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2, 5, 6}), ranges.codes_passing(7, 10));
  EXPECT_EQ((std::vector<std::uint32_t>{1, 2, 5}), ranges.codes_passing(7, 3));
  const KeyTest bits(std::vector<std::uint64_t>{0b1010});
  EXPECT_EQ((std::vector<std::uint32_t>{1, 3}), bits.codes_passing(100, 10));
  EXPECT_FALSE(bits.matches(-1));
  EXPECT_FALSE(bits.matches(64));
}

}  // namespace
}  // namespace muster::query
