// A copy holds every record, and is never half there.
#include <gtest/gtest.h>

#include <thread>

#include "storage/backup.h"
#include "storage/checkpoint_store.h"
#include "storage/record.h"
#include "storage/rocks_log.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<std::string>;

std::string outcome(int number) {
  return encode({1'000, 0, Outcome{"stream", "payload " + std::to_string(number)}});
}

std::string destination(const std::string& id, std::uint64_t version, bool deleted) {
  return encode({1'000, 0, DocumentChange{"destination", id, version, deleted,
                                          deleted ? "" : "{}", ""}});
}

Records outcomes(int first, int count) {
  Records records;
  for (int i = 0; i < count; ++i) records.push_back(outcome(first + i));
  return records;
}

class Backup : public ::testing::Test {
 protected:
  fs::path data() const { return folder_.path() / "data"; }
  fs::path copy() const { return folder_.path() / "copy"; }

  void append(const Records& records) {
    auto log = RocksLog::open(data());
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->append(records));
  }
  Records records_in(const fs::path& directory) {
    auto log = RocksLog::open(directory, {.access = LogAccess::ReadOnly});
    EXPECT_TRUE(log) << log.error().message;
    return *records_of(**log);
  }

  TemporaryFolder folder_;
};

TEST_F(Backup, HoldsEveryRecordAndSaysWhich) {
  append(outcomes(0, 5'000));
  const auto done = copy_store({.from = data(), .to = copy()});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(5'000U, done->record);
  EXPECT_EQ(0U, done->checkpoint);
  EXPECT_EQ(records_in(data()), records_in(copy()));
  EXPECT_FALSE(fs::exists(copy().string() + ".partial"));
  // It is a directory like any other: it goes on from there.
  auto log = RocksLog::open(copy());
  ASSERT_TRUE(log);
  EXPECT_TRUE((*log)->append(outcomes(0, 1)));
}

TEST_F(Backup, IsOfOneMomentWhileTheLogGrows) {
  auto log = RocksLog::open(data());
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->append(outcomes(0, 10)));
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 10; !done; ++i) EXPECT_TRUE((*log)->append(outcomes(i, 1)));
  });
  for (int round = 0; round < 5; ++round) {
    const std::uint64_t before = (*log)->last_sequence();
    const fs::path to = copy().string() + std::to_string(round);
    const auto copied = copy_store({.from = data(), .to = to});
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_GE(copied->record, before);
    const Records records = records_in(to);
    EXPECT_EQ(copied->record, records.size());
    EXPECT_EQ(outcomes(0, static_cast<int>(records.size())), records);
  }
  done = true;
}

TEST_F(Backup, TakesTheNewestSoundCheckpointAlong) {
  append(outcomes(0, 9));
  const CheckpointStore store(data());
  std::shared_ptr<const Checkpoint> before;
  for (const std::uint64_t sequence : {3U, 7U}) {
    auto writer = store.begin(sequence, {1, 1}, 5, before);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add("section", "of " + std::to_string(sequence)));
    ASSERT_TRUE(writer->add("both", "the same"));
    ASSERT_TRUE(writer->finish());
    before = *store.open(sequence);
  }
  EXPECT_EQ(7U, copy_store({.from = data(), .to = copy()})->checkpoint);
  const CheckpointStore copied(copy());
  EXPECT_EQ((std::vector<std::uint64_t>{7}), copied.sequences());
  EXPECT_EQ("of 7", *(*copied.open(7))->read("section"));
  EXPECT_EQ("the same", *(*copied.open(7))->read("both"));
  replace_content(store.manifest_file(7), "nothing");
  EXPECT_EQ(3U, copy_store({.from = data(), .to = copy().string() + "2"})->checkpoint);
}

TEST_F(Backup, OfADamagedLogIsNotMade) {
  append({outcome(0), "no record", outcome(2)});
  const auto done = copy_store({.from = data(), .to = copy()});
  ASSERT_FALSE(done);
  EXPECT_EQ(ErrorCode::Corrupt, done.error().code);
  EXPECT_NE(std::string::npos, done.error().message.find("record 2"));
  EXPECT_FALSE(fs::exists(copy()));
  EXPECT_FALSE(fs::exists(copy().string() + ".partial"));
}

TEST_F(Backup, ReplacesNothing) {
  append(outcomes(0, 3));
  fs::create_directory(copy());
  EXPECT_EQ(ErrorCode::InvalidArgument,
            copy_store({.from = data(), .to = copy()}).error().code);
  fs::remove(copy());
  fs::create_directory(copy().string() + ".partial");
  const auto done = copy_store({.from = data(), .to = copy()});
  ASSERT_FALSE(done);
  EXPECT_NE(std::string::npos, done.error().message.find(".partial"));
  fs::remove(copy().string() + ".partial");
  EXPECT_EQ(ErrorCode::NotFound,
            copy_store({.from = folder_.path() / "none", .to = copy()}).error().code);
}

TEST_F(Backup, KeepsKeysApartAndAsksForThem) {
  append({destination("a", 1, false), destination("b", 1, false), destination("b", 2, true)});
  const fs::path keys = folder_.path() / "keys";
  const auto without = copy_store({.from = data(), .to = copy()});
  ASSERT_TRUE(without);
  EXPECT_EQ(1U, without->destinations);
  EXPECT_FALSE(without->keys);
  const CopyRequest request{.from = data(), .to = copy().string() + "2", .keys_from = data(),
                            .keys_to = keys};
  const auto missing = copy_store(request);
  ASSERT_FALSE(missing);
  EXPECT_NE(std::string::npos, missing.error().message.find("secret.key"));
  replace_content(data() / "secret.key", "the secret");
  const auto apart = copy_store(request);
  ASSERT_TRUE(apart) << apart.error().message;
  EXPECT_TRUE(apart->keys);
  EXPECT_FALSE(fs::exists(request.to / "secret.key"));
  // And back: the keys stand in the new directory once it is there.
  const fs::path back = folder_.path() / "back";
  ASSERT_TRUE(copy_store({.from = request.to, .to = back, .keys_from = keys, .keys_to = back}));
  EXPECT_EQ("the secret", content_of(back / "secret.key"));
}

}  // namespace
}  // namespace muster::storage
