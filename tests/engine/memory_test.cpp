// A limit of memory: rows are refused near it, and everything else goes on.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "storage/memory_log.h"
#include "tests/support/people_decoder.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

using engine::Permission;

constexpr std::uint64_t kLimit = 8U << 20;
constexpr int kBatchesMax = 1'000;
constexpr int kBatchPeople = 1'000;

class MemoryLimit : public ::testing::Test {
 protected:
  std::unique_ptr<engine::Engine> open(std::uint64_t limit) {
    auto opened = engine::Engine::open({.log = &log_,
                                        .clock = &clock_,
                                        .decoder = private_rows().decoder,
                                        .memory_bytes_max = limit});
    return std::move(opened.value());
  }
  // More people with an id and a number each.
  static Result<engine::IngestReceipt> add_people(engine::Engine& engine, int batch) {
    std::vector<Row> rows;
    for (int i = 0; i < kBatchPeople; ++i) {
      const std::string id = "p" + std::to_string(batch * kBatchPeople + i);
      rows.push_back({{"profile_id", text(id)}, {"name", text("name of " + id)}});
    }
    return engine.ingest(pass<Permission::Ingest>(), {.bytes = private_rows().write(rows)});
  }
  static std::uint64_t people(engine::Engine& engine) {
    return engine.count(pass<Permission::Query>(), {.where = "everyone"}).value().count;
  }

  ManualClock clock_{0};
  storage::MemoryLog log_;
};

TEST_F(MemoryLimit, RefusesRowsAndNothingElse) {
  const auto engine = open(kLimit);
  std::uint64_t taken = 0;
  Error refused{ErrorCode::InvalidArgument, ""};
  for (int batch = 0; batch < kBatchesMax && refused.message.empty(); ++batch) {
    const auto receipt = add_people(*engine, batch);
    if (receipt) {
      taken += receipt->accepted;
    } else {
      refused = receipt.error();
    }
    // It is looked at ten times a second.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_EQ(ErrorCode::StorageFull, refused.code) << refused.message;
  EXPECT_NE(std::string::npos, refused.message.find("of the 8 MiB that --memory-limit allows"))
      << refused.message;
  EXPECT_GT(memory_bytes(*engine), kLimit / 10 * 9);
  EXPECT_FALSE(engine->health().read_only);
  EXPECT_EQ(taken, people(*engine));
  EXPECT_TRUE(engine->erase(pass<Permission::Define>(), "p7"));
  EXPECT_EQ(taken - 1, people(*engine));
}

TEST_F(MemoryLimit, ServesWhatIsThereAlready) {
  {
    const auto engine = open(0);
    for (int batch = 0; batch < 100; ++batch) ASSERT_TRUE(add_people(*engine, batch));
  }
  const auto engine = open(1U << 20);
  EXPECT_EQ(100'000U, people(*engine));
  EXPECT_FALSE(add_people(*engine, 100));
}

TEST_F(MemoryLimit, FieldsFromHistoryCountToo) {
  {
    const auto engine = open(0);
    for (int batch = 0; batch < 128; ++batch) ASSERT_TRUE(add_people(*engine, batch));
  }
  const auto made_with = [this](std::uint64_t limit) {
    const auto engine = open(limit);
    const std::uint64_t index = memory_bytes(*engine);
    EXPECT_TRUE(engine->derive(pass<Permission::Define>(),
                               {.fields = R"({"profiles.name": {"type": "string", "list": true}})",
                                .dry_run = true}));
    for (;;) {
      const auto answer = engine->derivation(pass<Permission::Query>());
      const bool is_over = answer.state != engine::DeriveState::Reading &&
                           answer.state != engine::DeriveState::Writing;
      if (is_over) return std::pair(answer, index);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  const auto [free, index] = made_with(0);
  EXPECT_EQ(engine::DeriveState::Done, free.state) << free.failure;
  const auto [tight, same] = made_with(index / 8 * 9);
  EXPECT_EQ(engine::DeriveState::Failed, tight.state);
  EXPECT_NE(std::string::npos, tight.failure.find("--memory-limit allows")) << tight.failure;
}

}  // namespace
}  // namespace muster::testing
