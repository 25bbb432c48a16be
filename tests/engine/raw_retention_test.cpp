// Data batches leave the log when both checkpoints have what they said, and nothing answers less.
#include <gtest/gtest.h>

#include <fstream>

#include "engine/raw_retention.h"
#include "storage/archive.h"
#include "tests/support/random_people.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Base;
using engine::Permission;

constexpr TimeMs kDay = 86'400'000;

class RawRetention : public ::testing::Test {
 protected:
  RawRetention() { test_.keep_checkpoints(store_); }

  void start(TimeMs keep, const std::filesystem::path& archive = {}) {
    test_.retire_after(keep, archive);
    ASSERT_TRUE(test_.restart());
  }
  void add_person() {
    const Row row{{"profile_id", text("p" + std::to_string(people_++))}};
    ASSERT_TRUE(test_.profiles({row}));
  }
  std::uint64_t take() {
    const auto taken = test_.take_checkpoint();
    EXPECT_TRUE(taken) << taken.error().message;
    return taken->retired;
  }
  // Kinds of all records: 'b' a data batch, 'r' a retired one, '.' another.
  std::string log() {
    std::string kinds;
    for (const std::string& record : test_.memory_log().records()) {
      const auto body = storage::decode(record).value().body;
      if (std::holds_alternative<storage::DataBatch>(body)) kinds += 'b';
      else kinds += std::holds_alternative<storage::Retired>(body) ? 'r' : '.';
    }
    return kinds;
  }
  void expect_all() { EXPECT_EQ(people_, test_.count(question("everyone")).value()); }

  TemporaryFolder folder_;
  storage::CheckpointStore store_{folder_.path()};
  TestEngine test_{default_rows(), kRandomNow};
  std::uint64_t people_ = 0;
};

TEST_F(RawRetention, WaitsForBothCheckpointsAndForItsTime) {
  start(2 * kDay);
  add_person();
  add_person();
  EXPECT_EQ(0U, take());
  test_.clock().advance(3 * kDay);
  // Old enough, but the one checkpoint would be all there is.
  EXPECT_EQ(0U, take());
  add_person();
  EXPECT_EQ(1U, take());
  // The record that the older checkpoint ends with names its log: it stays.
  EXPECT_EQ("rbb", log());
  add_person();
  EXPECT_EQ(1U, take());
  EXPECT_EQ("rrbb", log());
  // Three days old it is gone, too; a young one stays.
  test_.clock().advance(kDay);
  add_person();
  EXPECT_EQ(0U, take());
  test_.clock().advance(2 * kDay);
  EXPECT_EQ(1U, take());
  EXPECT_EQ("rrrbb", log());
  expect_all();
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  expect_all();
}

TEST_F(RawRetention, KeepsWhatIsNoDataBatch) {
  start(0);
  add_person();
  ASSERT_TRUE(test_.engine().put_segment(pass<Permission::Define>(), "those",
                                         R"({"where": "everyone"})"));
  ASSERT_TRUE(test_.engine().record_outcome(pass<Permission::Activate>(), "sync", {"one"}));
  add_person();
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "p0"));
  test_.clock().advance(1);
  take();
  add_person();
  EXPECT_EQ(2U, take());
  EXPECT_EQ("r...r...b.", log());
  ASSERT_TRUE(test_.restart());
  std::vector<std::string> told;
  ASSERT_TRUE(test_.engine().outcomes(pass<Permission::Activate>(), "sync",
                                      [&](std::string_view payload) -> Status {
                                        told.emplace_back(payload);
                                        return Ok{};
                                      }));
  EXPECT_EQ(std::vector<std::string>{"one"}, told);
  const auto those = test_.count(question("in segment \"those\""));
  ASSERT_TRUE(those) << those.error().message;
  EXPECT_EQ(2U, *those);
}

TEST_F(RawRetention, WithoutACheckpointTheStartIsRefusedAndNamesTheRecord) {
  start(0);
  for (int i = 0; i < 3; ++i) {
    add_person();
    test_.clock().advance(1);
    take();
  }
  ASSERT_EQ("rbb", log());
  // The oldest checkpoint and the log behind it give the same.
  const auto live = test_.engine().fingerprint(pass<Permission::Admin>());
  test_.start_from(Base::OldestCheckpoint);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(2U, test_.engine().health().checkpoint);
  expect_all();
  EXPECT_EQ(live.value(), test_.engine().fingerprint(pass<Permission::Admin>()).value());
  test_.start_from(Base::Nothing);
  const Status refused = test_.restart();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::NotFound, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("record 1 "))
      << refused.error().message;
}

