// Attributes built whole hold what was given, in columns and in value bitmaps.
#include "index/bulk.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tests/support/random.h"

namespace muster::index {
namespace {

constexpr std::uint32_t kPeople = kBlockSize + 5'000;

Dictionary words(std::uint32_t count) {
  DictionaryWriter writer;
  for (std::uint32_t i = 0; i < count; ++i) writer.add("word " + std::to_string(i));
  return writer.snapshot();
}

TEST(BulkAttribute, HoldsEveryValueAndItsPeople) {
  testing::Random random;
  const std::uint32_t codes = 40;
  std::vector<std::optional<std::int64_t>> model(kPeople);
  // A few codes are frequent, most are rare: every kind of container.
  for (auto& value : model) {
    if (random.below(4) != 0) value = random.below(2) ? random.below(2) : random.below(codes);
  }
  BulkAttribute bulk({Type::String, false, 0}, words(codes));
  for (std::uint32_t first = 0; first < kPeople; first += kBlockSize) {
    const std::uint32_t count = std::min(kBlockSize, kPeople - first);
    std::vector<std::int64_t> keys(count);
    std::vector<std::uint64_t> present((count + 63) / 64);
    for (std::uint32_t i = 0; i < count; ++i) {
      keys[i] = model[first + i].value_or(77'777);
      if (model[first + i]) present[i / 64] |= 1ULL << (i % 64);
    }
    bulk.add_block(keys, present);
  }
  const auto attribute = bulk.finish();
  for (std::uint32_t i = 0; i < kPeople; ++i) {
    ASSERT_EQ(model[i], attribute->single.at(i)) << i;
    for (std::uint32_t code = 0; code < codes; ++code) {
      ASSERT_EQ(model[i] == code, attribute->bitmaps.contains(code, i)) << i << " " << code;
    }
  }
}

TEST(BulkAttribute, HoldsListsAndWhoHasEachElement) {
  testing::Random random;
  const std::uint32_t codes = 12;
  BulkAttribute bulk({Type::String, true, 0}, words(codes));
  std::vector<std::set<std::uint32_t>> model(kPeople);
  for (std::uint32_t first = 0; first < kPeople; first += kBlockSize) {
    const std::uint32_t count = std::min(kBlockSize, kPeople - first);
    std::vector<std::uint32_t> ends, flat;
    for (std::uint32_t i = 0; i < count; ++i) {
      for (std::uint32_t n = random.below(4); n > 0; --n) {
        model[first + i].insert(random.below(codes));
      }
      flat.insert(flat.end(), model[first + i].begin(), model[first + i].end());
      ends.push_back(static_cast<std::uint32_t>(flat.size()));
    }
    bulk.add_block(ends, flat, {});
  }
  const auto attribute = bulk.finish();
  for (std::uint32_t i = 0; i < kPeople; ++i) {
    const auto list = attribute->list.at(i);
    ASSERT_TRUE(std::equal(list.begin(), list.end(), model[i].begin(), model[i].end())) << i;
    for (std::uint32_t code = 0; code < codes; ++code) {
      ASSERT_EQ(model[i].contains(code), attribute->bitmaps.contains(code, i));
    }
  }
}

TEST(Everybody, EndsWithTheLastOrdinal) {
  for (const std::uint32_t ordinals : {0U, 1U, 64U, 65'535U, 65'536U, 65'537U, 200'000U}) {
    const Posting all = everybody(ordinals);
    EXPECT_EQ(ordinals, all.count());
    EXPECT_FALSE(all.contains(ordinals));
    EXPECT_EQ(ordinals > 0, ordinals > 0 && all.contains(ordinals - 1));
  }
}

}  // namespace
}  // namespace muster::index
