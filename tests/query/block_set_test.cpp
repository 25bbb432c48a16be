#include "query/execute/block_set.h"

#include <gtest/gtest.h>

#include <bitset>
#include <map>

#include "tests/support/random.h"

namespace muster::query {
namespace {

using Model = std::bitset<kBlockSize>;

// A container of random density, and what it holds.
struct Sample {
  index::ContainerPtr container;
  Model model;
};

Sample random_sample(testing::Random& random) {
  Sample sample;
  static constexpr std::uint32_t kSizes[] = {0, 1, 100, 2'048, 2'049, 30'000, kBlockSize};
  const std::uint32_t size = kSizes[random.below(std::size(kSizes))];
  if (size == kBlockSize) {
    sample.model.set();
  } else {
    for (std::uint32_t i = 0; i < size; ++i) sample.model.set(random.below(kBlockSize));
  }
  std::vector<std::uint16_t> members;
  for (std::uint32_t i = 0; i < kBlockSize; ++i) {
    if (sample.model[i]) members.push_back(static_cast<std::uint16_t>(i));
  }
  sample.container = index::Container::from_sorted(members);
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
    const auto view = [](const Sample& s) {
      return Selection::of(BlockSet::of(s.container.get()));
    };
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
  }
}

}  // namespace
}  // namespace muster::query
