#include "storage/memory_log.h"

#include <gtest/gtest.h>

#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

using Records = std::vector<std::string>;

TEST(MemoryLog, NumbersFromOneAndReadsFromAnyNumber) {
  MemoryLog log;
  EXPECT_EQ(0U, log.last_sequence());
  ASSERT_TRUE(log.append(Records{"a", ""}));
  ASSERT_TRUE(log.append(Records{"c"}));
  EXPECT_EQ(3U, log.last_sequence());
  EXPECT_EQ((Records{"a", "", "c"}), *records_of(log));
  EXPECT_EQ((Records{"c"}), *records_of(log, 3));
  EXPECT_EQ(Records{}, *records_of(log, 4));
}

TEST(MemoryLog, StopsReadingAtAnErrorOfTheVisitor) {
  MemoryLog log(Records{"a", "b", "c"});
  std::uint64_t seen = 0;
  auto status = log.read(1, [&](std::uint64_t sequence, std::string_view) -> Status {
    seen = sequence;
    if (sequence == 2) return Error{ErrorCode::Corrupt, "no"};
    return Ok{};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ("no", status.error().message);
  EXPECT_EQ(2U, seen);
}

TEST(FailingLog, FailsTheNthAppendAndEveryLaterOne) {
  MemoryLog inner(Records{"old"});
  FailingLog log(inner, 2);
  ASSERT_TRUE(log.append(Records{"a", "b"}));
  for (int i = 0; i < 3; ++i) {
    auto status = log.append(Records{"c"});
    ASSERT_FALSE(status);
    EXPECT_EQ(ErrorCode::Unavailable, status.error().code);
  }
  EXPECT_EQ(3U, log.last_sequence());
  EXPECT_EQ((Records{"old", "a", "b"}), *records_of(log));
  EXPECT_EQ((Records{"old", "a", "b"}), inner.records());
}

TEST(FailingLog, HidesWhatWasWrittenButNotConfirmed) {
  MemoryLog inner;
  FailingLog log(inner, 1, FailureKind::WrittenNotConfirmed);
  EXPECT_FALSE(log.append(Records{"a"}));
  EXPECT_FALSE(log.append(Records{"b"}));
  EXPECT_EQ(0U, log.last_sequence());
  EXPECT_EQ(Records{}, *records_of(log));
  EXPECT_EQ((Records{"a"}), inner.records());
}

TEST(FailingLog, SaysThatTheDiskIsFull) {
  MemoryLog inner;
  FailingLog log(inner, 1, FailureKind::DiskFull);
  auto status = log.append(Records{"a"});
  ASSERT_FALSE(status);
  EXPECT_EQ(ErrorCode::StorageFull, status.error().code);
  EXPECT_EQ(Records{}, inner.records());
}

}  // namespace
}  // namespace muster::storage
