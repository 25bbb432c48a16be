#include "query/execute/selection.h"

#include <gtest/gtest.h>

#include <bitset>
#include <map>

#include "index/sets/value_page.h"
#include "tests/support/random.h"

namespace muster::query {
namespace {

using Model = std::bitset<kBlockSize>;

// A container of random density and kind, and what it holds.
struct Sample {
  index::ValuePagePtr page;
  Model model;
  BlockSet set() const { return page ? page->find(0) : BlockSet{}; }
};

Model random_model(testing::Random& random) {
  Model model;
  if (random.below(3) == 0) {
    // A few long runs.
    for (std::uint32_t n = random.below(20); n > 0; --n) {
      const std::uint32_t first = random.below(kBlockSize), size = random.below(4'000);
      for (std::uint32_t i = first; i < std::min(first + size, kBlockSize); ++i) model.set(i);
    }
    return model;
  }
  static constexpr std::uint32_t kSizes[] = {0, 1, 100, 500, 2'048, 2'049, 30'000, kBlockSize};
  const std::uint32_t size = kSizes[random.below(std::size(kSizes))];
  if (size == kBlockSize) return model.set();
  for (std::uint32_t i = 0; i < size; ++i) model.set(random.below(kBlockSize));
  return model;
}

Sample random_sample(testing::Random& random) {
  Sample sample{.page = nullptr, .model = random_model(random)};
  std::vector<std::uint16_t> members;
  for (std::uint32_t i = 0; i < kBlockSize; ++i) {
    if (sample.model[i]) members.push_back(static_cast<std::uint16_t>(i));
  }
  index::ValuePageBuilder builder;
  builder.add(0, members);
  sample.page = builder.finish();
  return sample;
}

Model model_of(const BlockSet& set) {
  std::vector<std::uint64_t> words(kBlockWords, 0);
  or_into(set, index::MutableBlock(words.data(), kBlockWords));
  Model model;
  for (std::uint32_t i = 0; i < kBlockSize; ++i) model[i] = (words[i / 64] >> (i % 64)) & 1;
  return model;
}

TEST(BlockSet, CombinesLikeSets) {
  testing::Random random;
  Scratch scratch;
  for (int step = 0; step < 120; ++step) {
    const Sample a = random_sample(random), b = random_sample(random), c = random_sample(random);
    const auto view = [](const Sample& s) { return Selection::of(s.set()); };
    // Twice over, so that both fresh views and owned buffers are operands.
    const Selection both = intersect(intersect(view(a), view(b), scratch), view(c), scratch);
    const Selection any = unite(unite(view(a), view(b), scratch), view(c), scratch);
    const Selection left = subtract(unite(view(a), view(b), scratch), view(c), scratch);
    const Selection gone = subtract(view(c), intersect(view(a), view(b), scratch), scratch);
    ASSERT_EQ(a.model & b.model & c.model, model_of(both.set));
    ASSERT_EQ(a.model | b.model | c.model, model_of(any.set));
    ASSERT_EQ((a.model | b.model) & ~c.model, model_of(left.set));
    ASSERT_EQ(c.model & ~(a.model & b.model), model_of(gone.set));
    ASSERT_EQ((a.model & b.model).count(), intersect_count(view(a).set, view(b).set));
    ASSERT_EQ((a.model & ~b.model).count(), subtract_count(view(a).set, view(b).set));
    ASSERT_EQ(any.set.kind == SetKind::Empty, (a.model | b.model | c.model).none());
    ASSERT_EQ(any.set.count, (a.model | b.model | c.model).count());
    ASSERT_EQ(left.set.count, ((a.model | b.model) & ~c.model).count());
    const BlockSet all[] = {a.set(), b.set(), c.set()};
    ASSERT_EQ(a.model | b.model | c.model, model_of(united(all, scratch).set));
  }
}

TEST(BlockSet, KnowsItsMembersWhateverItsKind) {
  testing::Random random;
  for (int step = 0; step < 60; ++step) {
    const Sample a = random_sample(random);
    ASSERT_EQ(a.model.count(), a.set().count);
    for (int probe = 0; probe < 200; ++probe) {
      const auto member = static_cast<std::uint16_t>(random.below(kBlockSize));
      ASSERT_EQ(a.model[member], a.set().contains(member)) << member;
    }
  }
}

// More sets than one pass reads, taken and dropped.
TEST(Selection, ReducesAnyNumberOfBitSets) {
  testing::Random random;
  Scratch scratch;
  for (const std::size_t takes : {0U, 1U, 3U, 16U, 17U, 40U}) {
    for (const std::size_t drops : {0U, 1U, 16U, 35U}) {
      SCOPED_TRACE(std::to_string(takes) + " taken, " + std::to_string(drops) + " dropped");
      std::vector<std::array<std::uint64_t, kBlockWords>> words(takes + drops);
      BitSets sets;
      std::array<std::uint64_t, kBlockWords> expected;
      expected.fill(~std::uint64_t{0});
      for (std::size_t i = 0; i < words.size(); ++i) {
        for (std::size_t w = 0; w < kBlockWords; ++w) {
          // Few are missing from what is taken, few are in what is dropped.
          const std::uint64_t rare = random() & random() & random();
          words[i][w] = i < takes ? ~rare : rare;
          expected[w] &= ~rare;
        }
        (i < takes ? sets.take : sets.drop).push_back(words[i].data());
      }
      const Selection all = all_of(sets, scratch);
      ASSERT_EQ(index::kernels().count(Block(expected)), all.set.count);
      ASSERT_EQ(all.set.count, count_all_of(sets, scratch));
      if (all.set.kind == SetKind::Bits) {
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), all.set.words()));
      }
    }
  }
}

}  // namespace
}  // namespace muster::query
