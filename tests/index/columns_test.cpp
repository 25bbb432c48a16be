// Columns, postings and dictionaries against the plain containers they stand for.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "index/column.h"
#include "index/dictionary.h"
#include "index/order_key.h"
#include "index/packed.h"
#include "index/sets/posting.h"
#include "tests/support/random.h"

namespace muster::index {
namespace {

using testing::Random;

// Ordinals crowd around page and block borders.
std::uint32_t interesting_ordinal(Random& random) {
  const std::uint32_t border = random.below(3) * kBlockSize + random.below(3) * kPageSize;
  return border + random.below(40);
}

std::set<std::uint32_t> random_ordinals(Random& random, std::uint32_t most) {
  std::set<std::uint32_t> ordinals;
  for (std::uint32_t i = random.below(most); i > 0; --i) {
    ordinals.insert(interesting_ordinal(random));
  }
  return ordinals;
}

TEST(PackedInts, ReadBackWhatWasPackedAtEveryWidth) {
  Random random;
  for (const std::int64_t span : {1LL, 200LL, 60'000LL, 4'000'000'000LL, 1LL << 60}) {
    SCOPED_TRACE(span);
    std::vector<std::int64_t> values;
    for (int i = 0; i < 300; ++i) {
      values.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span)) - 77);
    }
    const PackedInts packed(values);
    std::vector<std::int64_t> read(values.size());
    packed.read(0, read);
    EXPECT_EQ(values, read);
    EXPECT_EQ(values[123], packed.at(123));
    EXPECT_EQ(*std::min_element(values.begin(), values.end()), packed.min());
    EXPECT_EQ(*std::max_element(values.begin(), values.end()), packed.max());
  }
}

TEST(PackedInts, HoldTheWholeRangeOfInt64) {
  const std::vector<std::int64_t> values = {std::numeric_limits<std::int64_t>::min(), -1, 0,
                                            std::numeric_limits<std::int64_t>::max()};
  const PackedInts packed(values);
  for (std::uint32_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], packed.at(i));
}

TEST(NumberColumn, BehavesLikeAMap) {
  Random random;
  NumberColumn column;
  std::map<std::uint32_t, std::int64_t> model;
  for (int step = 0; step < 300; ++step) {
    std::vector<NumberColumn::Change> changes;
    for (const std::uint32_t ordinal : random_ordinals(random, 60)) {
      if (random.below(4) == 0) {
        changes.push_back({ordinal, std::nullopt});
        model.erase(ordinal);
      } else {
        const auto value = static_cast<std::int64_t>(random()) >> random.below(64);
        changes.push_back({ordinal, value});
        model[ordinal] = value;
      }
    }
    column = column.with(changes);
    ASSERT_EQ(model.size(), column.count()) << "step " << step;
    for (int probe = 0; probe < 50; ++probe) {
      const std::uint32_t ordinal = interesting_ordinal(random);
      const auto expected = model.find(ordinal);
      const auto found = column.at(ordinal);
      ASSERT_EQ(expected != model.end(), found.has_value()) << ordinal;
      if (found) {
        ASSERT_EQ(expected->second, *found) << ordinal;
      }
    }
  }
}

TEST(NumberColumn, AnOlderVersionStaysAsItWas) {
  const NumberColumn::Change first[] = {{7, 1}, {9, 2}};
  const NumberColumn::Change second[] = {{7, 5}, {9, std::nullopt}};
  const NumberColumn before = NumberColumn().with(first);
  const NumberColumn after = before.with(second);
  EXPECT_EQ(1, before.at(7));
  EXPECT_EQ(2, before.at(9));
  EXPECT_EQ(5, after.at(7));
  EXPECT_EQ(std::nullopt, after.at(9));
}

