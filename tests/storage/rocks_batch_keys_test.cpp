// Data batches that are sealed with keys of their own: they read back until they are rewritten or
// let go, and then nobody reads what stood there.
#include <gtest/gtest.h>

#include "storage/inspect.h"
#include "storage/rocks_log.h"
#include "storage/sealed_record.h"
#include "tests/storage/failing_sync_support.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

std::string batch_of(const std::string& raw) {
  DataBatch batch;
  batch.raw = raw;
  return encode({7, 0, batch});
}

class BatchKeysOfALog : public ::testing::Test {
 protected:
  fs::path data() const { return folder_.path() / "data"; }
  fs::path keys() const { return data() / "batch-keys"; }
  std::unique_ptr<RocksLog> open(LogAccess access = LogAccess::ReadWrite) {
    auto log = RocksLog::open(data(), {.access = access, .keys = ring_});
    EXPECT_TRUE(log) << (log ? "" : log.error().message);
    return log ? std::move(*log) : nullptr;
  }
  std::uint64_t destroyed() const {
    const auto slots = KeySlots::open(keys(), SlotUse::Batches, *ring_, LogAccess::ReadOnly);
    return slots ? (*slots)->destroyed_count() : ~0ULL;
  }

  TemporaryFolder folder_;
  const std::shared_ptr<const Keyring> ring_ = Keyring::make(std::string(32, 'k')).value();
};

TEST_F(BatchKeysOfALog, BatchesReadBackAsTheyWereInEveryLife) {
  std::vector<std::string> written;
  for (int life = 0; life < 3; ++life) {
    const auto log = open();
    for (int i = 0; i < 5; ++i) {
      written.push_back(batch_of("row " + std::to_string(life * 5 + i)));
      written.push_back(encode({7, 0, ClockTick{5}}));
      ASSERT_TRUE(log->append(std::span(written).last(2)));
    }
    EXPECT_EQ(written, records_of(*log).value());
    EXPECT_EQ(written, records_of(*open(LogAccess::ReadOnly)).value());
  }
  EXPECT_EQ(0U, destroyed());
  const auto found = inspect(data(), InspectForm::Text, ring_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->sound) << found->report;
  EXPECT_NE(found->report.find("batch-keys: "), std::string::npos) << found->report;
}

TEST_F(BatchKeysOfALog, WhatIsReplacedIsReadByNobodyAnyMore) {
  const std::string copy = (folder_.path() / "copy").string();
  {
    const auto log = open();
    const std::vector<std::string> all{batch_of("one"), batch_of("two"), batch_of("three")};
    ASSERT_TRUE(log->append(all));
  }
  fs::copy(data(), copy, fs::copy_options::recursive);
  {
    const auto log = open();
    const std::vector<Replacement> others{{1, batch_of("another")},
                                          {2, encode({7, 0, Retired{{1, 2}, 3, ""}})}};
    ASSERT_TRUE(log->replace(others));
    const auto records = records_of(*log).value();
    EXPECT_EQ(others[0].record, records[0]);
    EXPECT_EQ(others[1].record, records[1]);
    EXPECT_EQ(batch_of("three"), records[2]);
    EXPECT_EQ(2U, destroyed());
  }
  // The log as it was, with the keys as they are.
  fs::copy(keys(), fs::path(copy) / "batch-keys", fs::copy_options::overwrite_existing);
  const auto before = RocksLog::open(copy, {.access = LogAccess::ReadOnly, .keys = ring_});
  ASSERT_TRUE(before);
  const auto records = records_of(**before);
  ASSERT_FALSE(records);
  EXPECT_NE(records.error().message.find("was destroyed"), std::string::npos)
      << records.error().message;
  EXPECT_EQ(batch_of("three"), records_of(**before, 3).value().front());
}

// What was under way when a sync failed may be there at the next start, and then it is read.
TEST_F(BatchKeysOfALog, ABatchWhoseSyncFailedKeepsItsKey) {
  const auto log = open();
  ASSERT_TRUE(log->append(std::vector{batch_of("one")}));
  {
    const FailingSync failing;
    ASSERT_FALSE(log->append(std::vector{batch_of("two")}));
  }
  EXPECT_FALSE(log->reclaim(1, 1, {}));
  const fs::path left = folder_.path() / "left";
  fs::copy(data(), left, fs::copy_options::recursive);
  const auto again = RocksLog::open(left, {.keys = ring_});
  ASSERT_TRUE(again) << again.error().message;
  const auto records = records_of(**again);
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(*records, (std::vector{batch_of("one"), batch_of("two")}));
}

