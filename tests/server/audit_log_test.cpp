// What the audit promises while its disk stands still: a pipe that nobody reads is such a disk.
#include "server/audit_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

namespace muster::server {
namespace {

using std::chrono::milliseconds;

// Long enough for a busy machine; reached only when a test fails.
constexpr std::chrono::seconds kPatience{20};
// More than wait for the disk at most, and than a pipe has room for.
constexpr int kLines = 30'000;

class StandingDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("muster-audit-pipe-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    const std::string path = folder_ / "audit.ndjson";
    ASSERT_EQ(0, ::mkfifo(path.c_str(), 0600));
    reader_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    ASSERT_GE(reader_, 0);
    // What stands there is read back at the start: nothing, by writers that come and go.
    std::atomic<bool> is_open = false;
    std::jthread nothing([&] {
      while (!is_open.load()) {
        const int writer = ::open(path.c_str(), O_WRONLY | O_NONBLOCK);
        std::this_thread::sleep_for(milliseconds(5));
        ::close(writer);
        std::this_thread::sleep_for(milliseconds(5));
      }
    });
    auto log = AuditLog::open(folder_);
    is_open = true;
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    writing_ = std::jthread([this](std::stop_token stop) { log_->run(stop); });
  }
  void TearDown() override {
    // The disk goes on, so that the writer can end.
    std::atomic<bool> is_done = false;
    std::jthread reading([&] {
      std::array<char, 65'536> scratch;
      while (!is_done.load()) {
        if (::read(reader_, scratch.data(), scratch.size()) <= 0) {
          std::this_thread::sleep_for(milliseconds(1));
        }
      }
    });
    writing_.request_stop();
    writing_.join();
    is_done = true;
    reading.join();
    log_.reset();
    ::close(reader_);
    std::filesystem::remove_all(folder_);
  }

  // Whether all of them are taken while the disk stands.
  bool are_taken(int count, int status) {
    auto taken = std::async(std::launch::async, [this, count, status] {
      for (int i = 0; i < count; ++i) {
        log_->write({.at = i, .principal = "p", .action = "GET /v1/x", .status = status});
      }
    });
    return taken.wait_for(kPatience) == std::future_status::ready;
  }

  std::filesystem::path folder_;
  int reader_ = -1;
  std::unique_ptr<AuditLog> log_;
  std::jthread writing_;
};

TEST_F(StandingDisk, NoCallWaitsForItWhileThereIsRoom) {
  EXPECT_TRUE(are_taken(5'000, 200));
  EXPECT_EQ(0U, log_->lost());
  EXPECT_EQ(5'000U, log_->newest(10'000).size());
}

TEST_F(StandingDisk, NoRefusalForLoadEverWaitsForIt) {
  EXPECT_TRUE(are_taken(kLines, 429));
  EXPECT_GT(log_->lost(), 0U);
  EXPECT_TRUE(log_->is_crowded());
  EXPECT_EQ(kAuditKeptMax, log_->newest(kLines).size());
}

}  // namespace
}  // namespace muster::server
