// A restart knows what was acknowledged, and nothing else; after a failed sync nothing is.
#include <gtest/gtest.h>

#include <latch>
#include <map>
#include <thread>

#include "storage/checkpoint_store.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/watched_log.h"

namespace muster::testing {
namespace {

using engine::Permission;

std::vector<std::string> some_questions(Random& random, const People& people, int number) {
  RandomSegment segments(random, people);
  std::vector<std::string> out;
  for (int i = 0; i < number; ++i) out.push_back(segments.predicate(2));
  return out;
}

std::string answer_of(TestEngine& test, const std::string& where) {
  const auto members = test.members(question(where));
  if (!members) return members.error().message;
  std::string out;
  for (const std::string& id : *members) out += id + " ";
  return out;
}

TEST(Replay, AnswersAsBeforeTheRestart) {
  Random random;
  const People people = random_people(random, {});
  for (const Declare how : {Declare::Everything, Declare::WhatCannotBeInferred}) {
    TestEngine test(default_rows(), kRandomNow);
    const Status loaded = test.load(people, how, 37);
    ASSERT_TRUE(loaded) << loaded.error().message;

    std::map<std::string, std::string> before;
    for (const std::string& where : some_questions(random, people, 60)) {
      before[where] = answer_of(test, where);
    }
    const std::string schema = test.engine().schema_json(pass<Permission::Query>());
    const std::uint64_t snapshot = test.engine().health().snapshot;

    ASSERT_TRUE(test.restart());
    EXPECT_EQ(schema, test.engine().schema_json(pass<Permission::Query>()));
    EXPECT_EQ(snapshot, test.engine().health().snapshot);
    for (const auto& [where, expected] : before) {
      EXPECT_EQ(expected, answer_of(test, where)) << where;
    }
  }
}

TEST(Replay, GivesTheSameAnswersForEverySizeOfBatch) {
  Random random;
  const People people = random_people(random, {});
  const auto questions = some_questions(random, people, 40);
  TestEngine whole(default_rows(), kRandomNow);
  ASSERT_TRUE(whole.load(people, Declare::Everything));
  for (const std::size_t batch_rows : {1U, 13U}) {
    TestEngine parts(default_rows(), kRandomNow);
    ASSERT_TRUE(parts.load(people, Declare::Everything, batch_rows));
    for (const std::string& where : questions) {
      EXPECT_EQ(answer_of(whole, where), answer_of(parts, where)) << where;
    }
  }
}

class FailedSync : public ::testing::TestWithParam<storage::FailureKind> {};

TEST_P(FailedSync, EndsWritingAndLosesNothingAcknowledged) {
  constexpr std::uint64_t kGoodAppends = 3;
  storage::MemoryLog kept;
  storage::FailingLog log(kept, kGoodAppends + 1, GetParam());
  TestEngine test(private_rows(), kRandomNow, &log);
  const bool full = GetParam() == storage::FailureKind::DiskFull;

  std::uint64_t acknowledged = 0;
  for (int i = 0; i < 6; ++i) {
    const Row row{{"profile_id", PlainField{false, {"p" + std::to_string(i)}}},
                  {"n", PlainField{false, {Decimal{i, 0}}}}};
    const auto receipt = test.profiles({row});
    if (receipt) ++acknowledged;
    EXPECT_EQ(i < static_cast<int>(kGoodAppends), receipt.has_value()) << i;
    if (!receipt) {
      EXPECT_EQ(full ? ErrorCode::StorageFull : ErrorCode::Unavailable, receipt.error().code);
    }
    EXPECT_EQ(acknowledged, test.count(question("everyone")).value());
  }
  // A full disk refuses each change before it is begun, and takes the next when there is room.
  EXPECT_EQ(!full, test.engine().health().read_only);
  EXPECT_EQ(full, test.engine().health().reason.empty());

  // The next life reads what the disk kept: all that was acknowledged, perhaps one batch more.
  TestEngine next(private_rows(), kRandomNow, &kept);
  const std::uint64_t after = next.count(question("everyone")).value();
  EXPECT_GE(after, acknowledged);
  EXPECT_LE(after, acknowledged + 1);
  EXPECT_TRUE(next.profiles({{{"profile_id", PlainField{false, {std::string("new")}}}}}));
}

INSTANTIATE_TEST_SUITE_P(Kinds, FailedSync,
                         ::testing::Values(storage::FailureKind::NothingWritten,
                                           storage::FailureKind::WrittenNotConfirmed,
                                           storage::FailureKind::DiskFull));

TEST(Replay, ADamagedRecordStopsTheStartAndIsNamed) {
  TestEngine test(private_rows(), kRandomNow);
  ASSERT_TRUE(test.profiles({{{"profile_id", PlainField{false, {std::string("a")}}}}}));
  ASSERT_TRUE(test.profiles({{{"profile_id", PlainField{false, {std::string("b")}}}}}));
  std::vector<std::string> records = test.memory_log().records();
  records.at(1).back() = static_cast<char>(records.at(1).back() ^ 1);

  storage::MemoryLog damaged(records);
  ManualClock clock(kRandomNow);
  const auto opened = engine::Engine::open(
      {.log = &damaged, .clock = &clock, .decoder = private_rows().decoder});
  ASSERT_FALSE(opened);
  EXPECT_EQ(ErrorCode::Corrupt, opened.error().code);
  EXPECT_NE(std::string::npos, opened.error().message.find("2")) << opened.error().message;
}

TEST(Clock, NeverGoesBack) {
  TestEngine test(private_rows(), kRandomNow);
  EXPECT_EQ(kRandomNow, test.engine().now());
  test.clock().set(kRandomNow - 5'000);
  EXPECT_EQ(kRandomNow, test.engine().now());
  test.clock().set(kRandomNow + 5'000);
  EXPECT_EQ(kRandomNow + 5'000, test.engine().now());
}

// A batch and the retirement of others are committed together, and the retirement fails: nobody
// may be told that the batch was taken.
TEST(Replay, NothingIsAcknowledgedInAGroupThatEndedWriting) {
  const TemporaryFolder folder;
  const storage::CheckpointStore store(folder.path());
  storage::MemoryLog memory;
  WatchedLog log(memory);
  TestEngine test(default_rows(), kRandomNow, &log);
  test.keep_checkpoints(store);
  test.retire_after(0);
  ASSERT_TRUE(test.restart());
  const auto send = [&test](const std::string& id) {
    return test.engine().ingest(pass<Permission::Ingest>(),
                                {.table = storage::TableKind::Profiles,
                                 .bytes = test.spelling().write({{{"profile_id", text(id)}}})});
  };
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(send("p" + std::to_string(i)));
    test.clock().advance(1'000);
    ASSERT_TRUE(test.take_checkpoint());
  }
  ASSERT_TRUE(send("p2"));
  test.clock().advance(1'000);
  const auto wait_for_queue = [&test](std::uint64_t depth) {
    while (test.engine().health().queue_depth < depth) std::this_thread::yield();
  };
  std::latch retires(1), may_retire(1), appends(1), may_append(1);
  log.before_reading = [&] {
    retires.count_down();
    may_retire.wait();
  };
  log.instead_of_replacing = []() -> Status {
    return Error{ErrorCode::Unavailable, "the disk is broken"};
  };
  std::jthread retiring([&] {
    EXPECT_TRUE(test.take_checkpoint());
    EXPECT_FALSE(log.before_reading) << "nothing was to be retired";
    if (log.before_reading) retires.count_down();
  });
  retires.wait();
  log.before_appending = [&] {
    appends.count_down();
    may_append.wait();
  };
  std::jthread first([&] { EXPECT_TRUE(send("leader")); });
  appends.wait();
  std::jthread second([&] {
    const auto sent = send("lost");
    EXPECT_FALSE(sent) << "was acknowledged as record " << (sent ? sent->sequence : 0);
  });
  wait_for_queue(2);
  may_retire.count_down();
  wait_for_queue(3);
  may_append.count_down();
  for (std::jthread* thread : {&retiring, &first, &second}) thread->join();
  EXPECT_FALSE(send("after"));
  TestEngine again(default_rows(), kRandomNow, &memory);
  again.keep_checkpoints(store);
  ASSERT_TRUE(again.restart());
  EXPECT_EQ(again.members(question("everyone")).value(),
            (std::vector<std::string>{"leader", "p0", "p1", "p2"}));
}

}  // namespace
}  // namespace muster::testing