TEST_F(BatchKeysOfALog, WhatACrashKeptFromBeingDestroyedGoesBeforeFilesAreRewritten) {
  const std::vector<std::string> all{batch_of("one"), batch_of("two")};
  const fs::path before = folder_.path() / "before";
  {
    const auto log = open();
    ASSERT_TRUE(log->append(all));
  }
  fs::copy(keys(), before);
  {
    const auto log = open();
    const std::vector<Replacement> others{{1, batch_of("another")}};
    ASSERT_TRUE(log->replace(others));
  }
  const fs::path after = folder_.path() / "after";
  fs::copy(keys(), after);
  // The keys as of after the replacement, but for the one that was to be destroyed.
  {
    const std::string was = content_of(before).substr(8'192, kSlotBytes);
    std::string now = content_of(keys());
    now.replace(8'192, kSlotBytes, was);
    replace_content(keys(), now);
  }
  ASSERT_EQ(0U, destroyed());
  const auto log = open();
  ASSERT_TRUE(log->reclaim(1, 2));
  const auto slots = KeySlots::open(keys(), SlotUse::Batches, *ring_, LogAccess::ReadOnly);
  ASSERT_TRUE(slots);
  EXPECT_TRUE((*slots)->is_destroyed(0));
  EXPECT_EQ(batch_of("another"), records_of(*log).value()[0]);
  EXPECT_EQ(batch_of("two"), records_of(*log).value()[1]);
  const std::vector<std::string> more{batch_of("three")};
  ASSERT_TRUE(log->append(more));
  EXPECT_EQ(more[0], records_of(*log).value()[2]);
}

TEST_F(BatchKeysOfALog, DataOfBeforeGetKeysWhenTheyAreOpened) {
  const std::vector<std::string> outcome{encode({1, 0, Outcome{"stream", "payload"}})};
  ASSERT_TRUE(open()->append(outcome));
  fs::remove(keys());
  fs::remove(data() / "person-keys");
  replace_content(data() / "FORMAT", "muster-data 2\n");
  EXPECT_EQ(outcome, records_of(*open(LogAccess::ReadOnly)).value());
  EXPECT_EQ("muster-data 2\n", content_of(data() / "FORMAT")) << "who reads changes nothing";
  const std::vector<std::string> batch{batch_of("row")};
  ASSERT_TRUE(open()->append(batch));
  EXPECT_EQ("muster-data 3\n", content_of(data() / "FORMAT"));
  EXPECT_EQ((std::vector<std::string>{outcome[0], batch[0]}), records_of(*open()).value());
  // From then on they are not missed silently.
  for (const char* name : {"batch-keys", "person-keys"}) {
    fs::rename(data() / name, folder_.path() / name);
    const auto found = inspect(data(), InspectForm::Text, ring_);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->sound) << name;
    EXPECT_NE(found->report.find(std::string(name) + " is missing"), std::string::npos);
    fs::rename(folder_.path() / name, data() / name);
  }
  EXPECT_FALSE(RocksLog::open(folder_.path() / "none", {.access = LogAccess::ReadOnly}));
}

TEST_F(BatchKeysOfALog, ASealedRecordIsItsOwnAndNoOther) {
  ASSERT_TRUE(KeySlots::make(folder_.path() / "keys", SlotUse::Batches, *ring_));
  const auto opened = KeySlots::open(folder_.path() / "keys", SlotUse::Batches, *ring_,
                                     LogAccess::ReadWrite);
  ASSERT_TRUE(opened);
  KeySlots* const slots = opened->get();
  ASSERT_TRUE(slots->grow(3));
  KeySlots::Reader reader(*slots);
  const std::string record = batch_of("marked row");
  const std::string sealed = seal_record(record, 2, *reader.read(2)->key);
  EXPECT_EQ(slot_of_record(sealed), 2U);
  EXPECT_FALSE(slot_of_record(record));
  EXPECT_EQ(record, open_record(sealed, reader).value());
  EXPECT_FALSE(is_to_be_sealed(encode({1, 0, ClockTick{1}})));
  EXPECT_FALSE(is_to_be_sealed(sealed));
  // Sealed with another key, though its checksum is right.
  const std::string other = seal_record(record, 2, *reader.read(1)->key);
  EXPECT_FALSE(open_record(other, reader));
  const std::uint64_t two[] = {2};
  ASSERT_TRUE(slots->destroy(two, 0));
  EXPECT_FALSE(open_record(sealed, reader));
}

}  // namespace
}  // namespace muster::storage
