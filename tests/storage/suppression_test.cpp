// The suppression file: what is synced is there again, what is damaged or older is refused.
#include "storage/suppression.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

class SuppressionFile : public ::testing::Test {
 protected:
  std::unique_ptr<Suppression> open() {
    auto opened = Suppression::open(file_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : Suppression::in_memory();
  }
  // Somebody known by an id and an address.
  static void add(Suppression& suppression, const std::string& id) {
    suppression.add({7, 1'000,
                     {suppression.tag("profile_id", id),
                      suppression.tag("email", id + "@example.com")}});
    EXPECT_TRUE(suppression.sync());
  }
  std::string bytes() const { return bytes(file_); }
  static std::string bytes(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write(const std::string& bytes) const {
    std::ofstream(file_, std::ios::binary) << bytes;
  }

  muster::testing::TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "suppression";
};

TEST_F(SuppressionFile, IsMadeByTheFirstErasureAndReadAgain) {
  {
    const auto fresh = open();
    EXPECT_FALSE(fresh->holds("profile_id", "ana"));
    EXPECT_TRUE(fresh->sync());
    EXPECT_FALSE(fs::exists(file_));
    add(*fresh, "ana");
  }
  for (int life = 0; life < 3; ++life) {
    const auto again = open();
    EXPECT_EQ(1U + static_cast<unsigned>(life), again->size());
    EXPECT_TRUE(again->holds("profile_id", "ana"));
    EXPECT_TRUE(again->holds("email", "ana@example.com"));
    EXPECT_FALSE(again->holds("email", "ana"));
    EXPECT_FALSE(again->holds("profile_i", "dana"));
    const auto first = again->erasures();
    ASSERT_FALSE(first.empty());
    EXPECT_EQ(7U, first[0].record);
    EXPECT_EQ(1'000, first[0].at);
    EXPECT_EQ(2U, first[0].tags.size());
    add(*again, "ben" + std::to_string(life));
  }
  EXPECT_EQ(std::string::npos, bytes().find("ana"));
}

// What one file says of a person, another one's key cannot tell.
TEST_F(SuppressionFile, HasAKeyOfItsOwn) {
  add(*open(), "ana");
  const auto other = Suppression::open(folder_.path() / "other");
  ASSERT_TRUE(other);
  EXPECT_NE(open()->tag("email", "a"), (*other)->tag("email", "a"));
  EXPECT_NE(open()->mark().key, (*other)->mark().key);
}

// Cut or changed anywhere, it is refused against the log's mark; never half believed.
TEST_F(SuppressionFile, IsRefusedWhenItIsNotWhatTheLogKnows) {
  add(*open(), "ana");
  add(*open(), "ben");
  const SuppressionMark mark = open()->mark();
  const std::string whole = bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    SCOPED_TRACE(at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    for (const std::string& wrong : {changed, whole.substr(0, at)}) {
      write(wrong);
      const auto opened = Suppression::open(file_);
      const Status checked = opened ? (*opened)->check(mark) : Status(opened.error());
      ASSERT_FALSE(checked);
      EXPECT_NE(std::string::npos, checked.error().message.find(file_.string()));
    }
  }
  write(whole);
  EXPECT_TRUE(open()->check(mark));
  EXPECT_TRUE(open()->check({1, mark.key}));
  EXPECT_TRUE(open()->check({}));
  fs::remove(file_);
  const Status missing = open()->check(mark);
  ASSERT_FALSE(missing);
  EXPECT_EQ(file_.string() + " is missing, and the log knows of 2 erasures; put the newest copy of "
                             "it back, so that nobody who was erased can return",
            missing.error().message);
}

TEST_F(SuppressionFile, GoesOnBehindWhatACrashLeftUnfinished) {
  add(*open(), "ana");
  const std::string whole = bytes();
  add(*open(), "ben");
  const std::string longer = bytes();
  for (std::size_t size = whole.size(); size < longer.size(); ++size) {
    write(longer.substr(0, size));
    add(*open(), "eve");
    const auto again = open();
    EXPECT_EQ(2U, again->size());
    EXPECT_TRUE(again->holds("profile_id", "eve"));
    EXPECT_FALSE(again->holds("profile_id", "ben"));
  }
}

// Also where the log is older, and needs fewer erasures than stand before the damage.
TEST_F(SuppressionFile, DamageBeforeTheLastErasureIsNoTornTail) {
  for (const char* id : {"ana", "ben", "cid"}) add(*open(), id);
  const std::string whole = bytes();
  const std::size_t entry = (whole.size() - 48) / 3;
  for (std::size_t at = 48; at < whole.size() - entry; ++at) {
    std::string wrong = whole;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    write(wrong);
    const auto opened = Suppression::open(file_);
    ASSERT_FALSE(opened) << at;
    ASSERT_EQ(ErrorCode::Corrupt, opened.error().code);
  }
}

TEST_F(SuppressionFile, TheNewerOfTwoCopiesIsCarried) {
  const fs::path copy = folder_.path() / "copy";
  EXPECT_FALSE(carry_suppression(file_, copy).value());
  EXPECT_FALSE(fs::exists(copy));
  add(*open(), "ana");
  EXPECT_TRUE(carry_suppression(file_, copy));
  add(*open(), "ben");
  EXPECT_TRUE(carry_suppression(copy, file_));
  EXPECT_EQ(2U, open()->size());
  EXPECT_TRUE(carry_suppression(file_, copy));
  EXPECT_EQ(bytes(), bytes(copy));
  // Half an erasure is not carried along.
  const std::string whole = bytes();
  write(whole + whole.substr(whole.size() - 20));
  fs::remove(copy);
  EXPECT_TRUE(carry_suppression(file_, copy));
  EXPECT_EQ(whole, bytes(copy));
  // Two that went separate ways: neither takes the other's place.
  const fs::path fork = folder_.path() / "fork";
  write(whole);
  fs::copy(file_, fork);
  add(*open(), "cid");
  {
    auto forked = Suppression::open(fork);
    ASSERT_TRUE(forked);
    add(**forked, "dan");
    add(**forked, "fay");
  }
  EXPECT_FALSE(carry_suppression(fork, file_));
  EXPECT_FALSE(carry_suppression(file_, fork));
  write(whole);
  const fs::path other = folder_.path() / "other";
  auto foreign = Suppression::open(other);
  ASSERT_TRUE(foreign);
  add(**foreign, "eve");
  EXPECT_FALSE(carry_suppression(other, file_));
  EXPECT_EQ(2U, open()->size());
}

}  // namespace
}  // namespace muster::storage
