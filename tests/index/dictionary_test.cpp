// Dictionaries against the map they stand for: every form of key, batches, snapshots, readers
// beside the writer, and what a key costs.
#include "index/dictionary.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "index/recent_codes.h"
#include "tests/support/random.h"

namespace muster::index {
namespace {

using testing::Random;

std::string random_uuid(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uuid(kUuidTextBytes, '-');
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i != 8 && i != 13 && i != 18 && i != 23) uuid[i] = kDigits[random.below(16)];
  }
  return uuid;
}

// UUIDs, texts that are nearly UUIDs, and texts of every length around the borders of the pool.
std::string random_key(Random& random) {
  std::string key;
  switch (random.below(5)) {
    case 0:
      return random_uuid(random);
    case 1:
      key = random_uuid(random);
      key[random.below(kUuidTextBytes)] = "Ag-0"[random.below(4)];
      return key;
    case 2:
      return "user-" + std::to_string(random.below(3'000));
    case 3:
      key.resize(random.below(20));
      break;
    default:
      key.resize(random.below(8) == 0 ? random.below(3'000) : random.below(60));
      break;
  }
  for (char& c : key)
    c = static_cast<char>(random.below(4));
  return key;
}

class Model {
 public:
  std::uint32_t code_of(const std::string& key) {
    const auto [at, added] = codes_.emplace(key, static_cast<std::uint32_t>(keys_.size()));
    if (added) keys_.push_back(key);
    return at->second;
  }
  std::optional<std::uint32_t> find(const std::string& key) const {
    const auto at = codes_.find(key);
    return at == codes_.end() ? std::nullopt : std::optional(at->second);
  }
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  std::unordered_map<std::string, std::uint32_t> codes_;
  std::vector<std::string> keys_;
};

TEST(Dictionary, BehavesLikeAMapWhateverTheKeys) {
  Random random;
  DictionaryWriter writer;
  Model model;
  std::vector<Dictionary> snapshots;
  for (int step = 0; step < 60; ++step) {
    std::vector<std::string> keys(random.below(600));
    for (auto& key : keys)
      key = random_key(random);
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::vector<std::uint32_t> codes(keys.size());
    writer.add_batch(views, codes);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(model.code_of(keys[i]), codes[i]) << "step " << step << ": " << keys[i];
    }
    const std::string one = random_key(random);
    ASSERT_EQ(model.code_of(one), writer.add(one));
    snapshots.push_back(writer.snapshot());
  }
  for (const Dictionary& snapshot : snapshots) {
    const std::vector<std::string_view> views(model.keys().begin(), model.keys().end());
    std::vector<std::uint32_t> codes(views.size());
    snapshot.find_batch(views, codes);
    for (std::uint32_t code = 0; code < views.size(); ++code) {
      const bool there = code < snapshot.size();
      ASSERT_EQ(there ? code : kNoKey, codes[code]);
      ASSERT_EQ(there, snapshot.find(views[code]).has_value());
      ASSERT_EQ(there ? views[code] : "", there ? snapshot.key(code).view() : "");
    }
  }
  EXPECT_EQ(std::nullopt, snapshots.back().find(std::string(kUuidBytes, '\x7f')));
}

TEST(Dictionary, ForgetsKeysAndKeepsTheirCodes) {
  Random random;
  DictionaryWriter writer;
  std::vector<std::string> keys;           // By code; "gone" once forgotten.
  std::map<std::string, std::uint32_t> codes;  // Of those that are known.
  std::vector<std::pair<Dictionary, std::vector<std::string>>> snapshots;
  for (int step = 0; step < 40; ++step) {
    for (std::uint32_t i = random.below(300); i > 0; --i) {
      const std::string key = random_key(random);
      const auto [at, is_new] =
          codes.emplace(key, static_cast<std::uint32_t>(keys.size()));
      if (is_new) keys.push_back(key);
      ASSERT_EQ(at->second, writer.add(key));
    }
    std::vector<std::uint32_t> going;
    for (std::uint32_t code = 0; code < keys.size() && step % 3 == 1; ++code) {
      if (random.below(5) != 0) continue;
      going.push_back(code);
      if (!writer.snapshot().is_forgotten(code)) codes.erase(keys[code]);
      keys[code] = "gone";
    }
    writer.forget(going, "gone");
    if (step % 5 == 0) {
      writer.add_forgotten("gone");
      keys.emplace_back("gone");
    }
    snapshots.emplace_back(writer.snapshot(), keys);
  }
  for (const auto& [key, code] : codes) ASSERT_EQ(code, writer.find(key)) << key;
  // A snapshot knows what was known when it was taken.
  for (const auto& [snapshot, known] : snapshots) {
    ASSERT_EQ(known.size(), snapshot.size());
    std::uint32_t forgotten = 0;
    for (std::uint32_t code = 0; code < known.size(); ++code) {
      ASSERT_EQ(known[code], snapshot.key(code).view());
      forgotten += snapshot.is_forgotten(code) ? 1 : 0;
      ASSERT_EQ(!snapshot.is_forgotten(code), snapshot.find(known[code]) == code);
    }
    ASSERT_EQ(forgotten, snapshot.forgotten());
  }
}

TEST(Dictionary, TellsAUuidFromTheBytesItIsStoredAs) {
  const std::string uuid = "00112233-4455-6677-8899-aabbccddeeff";
  const std::string bytes("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16);
  const std::string upper = "00112233-4455-6677-8899-AABBCCDDEEFF";
  DictionaryWriter writer;
  EXPECT_EQ(0u, writer.add(uuid));
  EXPECT_EQ(1u, writer.add(bytes));
  EXPECT_EQ(2u, writer.add(upper));
  EXPECT_EQ(uuid, writer.key(0).view());
  EXPECT_EQ(bytes, writer.key(1).view());
  EXPECT_EQ(upper, writer.key(2).view());
  EXPECT_EQ(0u, writer.find(uuid));
}

TEST(Dictionary, FindsNothingInAnEmptyOne) {
  const std::string_view keys[] = {"a", ""};
  std::uint32_t codes[] = {0, 0};
  Dictionary().find_batch(keys, codes);
  EXPECT_EQ(kNoKey, codes[0]);
  EXPECT_EQ(kNoKey, codes[1]);
  EXPECT_EQ(std::nullopt, DictionaryWriter().find("a"));
}

TEST(Dictionary, CostsAtMostTwelveBytesAnIdBesideTheId) {
  DictionaryWriter writer;
  std::size_t key_bytes = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    const std::string id = "user-" + std::to_string(i);
    key_bytes += id.size();
    writer.add(id);
  }
  const double bytes = static_cast<double>(writer.bytes() - key_bytes) / 1e6;
  EXPECT_LE(bytes, 12.8) << "right after the table has grown it is a little more";
  DictionaryWriter small;
  for (int i = 0; i < 20; ++i)
    small.add("value " + std::to_string(i));
  EXPECT_LE(small.bytes(), 2'048u);
}

TEST(Dictionary, IsReadBesideItsWriter) {
  DictionaryWriter writer;
  writer.add("key 0");
  std::atomic<bool> done = false;
  const Dictionary first = writer.snapshot();
  std::thread reader([&] {
    while (!done) {
      ASSERT_EQ(0u, first.find("key 0"));
      ASSERT_EQ(std::nullopt, first.find("key 77"));
      ASSERT_EQ("key 0", first.key(0).view());
    }
  });
  for (int i = 1; i < 20'000; ++i)
    writer.add("key " + std::to_string(i));
  done = true;
  reader.join();
  EXPECT_EQ(77u, writer.find("key 77"));
}

TEST(RecentCodes, NeverMistakeOneKeyForAnother) {
  Random random;
  RecentCodes recent;
  Model model;
  for (int i = 0; i < 50'000; ++i) {
    std::string key(random.below(20), 'a');
    for (char& c : key)
      c = static_cast<char>('a' + random.below(2));
    const auto code = recent.code_of(
        key, [&](std::string_view text) { return model.code_of(std::string(text)); });
    ASSERT_EQ(model.code_of(key), code) << key;
  }
}

}  // namespace
}  // namespace muster::index
