#include "storage/rocks_log.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/storage/rocks_log_writer.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<std::string>;

Records written_records(std::uint64_t first, std::uint64_t last) {
  Records records;
  for (std::uint64_t i = first; i <= last; ++i) records.push_back(written_record(i));
  return records;
}

// The error of opening `directory`, or "" when it opened.
std::string refusal(const fs::path& directory, ErrorCode expected) {
  auto log = RocksLog::open(directory);
  if (log) return "";
  EXPECT_EQ(expected, log.error().code) << log.error().message;
  return log.error().message;
}

// What a next process finds. In this one RocksDB still holds the log after a failure.
void expect_records_in_a_copy(const fs::path& directory, const Records& expected) {
  const TemporaryFolder folder;
  const fs::path copy = folder.path() / "copy";
  fs::copy(directory, copy, fs::copy_options::recursive);
  auto log = RocksLog::open(copy);
  ASSERT_TRUE(log) << log.error().message;
  auto records = records_of(**log);
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_TRUE(expected == *records) << records->size() << " records";
}

TEST(RocksLog, KeepsItsRecordsOverRestarts) {
  const TemporaryFolder folder;
  for (std::uint64_t start = 0; start < 5; ++start) {
    auto log = RocksLog::open(folder.path());
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_EQ(start * 300, (*log)->last_sequence());
    ASSERT_EQ(start * 300, (*log)->opened_watermark());
    ASSERT_TRUE((*log)->append(written_records(start * 300 + 1, start * 300 + 299)));
    ASSERT_TRUE((*log)->append(written_records(start * 300 + 300, start * 300 + 300)));
    ASSERT_TRUE((*log)->append({}));
    auto records = records_of(**log);
    ASSERT_TRUE(records) << records.error().message;
    ASSERT_EQ(written_records(1, start * 300 + 300), *records);
    EXPECT_EQ(written_records(299, start * 300 + 300), *records_of(**log, 299));
    EXPECT_EQ(Records{}, *records_of(**log, start * 300 + 301));
    EXPECT_GT((*log)->size_bytes(), 0U);
  }
}

TEST(RocksLog, MakesItsDirectoryAndTakesAnyBytes) {
  const TemporaryFolder folder;
  const fs::path directory = folder.path() / "a" / "b";
  const Records records = {"", std::string("\0\xff", 2), std::string(3'000'000, 'x')};
  {
    auto log = RocksLog::open(directory);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(Records{}, *records_of(**log));
    ASSERT_TRUE((*log)->append(records));
  }
  auto log = RocksLog::open(directory);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(records, *records_of(**log));
}

bool stands_on_disk(const fs::path& directory, std::string_view text) {
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    if (content_of(entry.path()).find(text) != std::string::npos) return true;
  }
  return false;
}

// Under the same numbers, over restarts; and once the log was reclaimed, no byte of what stood
// there is on the disk, whether it had come to a sorted file or not.
TEST(RocksLog, ReplacesRecordsAndReclaimsTheirBytes) {
  const TemporaryFolder folder;
  Records records = written_records(1, 600);
  const auto mark = [](std::uint64_t i) { return "marked " + std::to_string(i) + " here"; };
  for (const std::uint64_t i : {2, 300, 599}) records[i - 1] = mark(i);
  {
    auto log = RocksLog::open(folder.path());
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->append(std::span(records).first(400)));
  }
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->append(std::span(records).subspan(400)));
  ASSERT_TRUE((*log)->replace(std::vector<Replacement>{{2, "two"}, {599, "near the end"}}));
  ASSERT_TRUE((*log)->replace(std::vector<Replacement>{{300, ""}}));
  for (const auto& [i, other] : {std::pair{2, "two"}, {599, "near the end"}, {300, ""}}) {
    records[static_cast<std::size_t>(i) - 1] = other;
  }
  EXPECT_EQ(records, *records_of(**log));
  EXPECT_TRUE(stands_on_disk(folder.path(), mark(2)));
  ASSERT_TRUE((*log)->reclaim(2, 599));
  for (const std::uint64_t i : {2, 300, 599}) EXPECT_FALSE(stands_on_disk(folder.path(), mark(i)));
  EXPECT_EQ(records, *records_of(**log));
  ASSERT_TRUE((*log)->append(written_records(601, 601)));
  log->reset();
  records.push_back(written_record(601));
  expect_records_in_a_copy(folder.path(), records);
}

