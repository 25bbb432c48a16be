// Every kernel set agrees with the scalar one, bit for bit, on blocks of every density.
#include "index/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
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

TEST(Kernels, FusedPassesAgreeWithPairs) {
  testing::Random random;
  for (const Kernels* set : supported_kernels()) {
    SCOPED_TRACE(set->name);
    for (std::size_t takes = 1; takes <= kFusedMax; takes += 5) {
      std::vector<Words> words;
      for (std::size_t i = 0; i < takes + 2; ++i) words.push_back(random_block(random, 1));
      FusedSets sets;
      Words all = words[0], any = words[0];
      for (std::size_t i = 0; i < takes; ++i) {
        sets.take[sets.takes++] = words[i].data();
        for (std::size_t w = 0; w < kBlockWords; ++w) all[w] &= words[i][w], any[w] |= words[i][w];
      }
      for (std::size_t i = takes; i < takes + 2; ++i) {
        sets.drop[sets.drops++] = words[i].data();
        for (std::size_t w = 0; w < kBlockWords; ++w) all[w] &= ~words[i][w];
      }
      Words got;
      EXPECT_EQ(set->count(all), set->all_of(sets, got.data()));
      EXPECT_EQ(all, got);
      EXPECT_EQ(set->count(all), set->all_of(sets, nullptr));
      EXPECT_EQ(set->count(any), set->any_of(sets, got.data()));
      EXPECT_EQ(any, got);
    }
  }
}

