#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>

#include "base/random.h"
#include "storage/rocks_log.h"
#include "storage/watermark.h"
#include "tests/storage/rocks_log_writer.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<std::string>;

constexpr std::uint64_t kRecords = 400;
// Small, so that the log has several files of each sort.
const RocksLogOptions kSmall = {.memtable_bytes = 128U << 10, .reserve_bytes = 4'096};

Records written_records(std::uint64_t last) {
  Records records;
  for (std::uint64_t i = 1; i <= last; ++i) records.push_back(written_record(i));
  return records;
}

// Appends up to record `last` in small steps and closes the log.
void write_log(const fs::path& directory, std::uint64_t last) {
  auto log = RocksLog::open(directory, kSmall);
  ASSERT_TRUE(log) << log.error().message;
  for (std::uint64_t i = (*log)->last_sequence() + 1; i <= last; ++i) {
    ASSERT_TRUE((*log)->append(Records{written_record(i)}));
  }
}

Result<Records> open_and_read(const fs::path& directory) {
  TRY_ASSIGN(const std::unique_ptr<RocksLog> log, RocksLog::open(directory, kSmall));
  return records_of(*log);
}

// The log as one would open it that trusts RocksDB: how many records it has.
std::uint64_t records_without_check(const fs::path& directory) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::DB* made = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, (directory / "log").string(), &made).ok());
  const std::unique_ptr<rocksdb::DB> db(made);
  std::uint64_t records = 0;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}));
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++records;
  EXPECT_TRUE(it->status().ok());
  return records;
}

std::vector<fs::path> files_of(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), directory));
  }
  std::sort(files.begin(), files.end());
  return files;
}

void copy_directory(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

fs::path newest_file(const fs::path& folder, const std::string& extension) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) newest = std::max(newest, entry.path());
  }
  return newest;
}

enum class Fault { Flip, Cut, Missing, Empty };

void damage(const fs::path& file, Fault fault, SeededRandom& random) {
  std::string content = content_of(file);
  switch (fault) {
    case Fault::Missing: fs::remove(file); return;
    case Fault::Empty: replace_content(file, ""); return;
    case Fault::Cut: replace_content(file, content.substr(0, random.below(content.size()))); return;
    case Fault::Flip: {
      const std::size_t at = random.below(content.size());
      content[at] = static_cast<char>(content[at] ^ (1 << random.below(8)));
      replace_content(file, content);
      return;
    }
  }
}

TEST(RocksDamage, AnyFaultInAnyFileGivesAllRecordsOrARefusalThatNamesThePlace) {
  SeededRandom random(seed_of_run());
  const TemporaryFolder folder;
  const fs::path sound = folder.path() / "sound", faulty = folder.path() / "faulty";
  write_log(sound, kRecords - 30);
  write_log(sound, kRecords);
  const Records written = written_records(kRecords);
  const std::vector<fs::path> files = files_of(sound);
  int refused = 0, whole = 0;
  for (const fs::path& file : files) {
    for (const Fault fault : {Fault::Flip, Fault::Flip, Fault::Cut, Fault::Missing, Fault::Empty}) {
      SCOPED_TRACE(file.string() + " fault " + std::to_string(static_cast<int>(fault)));
      const bool empty = fs::file_size(sound / file) == 0;
      if (empty && fault != Fault::Missing) continue;
      copy_directory(sound, faulty);
      damage(faulty / file, fault, random);
      auto read = open_and_read(faulty);
      ++(read ? whole : refused);
      if (read) {
        ASSERT_TRUE(written == *read) << read->size() << " records";
        continue;
      }
      const ErrorCode code = read.error().code;
      EXPECT_TRUE(code == ErrorCode::Corrupt || code == ErrorCode::Unsupported);
      EXPECT_NE(std::string::npos, read.error().message.find(faulty.string()))
          << read.error().message;
    }
  }
  std::printf("%d faults refused, %d without effect\n", refused, whole);
  EXPECT_GE(refused + whole, 50);
  EXPECT_GE(refused, 20);
}

// As when the server writes a file out and deletes the one it replaces, between the moment a
// reader lists the files and the moment it reads them.
TEST(RocksDamage, AReaderGoesOnWhenWhatItMissedIsThereByThen) {
  const TemporaryFolder folder;
  const fs::path log_folder = folder.path() / "log";
  write_log(folder.path(), kRecords);
  std::vector<fs::path> tables;
  for (const auto& entry : fs::directory_iterator(log_folder)) {
    if (entry.path().extension() == ".sst") tables.push_back(entry.path());
  }
  ASSERT_GE(tables.size(), 3U);
  std::sort(tables.begin(), tables.end());
  const fs::path file = tables[1];  // Opening looks at the first record and the last.
  const std::string sound = content_of(file);
  std::string damaged = sound;
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(sound.size() / 4), 64, '\0');
  for (const bool comes_back : {true, false}) {
    SCOPED_TRACE(comes_back);
    replace_content(file, damaged);
    auto reader = RocksLog::open(folder.path(), {.access = LogAccess::ReadOnly});
    ASSERT_TRUE(reader) << reader.error().message;
    Records read;
    const auto status = (*reader)->read(1, [&](std::uint64_t, std::string_view record) -> Status {
      if (read.empty() && comes_back) {
        replace_content(folder.path() / "sound", sound);
        fs::rename(folder.path() / "sound", file);  // What is open stays damaged.
      }
      read.emplace_back(record);
      return Ok{};
    });
    EXPECT_EQ(comes_back, status.has_value());
    EXPECT_EQ(comes_back, read == written_records(kRecords)) << read.size() << " records";
  }
}