TEST(Page, SelectsTheSlotsWhoseValueIsInARange) {
  Random random;
  for (int round = 0; round < 200; ++round) {
    std::array<std::int64_t, kPageSize> values;
    std::array<std::uint64_t, kPageWords> present;
    // From one byte to eight, with a unit or without; crowded, so that ends of ranges are met.
    const std::uint32_t shift = random.below(40);
    const std::int64_t unit = shift > 30 || random.below(2) == 0 ? 1 : 1 + random.below(100'000);
    for (auto& value : values) {
      const auto steps = static_cast<std::int64_t>(random.below(1'000)) - 500;
      value = ((steps << shift) + static_cast<std::int64_t>(random.below(3))) * unit;
    }
    for (auto& word : present) word = random.below(3) == 0 ? ~0ULL : random();
    present[0] |= 1;
    const PagePtr made = Page::make(values, present);
    const Page& page = *made;
    std::int64_t low = values[random.below(kPageSize)] + random.below(3) - 1;
    std::int64_t high = values[random.below(kPageSize)] + random.below(3) - 1;
    if (low > high && random.below(8) != 0) std::swap(low, high);
    std::array<std::uint64_t, kPageWords> selected = {};
    page.select_range(low, high, selected);
    for (std::uint32_t i = 0; i < kPageSize; ++i) {
      const bool in = page.has(i) && values[i] >= low && values[i] <= high;
      ASSERT_EQ(in, static_cast<bool>((selected[i / 64] >> (i % 64)) & 1)) << "slot " << i;
      if (page.has(i)) {
        ASSERT_EQ(values[i], page.at(i));
      }
    }
    std::vector<std::uint16_t> slots;
    for (std::uint32_t i = 0; i < kPageSize; i += 1 + random.below(30)) {
      slots.push_back(static_cast<std::uint16_t>(3 * kPageSize + i));  // Members of a fourth page.
    }
    std::array<std::int64_t, kPageSize> gathered;
    std::array<bool, kPageSize> is_present;
    page.gather(slots, gathered.data(), is_present.data());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const std::uint32_t slot = slots[i] % kPageSize;
      ASSERT_EQ(page.has(slot), is_present[i]) << slot;
      if (is_present[i]) {
        ASSERT_EQ(values[slot], gathered[i]) << slot;
      }
    }
  }
}

TEST(ListColumn, BehavesLikeAMapOfSets) {
  Random random;
  ListColumn column;
  std::map<std::uint32_t, std::vector<std::uint32_t>> model;
  for (int step = 0; step < 200; ++step) {
    std::vector<ListColumn::Change> changes;
    for (const std::uint32_t ordinal : random_ordinals(random, 40)) {
      if (random.below(4) == 0) {
        changes.push_back({ordinal, false, {}});
        model.erase(ordinal);
        continue;
      }
      std::set<std::uint32_t> codes;
      for (std::uint32_t i = random.below(6); i > 0; --i) codes.insert(random.below(1'000));
      model[ordinal].assign(codes.begin(), codes.end());
      changes.push_back({ordinal, true, model[ordinal]});
    }
    column = column.with(changes);
    ASSERT_EQ(model.size(), column.count());
    for (int probe = 0; probe < 50; ++probe) {
      const std::uint32_t ordinal = interesting_ordinal(random);
      ASSERT_EQ(model.contains(ordinal), column.has(ordinal));
      const auto found = column.at(ordinal);
      ASSERT_EQ(model.contains(ordinal) ? model[ordinal] : std::vector<std::uint32_t>{},
                std::vector<std::uint32_t>(found.begin(), found.end()));
    }
  }
}

TEST(Posting, BehavesLikeASetAcrossAllContainerKinds) {
  Random random;
  Posting posting;
  std::set<Ordinal> model;
  for (int step = 0; step < 120; ++step) {
    std::set<Ordinal> add, remove;
    const std::uint32_t many = random.below(5) == 0 ? 3'000 : 30;
    for (std::uint32_t i = 0; i < many; ++i) {
      const Ordinal ordinal = random.below(2) * kBlockSize + random.below(6'000);
      if (random.below(3) == 0) remove.insert(ordinal);
      else add.insert(ordinal);
    }
    for (const Ordinal ordinal : add) remove.erase(ordinal);
    posting = posting.with(std::vector<Ordinal>(add.begin(), add.end()),
                           std::vector<Ordinal>(remove.begin(), remove.end()));
    for (const Ordinal ordinal : add) model.insert(ordinal);
    for (const Ordinal ordinal : remove) model.erase(ordinal);
    ASSERT_EQ(model.size(), posting.count()) << "step " << step;
    for (Ordinal probe = 0; probe < 6'100; probe += 7) {
      ASSERT_EQ(model.contains(probe), posting.contains(probe)) << "step " << step;
      const Ordinal second = probe + kBlockSize;
      ASSERT_EQ(model.contains(second), posting.contains(second)) << "step " << step;
    }
  }
}

TEST(Posting, AFullBlockIsFull) {
  std::vector<Ordinal> everybody(kBlockSize);
  for (Ordinal i = 0; i < kBlockSize; ++i) everybody[i] = i;
  const Posting posting = Posting().with(everybody, {});
  EXPECT_EQ(ContainerKind::Full, posting.find(0)->kind());
  const Ordinal gone[] = {12};
  const Posting fewer = posting.with({}, gone);
  EXPECT_EQ(kBlockSize - 1, fewer.count());
  EXPECT_FALSE(fewer.contains(12));
  EXPECT_TRUE(fewer.contains(65'535));
}

TEST(Dictionary, GivesEachKeyOneCodeForEver) {
  DictionaryWriter writer;
  std::vector<Dictionary> snapshots;
  for (int i = 0; i < 5'000; ++i) {
    EXPECT_EQ(static_cast<std::uint32_t>(i), writer.add("key " + std::to_string(i)));
    if (i % 1'000 == 0) snapshots.push_back(writer.snapshot());
  }
  EXPECT_EQ(17u, writer.add("key 17"));
  for (std::size_t s = 0; s < snapshots.size(); ++s) {
    const std::uint32_t size = static_cast<std::uint32_t>(s) * 1'000 + 1;
    ASSERT_EQ(size, snapshots[s].size());
    EXPECT_EQ(size - 1, snapshots[s].find("key " + std::to_string(size - 1)));
    EXPECT_EQ(std::nullopt, snapshots[s].find("key " + std::to_string(size)));
    EXPECT_EQ("key 0", snapshots[s].key(0));
  }
}

TEST(Dictionary, TakesEmptyAndLongKeys) {
  DictionaryWriter writer;
  const std::string large(3U << 20, 'x');
  EXPECT_EQ(0u, writer.add(""));
  EXPECT_EQ(1u, writer.add(large));
  EXPECT_EQ(0u, writer.add(""));
  EXPECT_EQ(large, writer.snapshot().key(1));
  EXPECT_EQ(0u, writer.snapshot().find(""));
}

TEST(OrderKey, OrdersDoublesLikeNumbers) {
  const double values[] = {-1e300, -2.5, -0.0, 1e-310, 0.5, 3.0, 1e300};
  for (std::size_t i = 0; i + 1 < std::size(values); ++i) {
    EXPECT_LT(key_of_double(values[i]), key_of_double(values[i + 1])) << values[i];
    EXPECT_EQ(values[i], double_of_key(key_of_double(values[i])));
  }
  EXPECT_EQ(key_of_double(0.0), key_of_double(-0.0));
}

}  // namespace
}  // namespace muster::index
