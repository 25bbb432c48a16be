// Value bitmaps against the plain sets they stand for, through random changes.
#include "index/sets/value_bitmaps.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/random.h"

namespace muster::index {
namespace {

constexpr std::uint32_t kCodes = 150;  // Three pages of values.
constexpr std::uint32_t kBlocks = 3;

using Model = std::map<std::uint32_t, std::set<Ordinal>>;

void expect_equal(const ValueBitmaps& bitmaps, const Model& model) {
  for (std::uint32_t code = 0; code < kCodes; ++code) {
    const auto found = model.find(code);
    const std::set<Ordinal> expected = found == model.end() ? std::set<Ordinal>() : found->second;
    const std::vector<Ordinal> got = bitmaps.bitmap(code).to_vector();
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), got.begin(), got.end())) << code;
    ASSERT_EQ(expected.size(), bitmaps.count(code)) << code;
    for (std::uint32_t block = 0; block < kBlocks; ++block) {
      const bool live = ((bitmaps.live_blocks(code, 0) >> block) & 1) != 0;
      ASSERT_EQ(!bitmaps.find(block, code).empty(), live) << code;
    }
  }
}

// One person of a code, or a stretch of people: arrays, runs, bits and full blocks all come up.
std::vector<Ordinal> some_people(testing::Random& random) {
  static constexpr std::uint32_t kSizes[] = {1, 1, 30, 3'000, 40'000, kBlockSize};
  const std::uint32_t size = kSizes[random.below(std::size(kSizes))];
  const std::uint32_t step = size > 4'000 ? 1 : 1 + random.below(3);
  std::uint32_t first = random.below(kBlocks * kBlockSize - size * step + 1);
  if (size == kBlockSize) first = random.below(kBlocks) * kBlockSize;
  std::vector<Ordinal> people;
  for (std::uint32_t i = 0; i < size; ++i) people.push_back(first + i * step);
  return people;
}

TEST(ValueBitmaps, BehaveLikeSetsThroughChanges) {
  testing::Random random;
  ValueBitmaps bitmaps, older;
  Model model, older_model;
  for (int step = 0; step < 120; ++step) {
    const std::uint32_t code = random.below(3) == 0 ? random.below(kCodes) : random.below(4) * 40;
    std::vector<ValueChange> add, remove;
    for (const Ordinal ordinal : some_people(random)) {
      const bool has = model[code].contains(ordinal);
      if (random.below(8) == 0 && has) {
        remove.push_back({ordinal, code});
        model[code].erase(ordinal);
      } else if (!has) {
        add.push_back({ordinal, code});
        model[code].insert(ordinal);
      }
    }
    bitmaps = bitmaps.with(add, remove);
    if (step == 60) older = bitmaps, older_model = model;
    if (step % 20 == 19) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(bitmaps, model)) << step;
    }
  }
  expect_equal(older, older_model);
}

TEST(ValueBitmaps, EverythingTakenOutLeavesNothing) {
  const ValueChange people[] = {{5, 70}, {70'000, 70}};
  const ValueBitmaps bitmaps = ValueBitmaps().with(people, {}).with({}, people);
  EXPECT_EQ(0U, bitmaps.count(70));
  EXPECT_TRUE(bitmaps.find(0, 70).empty());
  EXPECT_EQ(0U, bitmaps.live_blocks(70, 0));
}

// Every kind of container in one attribute, and what each takes beside the portable format.
TEST(ValueBitmaps, TakeLittleMoreThanThePortableFormat) {
  testing::Random random;
  ValueBitmaps bitmaps;
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    std::vector<std::uint32_t> codes;
    std::vector<std::uint16_t> members;
    for (std::uint32_t i = 0; i < kBlockSize; ++i) {
      codes.push_back(random.below(2) == 0 ? random.below(3) : random.below(kCodes));
      members.push_back(static_cast<std::uint16_t>(i));
    }
    bitmaps.append_block(codes, members, kCodes);
  }
  EXPECT_LE(static_cast<double>(bitmaps.bytes()),
            1.05 * static_cast<double>(bitmaps.portable_bytes()));
}

}  // namespace
}  // namespace muster::index
