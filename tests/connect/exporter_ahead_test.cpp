// Batches that are cut while others are journaled: everybody once, whatever fails meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/random.h"
#include "connect/beside.h"
#include "tests/connect/export_world.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using muster::testing::Random;
using testing::Crash;
using testing::FakeAudience;
using testing::FakeDocuments;
using testing::FakeFactory;
using testing::FakeJournal;

constexpr index::Ordinal kPeople = 1'500;
constexpr auto kPatience = std::chrono::seconds(60);

// Goes on by itself, and by what is added.
class JumpingClock final : public Clock {
 public:
  TimeMs now() const override { return clock_.now() + ahead_.load(); }
  void jump(TimeMs by) { ahead_ += by; }

 private:
  SystemClock clock_;
  std::atomic<TimeMs> ahead_{0};
};

// What happens between threads.
struct Meeting {
  std::mutex mutex;  // Of journal and documents.
  std::atomic<bool> is_appending{false};
  std::atomic<int> appended{0};
  std::atomic<int> planned_meanwhile{0};
  std::function<void()> when_planned;  // Called by who plans meanwhile, the first time.
};

class MeetingAudience final : public Audience {
 public:
  MeetingAudience(const testing::People& people, Meeting& meeting)
      : audience_(people), meeting_(meeting) {}
  Result<AudienceMoment> members(std::string_view segment) const override {
    return audience_.members(segment);
  }
  Result<AudienceMoment> matching(const std::string& where) const override {
    return audience_.matching(where);
  }
  Result<AudienceMoment> latest() const override { return audience_.latest(); }
  Result<std::vector<engine::ProfileRow>> people(
      const AudienceMoment& moment, std::span<const index::Ordinal> ordinals,
      const std::vector<std::string>& fields) const override {
    if (meeting_.is_appending && meeting_.planned_meanwhile++ == 0 && meeting_.when_planned) {
      meeting_.when_planned();
    }
    return audience_.people(moment, ordinals, fields);
  }
  Result<index::Bitmap> erased() const override { return audience_.erased(); }
  Result<std::optional<index::Ordinal>> find(std::string_view id) const override {
    return audience_.find(id);
  }
  Result<AudienceChanges> changes(std::string_view segment, std::uint64_t from,
                                  std::size_t limit) const override {
    return audience_.changes(segment, from, limit);
  }
  std::uint64_t next_change() const override { return audience_.next_change(); }
  std::uint64_t mark(std::string_view segment) const override { return audience_.mark(segment); }
  Status check(std::string_view segment, const std::vector<std::string>& fields) const override {
    return audience_.check(segment, fields);
  }

 private:
  FakeAudience audience_;
  Meeting& meeting_;
};

// Takes its time, as a disk does, and at first until others plan meanwhile.
class SlowJournal final : public Journal {
 public:
  SlowJournal(testing::Store& store, Meeting& meeting) : journal_(store), meeting_(meeting) {}
  Status append(std::string_view stream, std::vector<std::string> payloads) override {
    meeting_.is_appending = true;
    for (int waited = 0; waited < 1 || (waited < 50 && meeting_.planned_meanwhile == 0); ++waited) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    meeting_.is_appending = false;
    ++meeting_.appended;
    const std::scoped_lock lock(meeting_.mutex);
    return journal_.append(stream, std::move(payloads));
  }
  Status replay(std::string_view stream,
                const std::function<Status(std::string_view)>& visit) const override {
    const std::scoped_lock lock(meeting_.mutex);
    return journal_.replay(stream, visit);
  }

 private:
  FakeJournal journal_;
  Meeting& meeting_;
};

class ExporterAhead : public ::testing::Test {
 protected:
  void SetUp() override { people_.add_buyers(0, kPeople); }

  void open() {
    ExporterParts parts{.audience = std::make_unique<MeetingAudience>(people_, meeting_),
                        .documents = std::make_unique<FakeDocuments>(store_),
                        .journal = std::make_unique<SlowJournal>(store_, meeting_),
                        .destinations = std::make_unique<FakeFactory>(receiver_)};
    exporter_ = testing::opened(std::move(parts), clock_, random_);
    ASSERT_NE(nullptr, exporter_);
  }

  void define(int batch) {
    ASSERT_TRUE(exporter_->put_destination(
        pass_, "d", R"({"kind":"webhook","url":"https://d.example/in","batch_size":)" +
                        std::to_string(batch) + R"(,"concurrency":4,)"
                        R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})"));
    ASSERT_TRUE(exporter_->put_sync(
        pass_, "s", R"({"segment":"buyers","destination":"d","mapping":{"mail":"email"}})"));
  }