TEST_F(RawRetention, TheArchiveBringsTheWholeLogBack) {
  const TemporaryFolder archive;
  start(0, archive.path() / "raw");
  const std::size_t all = 6;
  std::vector<std::string> whole;
  for (std::size_t i = 0; i < all; ++i) {
    add_person();
    whole.push_back(test_.memory_log().records().back());
    test_.clock().advance(1);
    take();
  }
  ASSERT_EQ("rrrrbb", log());
  const auto done = storage::unarchive(test_.memory_log(), archive.path() / "raw");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(4U, done->records);
  EXPECT_EQ(whole, test_.memory_log().records());
  test_.start_from(Base::Nothing);
  ASSERT_TRUE(test_.restart());
  expect_all();
}

// What was put back leaves again, for a file of its own: the first one still has what it had.
TEST_F(RawRetention, WhatWasPutBackLeavesAgainWithoutHarm) {
  const TemporaryFolder archive;
  start(0, archive.path());
  const auto add_and_take = [this] {
    add_person();
    test_.clock().advance(1);
    take();
  };
  for (int i = 0; i < 5; ++i) add_and_take();
  ASSERT_EQ("rrrbb", log());
  ASSERT_TRUE(storage::unarchive(test_.memory_log(), archive.path()));
  ASSERT_EQ("bbbbb", log());
  ASSERT_TRUE(test_.restart());
  add_and_take();
  ASSERT_EQ("rrrrbb", log());
  ASSERT_TRUE(storage::unarchive(test_.memory_log(), archive.path()));
  ASSERT_EQ("bbbbbb", log());
  test_.start_from(Base::Nothing);
  ASSERT_TRUE(test_.restart());
  expect_all();
}

// The two checkpoints share what did not change between them: one bad byte may be in both.
TEST_F(RawRetention, NothingLeavesForADamagedCheckpoint) {
  start(0);
  const auto add_and_take = [this] {
    add_person();
    test_.clock().advance(1);
    return take();
  };
  add_and_take();
  add_and_take();
  const auto newest = store_.open(store_.sequences()[0]);
  ASSERT_TRUE(newest);
  const auto& schema = (*newest)->manifest().sections.at("schema");
  const auto file = store_.blocks_file(schema.file);
  const auto size = std::filesystem::file_size(file);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(schema.offset))
      .put('\x7f');
  ASSERT_EQ(size, std::filesystem::file_size(file));
  EXPECT_EQ(0U, add_and_take());
  EXPECT_EQ("bbb", log());
  ASSERT_EQ(1U, test_.notices().size());
  EXPECT_NE(std::string::npos, test_.notices()[0].find("schema")) << test_.notices()[0];
  // The next one is written whole, and the one behind it is there to fall back to.
  EXPECT_EQ(0U, add_and_take());
  EXPECT_EQ(3U, add_and_take());
  EXPECT_EQ("rrrbb", log());
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(test_.notices().empty());
  expect_all();
}

TEST(RetiredRecords, AreReclaimedByTheNextProcessToo) {
  const std::string batch = storage::encode({1, 0, storage::DataBatch{}});
  const std::string stub = storage::encode({1, 0, storage::Retired{}});
  storage::MemoryLog log({batch, stub, stub, batch, stub});
  engine::RawRetention retention(log, 0, {}, nullptr);
  EXPECT_FALSE(retention.unreclaimed());
  const auto first = retention.next(1, 10);
  ASSERT_TRUE(first && first->empty());
  const auto all = retention.next(6, 10);
  ASSERT_TRUE(all);
  EXPECT_EQ(2U, all->size());
  retention.done(*all);
  ASSERT_TRUE(retention.next(6, 10)->empty());
  ASSERT_TRUE(retention.unreclaimed());
  EXPECT_EQ(1U, retention.unreclaimed()->first);
  EXPECT_EQ(5U, retention.unreclaimed()->last);
  retention.reclaimed();
  EXPECT_FALSE(retention.unreclaimed());
}

TEST_F(RawRetention, AnArchiveThatCannotBeWrittenRetiresNothingAndSaysSo) {
  const TemporaryFolder archive;
  std::ofstream(archive.path() / "raw") << "in the way";
  start(0, archive.path() / "raw");
  for (int i = 0; i < 3; ++i) {
    add_person();
    test_.clock().advance(1);
    EXPECT_EQ(0U, take());
  }
  EXPECT_EQ("bbb", log());
  ASSERT_EQ(1U, test_.notices().size());
  EXPECT_NE(std::string::npos, test_.notices()[0].find("could not be retired"));
  // Once it can, it does.
  std::filesystem::remove(archive.path() / "raw");
  EXPECT_EQ(1U, take());
  EXPECT_EQ("rbb", log());
}

}  // namespace
}  // namespace muster::testing