template <typename T>
void expect_columns_agree(testing::Random& random, const Kernels& set) {
  SCOPED_TRACE(std::string(set.name) + ", bytes " + std::to_string(sizeof(T)));
  std::vector<T> values(1'024);
  for (auto& value : values) value = static_cast<T>(random() >> random.below(8 * sizeof(T)));
  std::vector<std::uint64_t> table(1 + random.below(40));
  for (auto& word : table) word = random();
  const std::uint32_t size = 1 + random.below(1'024);
  const PackedView view{.values = reinterpret_cast<const std::byte*>(values.data()), .size = size,
                        .width = sizeof(T)};
  std::uint64_t low = values[random.below(size)], high = values[random.below(size)];
  if (low > high) std::swap(low, high);
  std::array<std::uint64_t, 16> in_range, in_table;
  set.select_range(view, low, high, in_range.data());
  set.select_codes(view, table.data(), table.size() * 64, in_table.data());
  for (std::uint32_t i = 0; i < (size + 63) / 64 * 64; ++i) {
    const bool is_value = i < size;
    const std::uint64_t value = is_value ? values[i] : 0;
    const bool coded = value < table.size() * 64 && ((table[value / 64] >> (value % 64)) & 1);
    ASSERT_EQ(is_value && value >= low && value <= high, (in_range[i / 64] >> (i % 64)) & 1) << i;
    ASSERT_EQ(is_value && coded, (in_table[i / 64] >> (i % 64)) & 1) << i;
  }
  const auto base = static_cast<std::int64_t>(random());
  std::vector<std::int64_t> unpacked(size);
  set.unpack(view, base, unpacked.data());
  for (std::uint32_t i = 0; i < size; ++i) {
    ASSERT_EQ(static_cast<std::uint64_t>(base) + values[i],
              static_cast<std::uint64_t>(unpacked[i]))
        << i;
  }
}

TEST(Kernels, EverySetReadsColumns) {
  testing::Random random;
  for (const Kernels* set : supported_kernels()) {
    for (int round = 0; round < 60; ++round) {
      expect_columns_agree<std::uint8_t>(random, *set);
      expect_columns_agree<std::uint16_t>(random, *set);
      expect_columns_agree<std::uint32_t>(random, *set);
      expect_columns_agree<std::uint64_t>(random, *set);
    }
  }
}

TEST(Kernels, EverySetDepositsBits) {
  testing::Random random;
  const Kernels& scalar = *supported_kernels().front();
  const Words bits = random_block(random, 0), where = random_block(random, 1);
  for (const Kernels* set : supported_kernels()) {
    Words expected, got;
    scalar.deposit(bits.data(), where.data(), kBlockWords, expected.data());
    set->deposit(bits.data(), where.data(), kBlockWords, got.data());
    EXPECT_EQ(expected, got) << set->name;
    EXPECT_EQ(where, got) << "all bits, so all positions";
  }
}

std::vector<std::uint16_t> random_array(testing::Random& random, std::uint32_t size) {
  std::set<std::uint16_t> members;
  // Crowded ones meet in most members.
  const std::uint32_t spread = random.below(2) == 0 ? size + size / 2 + 1 : 65'536;
  while (members.size() < size) members.insert(static_cast<std::uint16_t>(random.below(spread)));
  return {members.begin(), members.end()};
}

TEST(Kernels, EverySetFiltersArrays) {
  testing::Random random;
  static constexpr std::uint32_t kSizes[] = {0, 1, 7, 8, 16, 17, 100, 700, 2'048};
  for (const Kernels* set : supported_kernels()) {
    SCOPED_TRACE(set->name);
    for (int round = 0; round < 100; ++round) {
      const auto a = random_array(random, kSizes[random.below(std::size(kSizes))]);
      const auto b = random_array(random, kSizes[random.below(std::size(kSizes))]);
      std::vector<std::uint16_t> both, only_a;
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
      std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only_a));
      Words words{};
      for (const std::uint16_t m : b) words[m / 64] |= 1ULL << (m % 64);
      const auto got = [&](const auto& kernel, const auto& other) {
        std::vector<std::uint16_t> out(a);
        out.resize(std::max(a.size(), b.size()) + 16);
        const std::uint32_t counted = kernel(a, other, nullptr);
        // In place.
        out.resize(kernel(std::span<const std::uint16_t>(out).first(a.size()), other, out.data()));
        EXPECT_EQ(out.size(), counted);
        return out;
      };
      EXPECT_EQ(both, got(set->intersect_arrays, std::span<const std::uint16_t>(b)));
      EXPECT_EQ(both, got(set->filter_in, Block(words)));
      EXPECT_EQ(only_a, got(set->filter_out, Block(words)));
      Words other{};
      for (std::uint64_t& word : other) word = random();
      const auto counted = [&](const Words* take, const Words* second, const Words* drop) {
        FusedSets sets;
        for (const Words* one : {take, second}) {
          if (one != nullptr) sets.take[sets.takes++] = one->data();
        }
        if (drop != nullptr) sets.drop[sets.drops++] = drop->data();
        return set->count_in(a, sets);
      };
      const auto in = [](const Words& all, std::uint16_t m) {
        return (all[m / 64] >> (m % 64)) & 1;
      };
      std::uint32_t both_sets = 0, without_other = 0;
      for (const std::uint16_t m : a) {
        both_sets += in(words, m) & in(other, m) ? 1 : 0;
        without_other += in(words, m) & ~in(other, m) & 1 ? 1 : 0;
      }
      EXPECT_EQ(a.size(), counted(nullptr, nullptr, nullptr));
      EXPECT_EQ(both_sets, counted(&words, &other, nullptr));
      EXPECT_EQ(without_other, counted(&words, nullptr, &other));
      EXPECT_EQ(only_a.size(), counted(nullptr, nullptr, &words));
    }
  }
}

TEST(Kernels, EverySetListsTheMembersOfABlock) {
  testing::Random random;
  for (const Kernels* set : supported_kernels()) {
    for (const int halvings : {0, 1, 3, 6, 64}) {
      const Words words = random_block(random, halvings);
      std::vector<std::uint16_t> expected, got(65'536 + 16);
      for (std::uint32_t i = 0; i < 65'536; ++i) {
        if ((words[i / 64] >> (i % 64)) & 1) expected.push_back(static_cast<std::uint16_t>(i));
      }
      got.resize(set->members_of(words, got.data()));
      EXPECT_EQ(expected, got) << set->name;
    }
  }
}

}  // namespace
}  // namespace muster::index