  bool is_down() {
    const std::scoped_lock lock(meeting_.mutex);
    return store_.down;
  }
  // Until the newest run has ended, or the store is down.
  void work(const std::function<void()>& meanwhile = {}) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([this](std::stop_token stop) { exporter_->run(std::move(stop)); });
    }
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!is_down() && std::chrono::steady_clock::now() < end) {
      const auto runs = exporter_->runs(pass_, "s");
      if (runs && !runs->empty() && runs->front().state == RunState::Finished) break;
      if (meanwhile) meanwhile();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      clock_.jump(1'000);
    }
  }

  void expect_everybody_once() {
    const auto runs = exporter_->runs(pass_, "s");
    ASSERT_TRUE(runs && !runs->empty());
    EXPECT_EQ(RunState::Finished, runs->front().state);
    EXPECT_TRUE(runs->front().counts.adds_up());
    EXPECT_EQ(kPeople, runs->front().counts.sent);
    EXPECT_EQ(kPeople, receiver_.holds.size());
    EXPECT_EQ(kPeople, receiver_.order.size());
    EXPECT_EQ(0, receiver_.duplicates);
    EXPECT_EQ(0, receiver_.changed_bodies);
  }

  testing::People people_;
  testing::Store store_;
  testing::Receiver receiver_;
  Meeting meeting_;
  JumpingClock clock_;
  SystemRandom random_;
  std::unique_ptr<Exporter> exporter_;
  Exporter::Pass pass_ =
      *engine::Access::system("test").require<engine::Permission::Activate>();
};

TEST_F(ExporterAhead, BatchesAreCutWhileOthersAreJournaled) {
  open();
  define(7);
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  work();
  expect_everybody_once();
  EXPECT_GT(meeting_.planned_meanwhile.load(), 0);
}

TEST_F(ExporterAhead, NobodyIsLostOrDoubledByAKillAtAnyAppend) {
  Random random;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    store_ = {};
    receiver_ = {};
    open();
    define(10 + static_cast<int>(random.below(30)));
    ASSERT_TRUE(exporter_->start_run(pass_, "s"));
    store_.crash_at = store_.appends + 1 + static_cast<int>(random.below(25));
    store_.crash = static_cast<Crash>(random.below(3));
    work();
    exporter_.reset();
    store_.down = false;
    store_.crash_at = 0;
    receiver_.forgive();
    open();
    work();
    expect_everybody_once();
    exporter_.reset();
    open();  // What a start reads is what was.
    const auto runs = exporter_->runs(pass_, "s");
    ASSERT_TRUE(runs && !runs->empty());
    EXPECT_EQ(kPeople, runs->front().counts.sent);
  }
}

TEST_F(ExporterAhead, WhatIsPlannedIsDroppedWhereItsDocumentsAreOthers) {
  open();
  define(9);
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  int n = 0;
  work([&] {
    if (++n % 5 == 0) define(9 + n % 3);
    if (n % 7 == 0) static_cast<void>(exporter_->pause(pass_, "s"));
    if (n % 7 == 0) static_cast<void>(exporter_->resume(pass_, "s"));
  });
  expect_everybody_once();
}

// The mapping is another one while the second of many rounds is planned.
TEST_F(ExporterAhead, NobodyIsPlannedByAMappingFromBefore) {
  constexpr int kBatch = 7, kBatchesAtOnce = 16;
  int appended_by_then = 0;
  meeting_.when_planned = [&] {
    appended_by_then = meeting_.appended;
    EXPECT_TRUE(exporter_->put_sync(
        pass_, "s", R"({"segment":"buyers","destination":"d","mapping":{"post":"email"}})"));
  };
  open();
  define(kBatch);
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  work();
  ASSERT_GT(meeting_.planned_meanwhile.load(), 0);
  ASSERT_EQ(kPeople, receiver_.holds.size());
  const auto by_the_old_one = std::count_if(
      receiver_.holds.begin(), receiver_.holds.end(),
      [](const auto& held) { return held.second.find("\"mail\"") != std::string::npos; });
  // Those that stood in the ledger by then, or were being written.
  EXPECT_LE(by_the_old_one, kBatch * kBatchesAtOnce * (appended_by_then + 1));
}

TEST(Beside, IsDoneByWhoeverIsIdleOrNotAtAll) {
  int done = 0;
  Beside work([&done] { ++done; });
  work.run();
  work.run();
  EXPECT_TRUE(work.end());
  EXPECT_EQ(1, done);
  Beside withdrawn([&done] { ++done; });
  EXPECT_FALSE(withdrawn.end());
  withdrawn.run();
  EXPECT_EQ(1, done);
  Beside throwing([] { throw std::bad_alloc(); });
  throwing.run();
  EXPECT_FALSE(throwing.end());
}

TEST(Beside, IsWaitedForOnceItHasBegun) {
  std::atomic<bool> has_begun = false, may_end = false;
  bool is_done = false;
  Beside work([&] {
    has_begun = true;
    has_begun.notify_all();
    may_end.wait(false);
    is_done = true;
  });
  std::jthread idle([&work] { work.run(); });
  has_begun.wait(false);
  std::jthread later([&may_end] {
    may_end = true;
    may_end.notify_all();
  });
  EXPECT_TRUE(work.end());
  EXPECT_TRUE(is_done);
}

}  // namespace
}  // namespace muster::connect
