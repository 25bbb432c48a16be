#include "storage/key_slots.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "storage/person_keys.h"
#include "tests/storage/storage_support.h"
#include "tests/support/temporary_folder.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

class KeySlotsTest : public ::testing::Test {
 protected:
  std::unique_ptr<KeySlots> open(LogAccess access = LogAccess::ReadWrite) {
    EXPECT_TRUE(KeySlots::make(file_, SlotUse::People, *ring_));
    auto opened = KeySlots::open(file_, SlotUse::People, *ring_, access);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  static std::string key_of(const KeySlots& slots, std::uint64_t slot) {
    auto read = KeySlots::Reader(slots).read(slot);
    EXPECT_TRUE(read) << read.error().message;
    return read->key.value_or("destroyed");
  }
  std::string bytes() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void flip(std::uint64_t at) const {
    std::fstream out(file_, std::ios::binary | std::ios::in | std::ios::out);
    out.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(out.get() ^ 1);
    out.seekp(static_cast<std::streamoff>(at));
    out.put(byte);
  }

  const TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / "person-keys";
  const std::shared_ptr<const Keyring> ring_ = Keyring::make(std::string(32, 'k')).value();
};

TEST_F(KeySlotsTest, GivesTheSameKeysAgainAndAnotherToEach) {
  std::string one, other;
  {
    const auto slots = open();
    ASSERT_TRUE(slots->grow(10));
    EXPECT_GE(slots->size(), 10U);
    one = key_of(*slots, 0);
    other = key_of(*slots, 9);
    EXPECT_EQ(one.size(), kAesKeyBytes);
    EXPECT_NE(one, other);
  }
  const auto again = open(LogAccess::ReadOnly);
  EXPECT_EQ(key_of(*again, 0), one);
  EXPECT_EQ(key_of(*again, 9), other);
  EXPECT_EQ(bytes().find(one), std::string::npos);
  EXPECT_EQ(bytes().size(), 8'192 + again->size() * kSlotBytes);
  EXPECT_TRUE(again->check());
}

TEST_F(KeySlotsTest, DestroysInPlaceAndForEver) {
  const auto slots = open();
  ASSERT_TRUE(slots->grow(10));
  const std::string before = key_of(*slots, 5), neighbour = key_of(*slots, 6);
  const std::uint64_t doomed[] = {5};
  KeySlots::Reader reader(*slots);
  ASSERT_TRUE(reader.read(5));
  EXPECT_FALSE(slots->erasures());
  ASSERT_TRUE(slots->destroy(doomed, 3));
  EXPECT_FALSE(reader.read(5)->key) << "a page that was read before has the key no more";
  EXPECT_EQ(key_of(*slots, 6), neighbour);
  const auto again = open();
  EXPECT_TRUE(again->is_destroyed(5));
  EXPECT_EQ(again->destroyed(), std::vector<std::uint64_t>{5});
  EXPECT_EQ(again->erasures(), 3U);
  // Given to somebody else, it is another key, and never the old one.
  ASSERT_TRUE(again->renew(doomed));
  EXPECT_EQ(again->state(5), 2U);
  EXPECT_NE(key_of(*again, 5), before);
  EXPECT_EQ(key_of(*again, 5).size(), kAesKeyBytes);
}

TEST_F(KeySlotsTest, DestroysWhatWasNeverThere) {
  const auto slots = open();
  const std::uint64_t far[] = {70'000};
  ASSERT_TRUE(slots->destroy(far, 1));
  EXPECT_TRUE(slots->is_destroyed(70'000));
  EXPECT_EQ(key_of(*slots, 69'999).size(), kAesKeyBytes);
  EXPECT_TRUE(open()->check());
}

TEST_F(KeySlotsTest, NamesEverySlotThatIsDamaged) {
  std::uint64_t size = 0;
  {
    const auto slots = open();
    const std::uint64_t doomed[] = {7};
    ASSERT_TRUE(slots->grow(10));
    ASSERT_TRUE(slots->destroy(doomed, 1));
    size = slots->size();
  }
  for (const std::uint64_t slot : {std::uint64_t{0}, std::uint64_t{7}, size - 1}) {
    for (std::uint64_t byte = 0; byte < kSlotBytes; ++byte) {
      const std::uint64_t at = 8'192 + slot * kSlotBytes + byte;
      flip(at);
      const auto opened = KeySlots::open(file_, SlotUse::People, *ring_, LogAccess::ReadOnly);
      ASSERT_FALSE(opened) << slot << " byte " << byte;
      EXPECT_NE(opened.error().message.find("slot " + std::to_string(slot)), std::string::npos)
          << opened.error().message;
      EXPECT_NE(opened.error().message.find(file_.string()), std::string::npos);
      flip(at);
    }
  }
  EXPECT_TRUE(open()->check());
  fs::resize_file(file_, 8'192 + 100 * kSlotBytes);
  const auto cut = KeySlots::open(file_, SlotUse::People, *ring_, LogAccess::ReadOnly);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("slot 100 is missing"), std::string::npos)
      << cut.error().message;
}

TEST_F(KeySlotsTest, ASlotIsOfItsPlaceAlone) {
  ASSERT_TRUE(open()->grow(10));
  const std::string all = bytes();
  std::fstream out(file_, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(8'192 + 3 * 64);
  out.write(&all[8'192 + 4 * 64], 64);
  out.close();
  const auto slots = open(LogAccess::ReadOnly);
  EXPECT_FALSE(KeySlots::Reader(*slots).read(3));
  EXPECT_FALSE(slots->check());
}

TEST_F(KeySlotsTest, OneHeadIsEnough) {
  ASSERT_TRUE(open()->grow(10));
  for (const std::uint64_t at : {std::uint64_t{20}, std::uint64_t{4'096 + 20}}) {
    const std::string before = bytes();
    flip(at);
    const auto opened = KeySlots::open(file_, SlotUse::People, *ring_, LogAccess::ReadOnly);
    EXPECT_TRUE(opened) << at;
    flip(at);
  }
  flip(20);
  flip(4'096 + 20);
  EXPECT_FALSE(KeySlots::open(file_, SlotUse::People, *ring_, LogAccess::ReadOnly));
}

TEST_F(KeySlotsTest, IsSealedAnewUnderTheNewestKeyWithTheKeysItHad) {
  const auto slots = open();
  const std::uint64_t doomed[] = {7};
  ASSERT_TRUE(slots->grow(10));
  ASSERT_TRUE(slots->destroy(doomed, 1));
  KeySlots::Reader reader(*slots);
  const std::string key = *reader.read(3)->key, before = bytes();
  ASSERT_TRUE(slots->rewrap(*ring_));
  EXPECT_EQ(*reader.read(3)->key, key) << "by who read before";
  const std::string after = bytes();
  ASSERT_EQ(before.size(), after.size());
  EXPECT_NE(before.substr(8'192, 64), after.substr(8'192, 64));
  ASSERT_TRUE(slots->grow(5'000));
  const auto again = open();
  EXPECT_EQ(key_of(*again, 3), key);
  EXPECT_TRUE(again->is_destroyed(7));
  EXPECT_TRUE(again->check());
  EXPECT_FALSE(KeySlots::open(file_, SlotUse::Batches, *ring_, LogAccess::ReadOnly));
  const auto others = Keyring::make(std::string(32, 'k')).value();
  EXPECT_FALSE(KeySlots::open(file_, SlotUse::People, *others, LogAccess::ReadOnly));
}

TEST_F(KeySlotsTest, WhatHappensWhileItIsSealedAnewCounts) {
  const fs::path freed = folder_.path() / "freed";
  const auto slots = open();
  ASSERT_TRUE(slots->grow(20'000));
  const std::string key = key_of(*slots, 9);
  fs::create_hard_link(file_, freed);
  int pieces = 0;
  const auto meanwhile = [&]() -> Status {
    const std::uint64_t doomed[] = {7, 19'000};
    if (++pieces == 1) TRY(slots->destroy(doomed, 1));
    return slots->grow(30'000);
  };
  ASSERT_TRUE(slots->rewrap(*ring_, meanwhile));
  EXPECT_GE(pieces, 2);
  const std::string grown = key_of(*slots, 29'999);
  const auto again = open(LogAccess::ReadOnly);
  EXPECT_TRUE(again->check());
  EXPECT_EQ(key, key_of(*again, 9));
  EXPECT_EQ(grown, key_of(*again, 29'999));
  EXPECT_EQ((std::vector<std::uint64_t>{7, 19'000}), again->destroyed());
  EXPECT_EQ(1U, again->erasures());
  // Whoever finds the old one's blocks cannot open them.
  EXPECT_FALSE(KeySlots::open(freed, SlotUse::People, *ring_, LogAccess::ReadOnly));
}

TEST_F(KeySlotsTest, WhatWasNotSealedAnewLeavesNoCopy) {
  const fs::path beside = file_.string() + ".new";
  const auto slots = open();
  ASSERT_TRUE(slots->grow(10));
  const std::string key = key_of(*slots, 3);
  const auto stops = [] { return Status(Error{ErrorCode::Unavailable, "the server stops"}); };
  EXPECT_FALSE(slots->rewrap(*ring_, stops));
  EXPECT_FALSE(fs::exists(beside));
  EXPECT_EQ(key, key_of(*slots, 3));
  ASSERT_TRUE(slots->rewrap(*ring_));
  fs::copy(file_, beside);  // As a crash leaves it.
  EXPECT_EQ(key, key_of(*open(), 3));
  EXPECT_FALSE(fs::exists(beside));
}

TEST_F(KeySlotsTest, ACopyIsCarriedOverOneWhoseDataKeyIsGone) {
  const fs::path copy = folder_.path() / "copy", ring_file = folder_.path() / "keyring";
  const auto ring = Keyring::make(std::string(32, 'k')).value();
  ASSERT_TRUE(ring->write(ring_file));
  ring->live_in(ring_file, {});
  ASSERT_TRUE(KeySlots::make(file_, SlotUse::People, *ring));
  const auto opened = KeySlots::open(file_, SlotUse::People, *ring, LogAccess::ReadWrite);
  ASSERT_TRUE(opened);
  KeySlots* const slots = opened->get();
  ASSERT_TRUE(slots->grow(10));
  ASSERT_TRUE(carry_key_slots(file_, copy, SlotUse::People, *ring));
  ASSERT_TRUE(ring->add_key());
  ASSERT_TRUE(slots->rewrap(*ring));
  ASSERT_TRUE(ring->keep_keys({}));
  const auto late = Keyring::open(ring_file, std::string(32, 'k')).value();
  const auto carried = carry_key_slots(file_, copy, SlotUse::People, *late);
  ASSERT_TRUE(carried) << carried.error().message;
  EXPECT_TRUE(KeySlots::open(copy, SlotUse::People, *late, LogAccess::ReadOnly));
}

TEST_F(KeySlotsTest, AReaderSeesWhatAnotherProcessMadeMeanwhile) {
  const auto slots = open();
  ASSERT_TRUE(slots->grow(10));
  const auto other = KeySlots::open(file_, SlotUse::People, *ring_, LogAccess::ReadOnly);
  ASSERT_TRUE(other);
  KeySlots::Reader reader(**other);
  ASSERT_TRUE(reader.read(3));
  const std::uint64_t grown = slots->size() + 1, three[] = {3};
  ASSERT_TRUE(slots->grow(grown));
  ASSERT_TRUE(slots->destroy(three, 1));
  const auto late = reader.read(grown - 1);
  ASSERT_TRUE(late) << late.error().message;
  EXPECT_EQ(late->key, KeySlots::Reader(*slots).read(grown - 1)->key);
  EXPECT_FALSE(reader.read(3)->key) << "what was read before is read again";
  EXPECT_EQ(reader.read(slots->size()).error().code, ErrorCode::Corrupt);
  ASSERT_TRUE(slots->rewrap(*ring_));
  EXPECT_EQ(reader.read(slots->size()).error().code, ErrorCode::Unavailable);
}

TEST_F(KeySlotsTest, OfTwoCopiesTheOneThatDestroyedMoreCounts) {
  const fs::path older = folder_.path() / "older", newer = folder_.path() / "newer";
  const auto slots = open();
  ASSERT_TRUE(slots->grow(10));
  const auto carry = [&](const fs::path& from, const fs::path& to) {
    return carry_key_slots(from, to, SlotUse::People, *ring_);
  };
  ASSERT_TRUE(carry(file_, older));
  const std::uint64_t five[] = {5}, six[] = {6};
  ASSERT_TRUE(slots->destroy(five, 1));
  ASSERT_TRUE(carry(file_, newer));
  ASSERT_TRUE(carry(older, newer));
  const auto is_destroyed = [&](const fs::path& file, std::uint64_t slot) {
    const auto slots_of = KeySlots::open(file, SlotUse::People, *ring_, LogAccess::ReadOnly);
    return slots_of && (*slots_of)->is_destroyed(slot);
  };
  EXPECT_TRUE(is_destroyed(newer, 5)) << "an older copy takes no newer one's place";
  ASSERT_TRUE(carry(newer, older));
  EXPECT_TRUE(is_destroyed(older, 5));
  // Each its own way.
  {
    const auto apart = KeySlots::open(older, SlotUse::People, *ring_, LogAccess::ReadWrite);
    ASSERT_TRUE(apart);
    ASSERT_TRUE((*apart)->destroy(six, 2));
  }
  const std::uint64_t eight[] = {8};
  ASSERT_TRUE(slots->destroy(eight, 2));
  EXPECT_FALSE(carry(file_, older));
}

class PersonKeysTest : public KeySlotsTest {
 protected:
  std::shared_ptr<PersonKeys> people(LogAccess access = LogAccess::ReadWrite) {
    EXPECT_TRUE(KeySlots::make(file_, SlotUse::People, *ring_));
    return PersonKeys::open(file_, *ring_, access).value();
  }
};

TEST_F(PersonKeysTest, SealsTheSameEachTimeAndOpensUntilTheKeyIsDestroyed) {
  const auto keys = people();
  ASSERT_TRUE(keys->prepare(10));
  const auto session = keys->begin();
  std::string one, again, moved, theirs;
  ASSERT_TRUE(*session->seal(3, "place", "ann@example.com", one));
  ASSERT_TRUE(*session->seal(4, "place", "ann@example.com", theirs));
  ASSERT_TRUE(*keys->begin()->seal(3, "place", "ann@example.com", again));
  ASSERT_TRUE(*session->seal(3, "elsewhere", "ann@example.com", moved));
  EXPECT_EQ(one, again);
  EXPECT_NE(one, theirs);
  EXPECT_NE(one, moved);
  EXPECT_EQ(one.find("ann"), std::string::npos);
  EXPECT_EQ(session->open(3, "place", one)->value(), "ann@example.com");
  EXPECT_FALSE(session->open(4, "place", one));
  EXPECT_FALSE(session->open(3, "elsewhere", one));
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::string damaged = one;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(session->open(3, "place", damaged)) << i;
  }
  const index::Ordinal three[] = {3};
  keys->destroy(three);
  ASSERT_TRUE(keys->sync(1));
  EXPECT_FALSE(session->open(3, "place", one)->has_value());
  EXPECT_FALSE(*session->seal(3, "place", "ann@example.com", again));
  EXPECT_EQ(session->open(4, "place", theirs)->value(), "ann@example.com");
  // Another who gets the number: what was sealed for the first stays lost.
  ASSERT_TRUE(keys->renew_from(3));
  EXPECT_FALSE(session->open(3, "place", one)->has_value());
  std::string next;
  ASSERT_TRUE(*session->seal(3, "place", "ann@example.com", next));
  EXPECT_EQ(session->open(3, "place", next)->value(), "ann@example.com");
}

TEST_F(PersonKeysTest, IsNotOlderThanItsLog) {
  const auto keys = people();
  EXPECT_TRUE(keys->check(5)) << "before the first erasure nothing is known";
  ASSERT_TRUE(keys->sync(5));
  EXPECT_TRUE(keys->check(5));
  EXPECT_FALSE(keys->check(6));
}

TEST_F(PersonKeysTest, ATagIsOfTheIdentifierAndItsValue) {
  const auto keys = people();
  EXPECT_EQ(keys->tag("email", "a"), people()->tag("email", "a"));
  EXPECT_NE(keys->tag("email", "a"), keys->tag("email", "b"));
  EXPECT_NE(keys->tag("email", "a"), keys->tag("phone", "a"));
  EXPECT_NE(keys->tag("a", "bc"), keys->tag("ab", "c"));
}

}  // namespace
}  // namespace muster::storage