// RocksDB opens all of these "OK", with less in them: only the watermark tells.
TEST(RocksDamage, WhatRocksDbOpensAsWellIsRefusedByTheWatermark) {
  const TemporaryFolder folder;
  const fs::path sound = folder.path() / "sound", faulty = folder.path() / "faulty";
  write_log(sound, kRecords);
  const fs::path wal = fs::relative(newest_file(sound / "log", ".log"), sound);
  ASSERT_GT(fs::file_size(sound / wal), 6'000U);
  const auto cut = [&](std::uintmax_t left) {
    copy_directory(sound, faulty);
    fs::resize_file(faulty / wal, left);
  };
  const std::vector<std::function<void()>> faults = {
      [&] { cut(0); },
      [&] { cut(fs::file_size(sound / wal) / 2); },
      [&] { cut(fs::file_size(sound / wal) - 1); },
      [&] { copy_directory(sound, faulty), fs::remove(faulty / wal); },
      [&] { copy_directory(sound, faulty), fs::remove_all(faulty / "log"); },
      [&] {
        copy_directory(sound, faulty), fs::remove_all(faulty / "log");
        fs::create_directory(faulty / "log");
      },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    SCOPED_TRACE("fault " + std::to_string(i));
    faults[i]();
    EXPECT_LT(records_without_check(faulty), kRecords);
    faults[i]();
    auto log = RocksLog::open(faulty, kSmall);
    ASSERT_FALSE(log);
    EXPECT_EQ(ErrorCode::Corrupt, log.error().code);
    EXPECT_NE(std::string::npos, log.error().message.find("record " + std::to_string(kRecords)))
        << log.error().message;
    // Refused again, and by a reader too: the first refusal mended and forgot nothing.
    EXPECT_FALSE(RocksLog::open(faulty, kSmall));
    EXPECT_FALSE(RocksLog::open(faulty, {.access = LogAccess::ReadOnly}));
  }
}

TEST(RocksDamage, AnOlderCopyOfTheLogIsRefused) {
  const TemporaryFolder folder;
  const fs::path now = folder.path() / "now", old = folder.path() / "old";
  write_log(now, 100);
  copy_directory(now, old);
  write_log(now, 101);
  fs::remove_all(now / "log");
  fs::copy(old / "log", now / "log", fs::copy_options::recursive);
  EXPECT_EQ(100U, records_without_check(old));
  auto log = RocksLog::open(now, kSmall);
  ASSERT_FALSE(log);
  EXPECT_NE(std::string::npos,
            log.error().message.find("it ends with record 100, but " +
                                     (now / "watermark").string() +
                                     " says that record 101 was acknowledged"));
}

TEST(RocksDamage, AHoleIsNamedByItsNumber) {
  const TemporaryFolder folder;
  const auto punch = [&](std::uint64_t sequence) {
    rocksdb::DB* made = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, (folder.path() / "log").string(), &made).ok());
    const std::unique_ptr<rocksdb::DB> db(made);
    std::string key(8, '\0');
    key[6] = static_cast<char>(sequence >> 8);
    key[7] = static_cast<char>(sequence);
    ASSERT_TRUE(db->Delete({}, key).ok());
  };
  write_log(folder.path(), kRecords);
  punch(333);
  auto read = open_and_read(folder.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(ErrorCode::Corrupt, read.error().code);
  EXPECT_NE(std::string::npos, read.error().message.find("record 333 is missing"));
  punch(1);
  read = open_and_read(folder.path());
  ASSERT_FALSE(read);
  EXPECT_NE(std::string::npos, read.error().message.find("begins with record 2"));
}

TEST(Watermark, OneTornSlotLeavesTheOther) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "watermark";
  ASSERT_TRUE(Watermark::create(file));
  {
    auto watermark = Watermark::open(file);
    ASSERT_TRUE(watermark);
    for (const std::uint64_t number : {5U, 6U, 6U, 900U}) ASSERT_TRUE(watermark->write(number));
  }
  EXPECT_EQ(900U, *Watermark::read(file));
  const std::string content = content_of(file);
  for (const std::size_t slot : {0U, 4'096U}) {
    for (std::size_t byte = 0; byte < 16; ++byte) {
      std::string torn = content;
      torn[slot + byte] = static_cast<char>(torn[slot + byte] ^ 4);
      replace_content(file, torn);
      auto number = Watermark::read(file);
      ASSERT_TRUE(number) << number.error().message;
      EXPECT_TRUE(*number == 900 || *number == 6) << *number;
      torn[4'096 - slot] = static_cast<char>(torn[4'096 - slot] ^ 4);
      replace_content(file, torn);
      auto none = Watermark::read(file);
      ASSERT_FALSE(none);
      EXPECT_EQ(ErrorCode::Corrupt, none.error().code);
    }
  }
}

}  // namespace
}  // namespace muster::storage
