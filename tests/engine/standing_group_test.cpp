// Several changes that are committed together: what stands is what each of them alone would leave.
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "tests/engine/standing_case.h"
#include "tests/support/watched_log.h"

namespace muster::testing {
namespace {

// More than a set lists one by one.
constexpr int kPeople = 3'000;

class StandingGroup : public ::testing::Test {
 protected:
  Status send_views(const std::vector<std::string>& people) {
    std::vector<Row> rows;
    for (const std::string& id : people) {
      const PlainEvent event{
          .id = "view of " + id, .name = "view", .time = kRandomNow, .properties = {}};
      rows.push_back(event_row(id, event));
    }
    const auto sent = test_.events(rows);
    return sent ? Status(Ok{}) : Status(sent.error());
  }
  std::uint64_t told(const std::string& segment) {
    const auto size = test_.engine().segment_size(pass<engine::Permission::Query>(), segment);
    EXPECT_TRUE(size);
    return size ? size->members : 0;
  }
  // Waits in the queue behind the others.
  void wait_for_queue(std::uint64_t depth) {
    while (test_.engine().health().queue_depth < depth) std::this_thread::yield();
  }

  storage::MemoryLog memory_;
  WatchedLog log_{memory_};
  TestEngine test_{default_rows(), kRandomNow, &log_};
};

TEST_F(StandingGroup, WhoIsErasedBehindAnEventOfTheirsLeavesOnce) {
  std::vector<Row> rows;
  for (int i = 0; i < kPeople; ++i) rows.push_back({{"profile_id", text("p" + std::to_string(i))}});
  ASSERT_TRUE(test_.profiles(rows));
  ASSERT_TRUE(send_views({"p7"}));
  for (const auto& [id, where] : {std::pair("quiet", R"({"where":"not did \"view\""})"),
                                  std::pair("seen", R"({"where":"did \"view\""})")}) {
    ASSERT_TRUE(test_.engine().put_segment(pass<engine::Permission::Define>(), id, where));
  }
  ASSERT_EQ(told("quiet"), kPeople - 1U);
  const std::uint64_t first = test_.engine().next_change();
  std::latch appends(1), may_append(1);
  log_.before_appending = [&] {
    appends.count_down();
    may_append.wait();
  };
  std::jthread leader([&] { EXPECT_TRUE(test_.profiles({{{"profile_id", text("another")}}})); });
  appends.wait();
  std::jthread viewing([&] { EXPECT_TRUE(send_views({"p1", "p2", "p3"})); });
  wait_for_queue(2);
  const auto erase = [&](const char* id) {
    EXPECT_TRUE(test_.engine().erase(pass<engine::Permission::Define>(), id));
  };
  std::jthread erasing([&] { erase("p2"); });
  wait_for_queue(3);
  may_append.count_down();
  for (std::jthread* thread : {&leader, &viewing, &erasing}) thread->join();

  EXPECT_EQ(told("quiet"), test_.count(question("not did \"view\"")).value());
  EXPECT_EQ(told("quiet"), kPeople - 3U);  // Without 1, 2, 3 and 7, with another.
  EXPECT_EQ(told("seen"), test_.count(question("did \"view\"")).value());
  const auto read = test_.engine().changes(pass<engine::Permission::Members>(),
                                           {.segment = "quiet", .from = first});
  ASSERT_TRUE(read);
  std::map<index::Ordinal, int> left;
  for (const engine::ChangeRow& row : read->rows) left[row.person] += row.entered ? 0 : 1;
  for (const auto& [person, times] : left) EXPECT_LE(times, 1) << "ordinal " << person;
}

}  // namespace
}  // namespace muster::testing