TEST(RocksLog, StopsReadingAtAnErrorOfTheVisitor) {
  const TemporaryFolder folder;
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->append(written_records(1, 9)));
  std::uint64_t seen = 0;
  auto status = (*log)->read(1, [&](std::uint64_t sequence, std::string_view) -> Status {
    seen = sequence;
    if (sequence == 4) return Error{ErrorCode::Conflict, "no"};
    return Ok{};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(ErrorCode::Conflict, status.error().code);
  EXPECT_EQ(4U, seen);
}

TEST(RocksLog, IsHeldByOneProcess) {
  const TemporaryFolder folder;
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  EXPECT_EQ("the data directory " + folder.path().string() + " is in use by another process",
            refusal(folder.path(), ErrorCode::Unavailable));
  ASSERT_TRUE((*log)->append(written_records(1, 3)));
  log->reset();
  EXPECT_EQ("", refusal(folder.path(), ErrorCode::Unavailable));
}

TEST(RocksLog, IsReadBesideTheProcessThatWritesIt) {
  const TemporaryFolder folder;
  auto writer = RocksLog::open(folder.path(), {.memtable_bytes = 256U << 10});
  ASSERT_TRUE(writer);
  for (std::uint64_t i = 1; i <= 400; ++i) {
    ASSERT_TRUE((*writer)->append(written_records(i, i)));
    if (i % 50 != 0) continue;
    auto reader = RocksLog::open(folder.path(), {.access = LogAccess::ReadOnly});
    ASSERT_TRUE(reader) << reader.error().message;
    const auto records = records_of(**reader);
    ASSERT_TRUE(records) << records.error().message;
    ASSERT_EQ(written_records(1, i), *records);
    auto status = (*reader)->append(written_records(1, 1));
    ASSERT_FALSE(status);
    EXPECT_EQ(ErrorCode::Unavailable, status.error().code);
  }
}

TEST(RocksLog, ReadOnlyMakesNothing) {
  const TemporaryFolder folder;
  for (const fs::path& path : {folder.path(), folder.path() / "none"}) {
    auto log = RocksLog::open(path, {.access = LogAccess::ReadOnly});
    ASSERT_FALSE(log);
    EXPECT_EQ(ErrorCode::NotFound, log.error().code);
    EXPECT_NE(std::string::npos, log.error().message.find(path.string()));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(RocksLog, OfANewerVersionIsRefusedAndLeftAsItWas) {
  const TemporaryFolder folder;
  ASSERT_TRUE(RocksLog::open(folder.path()));
  for (const std::string version : {"4", "4000000000"}) {
    replace_content(folder.path() / "FORMAT", "muster-data " + version + "\n");
    const auto before = fs::last_write_time(folder.path() / "log");
    const std::string message = refusal(folder.path(), ErrorCode::Unsupported);
    EXPECT_NE(std::string::npos, message.find("made by a newer version of Muster (data format " +
                                              version + " in " + folder.path().string() +
                                              "/FORMAT; this version reads 3)"));
    EXPECT_EQ(before, fs::last_write_time(folder.path() / "log"));
  }
  for (const std::string damage : {"", "muster-data 1", "muster-data 0\n", "muster-data 1x\n",
                                   "muster-data 99999999999\n", "other\n"}) {
    SCOPED_TRACE(damage);
    replace_content(folder.path() / "FORMAT", damage);
    const std::string message = refusal(folder.path(), ErrorCode::Corrupt);
    EXPECT_NE(std::string::npos, message.find((folder.path() / "FORMAT").string()));
  }
}

TEST(RocksLog, RefusesDirectoriesOfOthers) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "notes.txt";
  replace_content(file, "mine");
  EXPECT_EQ(file.string() + " is not a directory: name one for the data",
            refusal(file, ErrorCode::InvalidArgument));
  const std::string message = refusal(folder.path(), ErrorCode::InvalidArgument);
  EXPECT_NE(std::string::npos, message.find("not empty (it holds 'notes.txt')"));
  EXPECT_NE("", refusal(file / "data", ErrorCode::Unavailable));
  EXPECT_EQ(1, std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

TEST(RocksLog, SaysThatADirectoryMayNotBeRead) {
  const TemporaryFolder folder;
  const fs::path closed = folder.path() / "closed";
  ASSERT_TRUE(RocksLog::open(closed));
  const bool as_root = geteuid() == 0;
  // Root may read anything, so somebody else asks.
  ASSERT_EQ(0, chmod(closed.c_str(), as_root ? 0700 : 0));
  ASSERT_EQ(0, chmod(folder.path().c_str(), 0755));
  ASSERT_EQ(0, seteuid(as_root ? 65534 : geteuid()));
  const std::string message = refusal(closed, ErrorCode::PermissionDenied);
  ASSERT_EQ(0, seteuid(as_root ? 0 : geteuid()));
  chmod(closed.c_str(), 0700);
  EXPECT_EQ("cannot read " + closed.string() + ": Permission denied", message);
}

TEST(RocksLog, RefusesWritesOnAFullDiskAndReadsOn) {
  const TemporaryFolder folder;
  const Records records = written_records(1, 20);
  {
    auto log = RocksLog::open(folder.path());
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->append(records));
  }
  {
    auto log = RocksLog::open(folder.path(), {.free_bytes_min = 1ULL << 60});
    ASSERT_TRUE(log) << log.error().message;
    for (int i = 0; i < 2; ++i) {
      auto status = (*log)->append(records);
      ASSERT_FALSE(status);
      EXPECT_EQ(ErrorCode::StorageFull, status.error().code);
      EXPECT_NE(std::string::npos, status.error().message.find(folder.path().string()));
    }
    EXPECT_EQ(records, *records_of(**log));
  }
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  EXPECT_TRUE((*log)->append(written_records(21, 21)));
  EXPECT_EQ(written_records(1, 21), *records_of(**log));
}

// A file-size limit makes the next write of the write-ahead file fail, as a broken disk would.
TEST(RocksLog, AFailedAppendIsFinal) {
  const TemporaryFolder folder;
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  ASSERT_TRUE((*log)->append(written_records(1, 10)));
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &limit));
  rlimit small = limit;
  small.rlim_cur = 1'000;
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &small));
  auto failed = (*log)->append(written_records(11, 12));
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
  std::signal(SIGXFSZ, previous);
  ASSERT_FALSE(failed);
  EXPECT_EQ(ErrorCode::Unavailable, failed.error().code) << failed.error().message;
  auto later = (*log)->append(written_records(11, 11));
  ASSERT_FALSE(later);
  EXPECT_EQ(ErrorCode::Unavailable, later.error().code);
  EXPECT_EQ(10U, (*log)->last_sequence());
  EXPECT_EQ(written_records(1, 10), *records_of(**log));
  log->reset();
  expect_records_in_a_copy(folder.path(), written_records(1, 10));
}

