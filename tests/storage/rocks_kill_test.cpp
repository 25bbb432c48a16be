#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <future>
#include <thread>

#include "base/random.h"
#include "storage/rocks_log.h"
#include "tests/storage/rocks_log_writer.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

enum class KillAfter { Start, FirstAcknowledgement };

// Runs the writer on `directory` until it is killed, `delay` after the given moment; returns the
// last number that it printed as acknowledged, or 0.
std::uint64_t acknowledged_before_kill(const std::filesystem::path& directory, std::uint64_t seed,
                                       KillAfter moment, std::chrono::microseconds delay) {
  int pipe_ends[2];
  EXPECT_EQ(0, pipe2(pipe_ends, O_CLOEXEC));
  const std::string seed_text = std::to_string(seed);
  const pid_t writer = fork();
  if (writer == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    execl(ROCKS_LOG_WRITER, ROCKS_LOG_WRITER, directory.c_str(), seed_text.c_str(), nullptr);
    _exit(127);
  }
  close(pipe_ends[1]);
  std::promise<void> printed_first;
  std::thread killer([&, first = printed_first.get_future()] {
    if (moment == KillAfter::FirstAcknowledgement) first.wait_for(std::chrono::seconds(20));
    std::this_thread::sleep_for(delay);
    kill(writer, SIGKILL);
  });
  std::string printed;
  char buffer[65'536];
  for (ssize_t size; (size = read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    if (printed.empty()) printed_first.set_value();
    printed.append(buffer, static_cast<std::size_t>(size));
  }
  killer.join();
  close(pipe_ends[0]);
  int status = 0;
  waitpid(writer, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
  // Whole lines only.
  printed.resize(printed.find_last_of('\n') + 1);
  if (printed.empty()) return 0;
  const std::size_t line = printed.find_last_of('\n', printed.size() - 2) + 1;
  return std::stoull(printed.substr(line));
}

TEST(RocksKill, NothingThatWasAcknowledgedIsLostInTwentyKills) {
  SeededRandom random(seed_of_run());
  const TemporaryFolder folder;
  std::uint64_t acknowledged = 0;
  int kills_with_progress = 0;
  for (int kill = 0; kill < 20; ++kill) {
    // In turn: in the middle of opening, and in the middle of appending.
    const bool opening = kill % 4 == 0;
    const std::chrono::microseconds delay(random.below(opening ? 60'000 : 200'000));
    const KillAfter moment = opening ? KillAfter::Start : KillAfter::FirstAcknowledgement;
    const std::uint64_t seen =
        acknowledged_before_kill(folder.path(), random.next(), moment, delay);
    if (seen > 0) ++kills_with_progress;
    acknowledged = std::max(acknowledged, seen);
    auto log = RocksLog::open(folder.path());
    ASSERT_TRUE(log) << "kill " << kill << ": " << log.error().message;
    ASSERT_GE((*log)->last_sequence(), acknowledged) << "kill " << kill;
    std::uint64_t read = 0;
    auto status = (*log)->read(1, [&](std::uint64_t sequence, std::string_view record) -> Status {
      read = sequence;
      if (record == written_record(sequence)) return Ok{};
      return Error{ErrorCode::Corrupt, "record " + std::to_string(sequence) + " is another one"};
    });
    ASSERT_TRUE(status) << status.error().message;
    ASSERT_EQ((*log)->last_sequence(), read);
    acknowledged = read;  // What was recovered counts from now on.
  }
  std::printf("%llu records after 20 kills\n", static_cast<unsigned long long>(acknowledged));
  EXPECT_GE(kills_with_progress, 15);
}

}  // namespace
}  // namespace muster::storage
