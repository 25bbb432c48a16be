// Every kernel set agrees with the scalar one, bit for bit, on blocks of every density.
#include "index/kernels/kernels.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/random.h"

namespace muster::index {
namespace {

using Words = std::array<std::uint64_t, kBlockWords>;

// Each halving leaves half of the bits: 0 is full, 64 is as good as empty.
Words random_block(testing::Random& random, int halvings) {
  Words words;
  for (auto& word : words) {
    word = ~0ULL;
    for (int i = 0; i < halvings; ++i) word &= random();
  }
  return words;
}

TEST(Kernels, EverySetAgreesWithScalar) {
  testing::Random random;
  const Kernels& scalar = *supported_kernels().front();
  for (const Kernels* set : supported_kernels()) {
    for (const int halvings : {0, 1, 3, 10, 64}) {
      SCOPED_TRACE(std::string(set->name) + ", halvings " + std::to_string(halvings));
      const Words a = random_block(random, halvings);
      const Words b = random_block(random, 1);
      Words expected, got;

      EXPECT_EQ(scalar.count(a), set->count(a));
      EXPECT_EQ(scalar.and_count(a, b), set->and_count(a, b));
      EXPECT_EQ(scalar.andnot_count(a, b), set->andnot_count(a, b));
      EXPECT_EQ(scalar.and_write(a, b, expected), set->and_write(a, b, got));
      EXPECT_EQ(expected, got);
      EXPECT_EQ(scalar.or_write(a, b, expected), set->or_write(a, b, got));
      EXPECT_EQ(expected, got);
      EXPECT_EQ(scalar.andnot_write(a, b, expected), set->andnot_write(a, b, got));
      EXPECT_EQ(expected, got);
    }
  }
}

TEST(Kernels, ScalarCountsBitsOneByOne) {
  testing::Random random;
  const Words a = random_block(random, 2);
  const Words b = random_block(random, 1);
  std::uint32_t in_a = 0, both = 0, only_a = 0;
  for (std::uint32_t bit = 0; bit < 65'536; ++bit) {
    const bool has_a = (a[bit / 64] >> (bit % 64)) & 1, has_b = (b[bit / 64] >> (bit % 64)) & 1;
    in_a += has_a;
    both += has_a && has_b;
    only_a += has_a && !has_b;
  }
  const Kernels& scalar = *supported_kernels().front();
  EXPECT_EQ(in_a, scalar.count(a));
  EXPECT_EQ(both, scalar.and_count(a, b));
  EXPECT_EQ(only_a, scalar.andnot_count(a, b));
}

TEST(Kernels, ADestinationMayBeASource) {
  testing::Random random;
  for (const Kernels* set : supported_kernels()) {
    SCOPED_TRACE(set->name);
    Words a = random_block(random, 1);
    const Words b = random_block(random, 1);
    Words expected;
    set->and_write(a, b, expected);
    set->and_write(a, b, a);
    EXPECT_EQ(expected, a);
  }
}

}  // namespace
}  // namespace muster::index