// Mounts a small disk of its own over a folder, until the end.
class SmallDisk {
 public:
  SmallDisk(const fs::path& at, const std::string& size) : at_(at) {
    mounted_ = mount("muster_test", at.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }

  // Leaves hardly a byte, or gives all of that back.
  void fill() const {
    std::ofstream file(at_ / "filling", std::ios::binary);
    const std::string block(1U << 16, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size()))) {
    }
  }
  void unfill() const { fs::remove(at_ / "filling"); }

 private:
  const fs::path at_;
  bool mounted_ = false;
};

TEST(RocksLog, ADiskThatFillsUpStopsWritesOnlyAndOpensAgain) {
  const TemporaryFolder folder;
  const fs::path disk = folder.path() / "disk", directory = disk / "data";
  fs::create_directory(disk);
  const SmallDisk small(disk, "64m");
  if (!small.mounted()) {
    std::puts("not run: mounting a small disk needs root");
    return;
  }
  const RocksLogOptions options = {.free_bytes_min = 0, .reserve_bytes = 16U << 20};
  const Records records = written_records(1, 500);
  {
    auto log = RocksLog::open(directory, options);
    ASSERT_TRUE(log) << log.error().message;
    ASSERT_TRUE((*log)->append(records));
    small.fill();
    for (int i = 0; i < 2; ++i) {
      auto status = (*log)->append(written_records(501, 1'500));
      ASSERT_FALSE(status);
      EXPECT_EQ(ErrorCode::StorageFull, status.error().code) << status.error().message;
    }
    EXPECT_EQ(records, *records_of(**log));
  }
  {
    // Still full: the reserve is let go, and the log opens.
    auto log = RocksLog::open(directory, options);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(records, *records_of(**log));
  }
  fs::remove(directory / "reserve");
  small.fill();
  EXPECT_NE(std::string::npos, refusal(directory, ErrorCode::StorageFull).find("is too full"));
  auto reader = RocksLog::open(directory, {.access = LogAccess::ReadOnly});
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(records, *records_of(**reader));
  small.unfill();
  auto log = RocksLog::open(directory, options);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_TRUE((*log)->append(written_records(501, 501)));
  EXPECT_EQ(written_records(1, 501), *records_of(**log));
}

// The same, but the disk fills between the look at it and the write.
TEST(RocksLog, ADiskThatIsFullAtTheWriteIsFinal) {
  const TemporaryFolder folder;
  const fs::path disk = folder.path() / "disk", directory = disk / "data";
  fs::create_directory(disk);
  const SmallDisk small(disk, "16m");
  if (!small.mounted()) {
    std::puts("not run: mounting a small disk needs root");
    return;
  }
  const RocksLogOptions options = {.free_bytes_min = 0, .reserve_bytes = 0};
  auto log = RocksLog::open(directory, options);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE((*log)->append(written_records(1, 50)));
  small.fill();
  Status status = Ok{};
  // Empty records: nothing to look for room for, but keys and frames fill the last page.
  for (int i = 0; i < 2'000 && status; ++i) status = (*log)->append(Records(20, ""));
  ASSERT_FALSE(status);
  EXPECT_EQ(ErrorCode::StorageFull, status.error().code) << status.error().message;
  small.unfill();
  EXPECT_FALSE((*log)->append(written_records(51, 51)));
  const std::uint64_t last = (*log)->last_sequence();
  EXPECT_GE(last, 50U);
  EXPECT_EQ(last, records_of(**log)->size());
  Records expected = written_records(1, 50);
  expected.resize(last);
  log->reset();
  expect_records_in_a_copy(directory, expected);
}

TEST(RocksLog, AFirstStartThatWasKilledBeginsAgain) {
  const TemporaryFolder folder;
  {
    ASSERT_TRUE(RocksLog::open(folder.path()));
  }
  fs::remove(folder.path() / "FORMAT");
  fs::remove_all(folder.path() / "log");
  EXPECT_EQ("", refusal(folder.path(), ErrorCode::Corrupt));
  fs::remove_all(folder.path() / "log");
  EXPECT_EQ("", refusal(folder.path(), ErrorCode::Corrupt));
}

}  // namespace
}  // namespace muster::storage
