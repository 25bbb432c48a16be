#include "index/sets/bitmap.h"

#include <gtest/gtest.h>
#include <roaring/roaring.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/random.h"
#include "tests/support/shared_data.h"

namespace muster::index {
namespace {

using Model = std::set<Ordinal>;

std::uint64_t seed_of_run() {
  const char* given = std::getenv("MUSTER_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10)
                                              : SystemRandom().next();
  std::printf("MUSTER_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// Members in several blocks, in all three shapes: sparse, dense and runs.
Model random_members(SeededRandom& random) {
  Model members;
  for (std::uint64_t blocks = random.below(7); blocks > 0; --blocks) {
    const Ordinal base = static_cast<Ordinal>(random.below(5) * 65'536 * (1 + random.below(3)));
    const std::uint64_t shape = random.below(4);
    const std::uint64_t amount = shape == 0 ? random.below(50) : random.below(9'000);
    for (std::uint64_t i = 0; i < amount; ++i) {
      const std::uint64_t low = shape == 2 ? i * 3 % 65'536 : random.below(65'536);
      if (shape != 3) members.insert(base + static_cast<Ordinal>(low));
      if (shape == 3) members.insert(base + static_cast<Ordinal>(i + (i / 500) * 90) % 65'536);
    }
  }
  if (random.below(4) == 0) members.insert({0, 0xffff'ffff});
  return members;
}

Bitmap bitmap_of(const Model& members) {
  return Bitmap::from_sorted(std::vector<Ordinal>(members.begin(), members.end()));
}

Model model_of(const Bitmap& bitmap) {
  const std::vector<Ordinal> members = bitmap.to_vector();
  return {members.begin(), members.end()};
}

std::string serialised_by_croaring(const Bitmap& bitmap) {
  std::string bytes(roaring_bitmap_portable_size_in_bytes(bitmap.raw()), '\0');
  roaring_bitmap_portable_serialize(bitmap.raw(), bytes.data());
  return bytes;
}

// The text between the quotes that follow `key` in one manifest line.
std::string field_of(const std::string& line, const std::string& key) {
  const std::size_t at = line.find("\"" + key + "\": \"");
  if (at == std::string::npos) return "";
  const std::size_t from = at + key.size() + 5;
  return line.substr(from, line.find('"', from) - from);
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Bitmap, AgreesWithASetOfNumbersUnderRandomChanges) {
  SeededRandom random(seed_of_run());
  for (int round = 0; round < 40; ++round) {
    Model model = random_members(random);
    Bitmap bitmap = bitmap_of(model);
    for (int i = 0; i < 300; ++i) {
      const Ordinal ordinal = static_cast<Ordinal>(random.below(400'000));
      if (random.below(2) == 0) {
        EXPECT_EQ(model.insert(ordinal).second, bitmap.add(ordinal));
      } else {
        EXPECT_EQ(model.erase(ordinal) == 1, bitmap.remove(ordinal));
      }
      EXPECT_EQ(model.count(ordinal) == 1, bitmap.contains(ordinal));
    }
    ASSERT_EQ(model.size(), bitmap.count());
    ASSERT_EQ(model, model_of(bitmap));
    EXPECT_EQ(model.empty(), bitmap.empty());
  }
}

TEST(Bitmap, SetAlgebraAgreesWithSetsOfNumbers) {
  SeededRandom random(seed_of_run());
  for (int round = 0; round < 40; ++round) {
    const Model a = random_members(random), b = random_members(random);
    const Bitmap x = bitmap_of(a), y = bitmap_of(b);
    Model both, either, only_a;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::inserter(either, either.end()));
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(only_a, only_a.end()));
    ASSERT_EQ(both, model_of(intersect(x, y)));
    ASSERT_EQ(either, model_of(unite(x, y)));
    ASSERT_EQ(only_a, model_of(subtract(x, y)));
    ASSERT_EQ(a == b, x == y);
    ASSERT_TRUE(unite(subtract(x, y), intersect(x, y)) == x);
  }
}

TEST(Bitmap, SlicesAndSelectsInOrder) {
  SeededRandom random(seed_of_run());
  for (int round = 0; round < 40; ++round) {
    const Model model = random_members(random);
    const Bitmap bitmap = bitmap_of(model);
    const std::vector<Ordinal> ordered(model.begin(), model.end());
    for (int i = 0; i < 50; ++i) {
      const Ordinal from = i == 0 ? 0 : static_cast<Ordinal>(random.below(1ULL << (4 + i % 29)));
      const std::size_t limit = random.below(5'000);
      const auto begin = std::lower_bound(ordered.begin(), ordered.end(), from);
      const auto left = static_cast<std::size_t>(ordered.end() - begin);
      const std::vector<Ordinal> expected(
          begin, begin + static_cast<std::ptrdiff_t>(std::min(limit, left)));
      ASSERT_EQ(expected, bitmap.slice(from, limit)) << "from " << from << " limit " << limit;
    }
    for (std::size_t n = 0; n < ordered.size(); n += 1 + random.below(900)) {
      ASSERT_EQ(ordered[n], bitmap.select(n));
    }
  }
}

TEST(Bitmap, BlocksOfBitsAreAddedWhereTheyBelong) {
  SeededRandom random(seed_of_run());
  for (int round = 0; round < 30; ++round) {
    Model model = random_members(random);
    Bitmap bitmap = bitmap_of(model);
    const std::uint32_t block = round == 0 ? 65'535 : static_cast<std::uint32_t>(random.below(9));
    std::vector<std::uint64_t> words(1'024);
    for (std::uint64_t& word : words) {
      word = round % 3 == 0 ? ~0ULL : random.next() & random.next() & random.next();
    }
    for (std::uint32_t low = 0; low < 65'536; ++low) {
      if ((words[low / 64] >> (low % 64) & 1) != 0) model.insert(block << 16 | low);
    }
    bitmap.add_block(block, words);
    ASSERT_EQ(model, model_of(bitmap));
  }
}

TEST(Bitmap, CopiesAreIndependent) {
  Bitmap first = bitmap_of({1, 2, 70'000});
  Bitmap second = first;
  second.add(3);
  first.remove(1);
  EXPECT_EQ((Model{2, 70'000}), model_of(first));
  EXPECT_EQ((Model{1, 2, 3, 70'000}), model_of(second));
  first = std::move(second);
  EXPECT_EQ(4U, first.count());
}

TEST(BitmapBytes, ReadBackWhatWasWritten) {
  SeededRandom random(seed_of_run());
  for (int round = 0; round < 60; ++round) {
    const Bitmap bitmap = bitmap_of(random_members(random));
    for (const std::string& bytes : {bitmap.to_bytes(), serialised_by_croaring(bitmap)}) {
      auto read = Bitmap::from_bytes(bytes);
      ASSERT_TRUE(read) << read.error().message;
      ASSERT_TRUE(bitmap == *read);
    }
  }
}

TEST(BitmapBytes, CutAnywhereOrContinuedIsRefused) {
  SeededRandom random(seed_of_run());
  const std::string bytes = bitmap_of({1, 5, 6, 7, 8, 9, 80'000, 200'000, 300'000}).to_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto read = Bitmap::from_bytes(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(read) << "cut at " << size;
    EXPECT_EQ(ErrorCode::Corrupt, read.error().code);
    EXPECT_NE(std::string::npos, read.error().message.find("at byte"));
  }
  EXPECT_FALSE(Bitmap::from_bytes(bytes + '\0'));
  const std::string large = bitmap_of(random_members(random)).to_bytes();
  for (int i = 0; i < 500; ++i) {
    const std::size_t size = random.below(large.size());
    ASSERT_FALSE(Bitmap::from_bytes(std::string_view(large).substr(0, size)));
  }
}

// Whatever the bytes are, what is accepted has strictly increasing members and survives a second
// round.
TEST(BitmapBytes, AcceptedMutantsAreSoundSets) {
  SeededRandom random(seed_of_run());
  int accepted = 0;
  for (int round = 0; round < 1'500; ++round) {
    std::string bytes = bitmap_of(random_members(random)).to_bytes();
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
      const std::size_t at = random.below(std::min<std::size_t>(bytes.size(), 1 + round % 400));
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
    auto read = Bitmap::from_bytes(bytes);
    if (!read) continue;
    ++accepted;
    const std::vector<Ordinal> members = read->to_vector();
    ASSERT_EQ(read->count(), members.size());
    ASSERT_TRUE(std::adjacent_find(members.begin(), members.end(), std::greater_equal<>()) ==
                members.end());
    auto again = Bitmap::from_bytes(read->to_bytes());
    ASSERT_TRUE(again && *again == *read);
  }
  EXPECT_GT(accepted, 0);
}

// Verdicts of the collection: what CRoaring 5.1.0 accepts after validation. Where its manifest
// leaves the choice to a strict reader, bytes behind the end are refused and a contradicting
// header of offsets is not.
TEST(BitmapBytes, VerdictsOnHostileFilesAreThoseOfTheManifest) {
  RETURN_WITHOUT_SHARED_DATA();
  const std::filesystem::path folder = *testing::shared_data() / "data" / "hostile" / "roaring";
  const std::map<std::string, std::string> own_choice = {
      {"odd-trailing-bytes.bin", "reject"},
      {"odd-two-bitmaps.bin", "reject"},
      {"odd-run-flag-on-array-bytes.bin", "reject"},
  };
  std::ifstream manifest(folder / "manifest.ndjson");
  std::size_t files = 0;
  for (std::string line; std::getline(manifest, line);) {
    const std::string name = field_of(line, "file");
    if (!name.ends_with(".bin")) continue;  // .bin64 is another format.
    SCOPED_TRACE(name);
    ++files;
    const auto choice = own_choice.find(name);
    const bool chosen = choice != own_choice.end();
    EXPECT_TRUE(!chosen || !field_of(line, "note").empty());
    const std::string verdict = chosen ? choice->second : field_of(line, "verdict");
    const std::string bytes = content_of(folder / name);
    auto read = Bitmap::from_bytes(bytes);
    EXPECT_EQ(verdict, read ? "accept" : "reject") << (read ? "" : read.error().message);
    if (!read) continue;
    // CRoaring reads the accepted ones the same way, container by container.
    roaring_bitmap_t* theirs = roaring_bitmap_portable_deserialize_safe(bytes.data(), bytes.size());
    ASSERT_NE(nullptr, theirs);
    EXPECT_EQ(roaring_bitmap_get_cardinality(theirs), read->count());
    EXPECT_TRUE(roaring_bitmap_equals(theirs, read->raw()));
    roaring_bitmap_free(theirs);
  }
  EXPECT_GE(files, 100U);
}

}  // namespace
}  // namespace muster::index
