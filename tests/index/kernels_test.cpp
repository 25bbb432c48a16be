// Every kernel set agrees with the scalar one, bit for bit, on blocks of every density.
#include "index/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/support/random.h"

namespace muster::index {
namespace {

using Words = std::array<std::uint64_t, kBlockWords>;

// Each halving leaves half of the bits: 0 is full, 64 is as good as empty.
Words random_block(testing::Random& random, int halvings) {
  Words words;
  for (auto& word : words) {
    word = ~0ULL;
    for (int i = 0; i < halvings; ++i)
      word &= random();
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

// Planes of random people, thinner the higher the weight.
std::vector<std::uint64_t> random_planes(testing::Random& random, std::size_t planes) {
  std::vector<std::uint64_t> words;
  for (std::size_t j = 0; j < planes; ++j) {
    const Words plane = random_block(random, static_cast<int>(1 + 2 * j));
    words.insert(words.end(), plane.begin(), plane.end());
  }
  return words;
}

std::uint64_t value_at(std::span<const std::uint64_t> planes, std::size_t person) {
  std::uint64_t value = 0;
  for (std::size_t j = 0; j * kBlockWords < planes.size(); ++j) {
    value += ((planes[j * kBlockWords + person / 64] >> (person % 64)) & 1) << j;
  }
  return value;
}

TEST(Kernels, EverySetAddsPlanesPersonByPerson) {
  testing::Random random;
  std::vector<std::vector<std::uint64_t>> words;
  std::vector<BitPlanes> addends;
  for (const std::size_t planes : {1, 3, 1, 2, 5, 1}) {
    words.push_back(random_planes(random, planes));
    addends.push_back({words.back().data(), planes});
  }
  for (const Kernels* set : supported_kernels()) {
    SCOPED_TRACE(set->name);
    std::vector<std::uint64_t> sum(7 * kBlockWords, ~0ULL);
    set->add_planes(addends, sum.data(), 7);
    for (std::size_t person = 0; person < 65'536; ++person) {
      std::uint64_t expected = 0;
      for (const auto& each : words)
        expected += value_at(each, person);
      ASSERT_EQ(expected, value_at(sum, person)) << "person " << person;
    }
    set->add_planes({}, sum.data(), 7);
    EXPECT_EQ(sum, std::vector<std::uint64_t>(7 * kBlockWords, 0));
  }
}

TEST(Kernels, EverySetComparesCountersAndPlanes) {
  testing::Random random;
  std::vector<std::uint8_t> counters(65'536);
  for (auto& counter : counters) {
    counter = static_cast<std::uint8_t>(random.below(4) == 0 ? random.below(256) : random.below(5));
  }
  for (const std::size_t planes : {0, 1, 4, 10}) {
    const std::vector<std::uint64_t> words = random_planes(random, planes);
    for (const CounterRange range : {CounterRange{0, 0}, CounterRange{1, 255}, CounterRange{3, 7},
                                     CounterRange{200, 254}, CounterRange{255, 255}}) {
      for (const Kernels* set : supported_kernels()) {
        SCOPED_TRACE(std::string(set->name) + ", planes " + std::to_string(planes));
        Words got;
        set->counts_within(counters.data(), {words.data(), planes}, range, got);
        for (std::size_t person = 0; person < 65'536; ++person) {
          const std::uint64_t sum =
              std::min<std::uint64_t>(255, counters[person] + value_at(words, person));
          ASSERT_EQ(range.low <= sum && sum <= range.high,
                    ((got[person / 64] >> (person % 64)) & 1) != 0)
              << "person " << person;
        }
      }
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
