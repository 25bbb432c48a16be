// Encrypted logs, checkpoints and archives: they read back, nothing of them is to be read without
// the key, and damage is found as it is without encryption.
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/checkpoint_store.h"
#include "storage/inspect.h"
#include "storage/rocks_log.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using RingPtr = std::shared_ptr<const Keyring>;

constexpr std::string_view kMark = "marked-personal-value";

class Encryption : public ::testing::Test {
 protected:
  fs::path data() const { return folder_.path() / "data"; }

  void append(int count) {
    auto log = RocksLog::open(data(), {.keys = ring_, .memtable_bytes = 64U << 10});
    ASSERT_TRUE(log) << log.error().message;
    for (int i = 0; i < count; ++i) {
      const Outcome outcome{"stream", std::string(kMark) + std::string(500, 'x')};
      ASSERT_TRUE((*log)->append(std::vector{encode({1, 0, outcome})}));
    }
  }
  std::vector<std::string> files_with(std::string_view text) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      if (content_of(entry.path()).find(text) != std::string::npos) found.push_back(entry.path());
    }
    return found;
  }

  TemporaryFolder folder_;
  RingPtr ring_ = Keyring::make(std::string(32, 'k')).value();
};

TEST_F(Encryption, ALogReadsBackAndNothingOfItIsPlain) {
  for (int life = 1; life <= 3; ++life) {
    append(400);
    auto log = RocksLog::open(data(), {.access = LogAccess::ReadOnly, .keys = ring_});
    ASSERT_TRUE(log) << log.error().message;
    const auto records = records_of(**log);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_EQ(static_cast<std::size_t>(life) * 400, records->size());
    EXPECT_TRUE(files_with(kMark).empty()) << files_with(kMark).front();
  }
  EXPECT_EQ("muster-data 3\n", content_of(data() / "FORMAT"));
  const auto inspected = inspect(data(), InspectForm::Text, ring_);
  ASSERT_TRUE(inspected);
  EXPECT_TRUE(inspected->sound) << inspected->report;
  // The check can fail: without keys the mark is there.
  ring_ = nullptr;
  fs::remove_all(data());
  append(400);
  EXPECT_FALSE(files_with(kMark).empty());
}

TEST_F(Encryption, OneWithoutKeysOrWithOthersIsRefusedUnharmed) {
  append(3);
  ASSERT_TRUE(ring_->write(data() / "keyring"));
  const std::string format = content_of(data() / "FORMAT");
  const auto without = RocksLog::open(data());
  ASSERT_FALSE(without);
  EXPECT_EQ("the data in " + data().string() +
                " are encrypted: say where their key is with --encryption-key",
            without.error().message);
  const auto others = Keyring::make(std::string(32, 'k')).value();
  EXPECT_FALSE(RocksLog::open(data(), {.keys = others}));
  EXPECT_EQ(format, content_of(data() / "FORMAT"));
  auto log = RocksLog::open(data(), {.keys = ring_});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(3U, (*log)->last_sequence());
  const fs::path plain = folder_.path() / "plain";
  ASSERT_TRUE(RocksLog::open(plain));
  const auto with = RocksLog::open(plain, {.keys = ring_});
  ASSERT_FALSE(with);
  EXPECT_NE(std::string::npos, with.error().message.find("are not encrypted"));
}

// One bit of the number decides it; no checksum fits into that file.
TEST_F(Encryption, AFormatThatTheKeyringContradictsIsDamage) {
  append(3);
  const auto refused = [](const fs::path& directory, const RocksLogOptions& options) {
    const auto log = RocksLog::open(directory, options);
    EXPECT_FALSE(log);
    if (log) return;
    EXPECT_EQ(log.error().code, ErrorCode::Corrupt) << log.error().message;
    EXPECT_NE(log.error().message.find((directory / "FORMAT").string()), std::string::npos);
  };
  ASSERT_TRUE(ring_->write(data() / "keyring"));
  replace_content(data() / "FORMAT", "muster-data 1\n");
  refused(data(), {.keys = ring_});
  refused(data(), {});
  const fs::path plain = folder_.path() / "plain";
  ASSERT_TRUE(RocksLog::open(plain));
  replace_content(plain / "FORMAT", "muster-data 3\n");
  refused(plain, {});
}

// Whatever a crash left of a file's first page: there is nothing in it.
TEST_F(Encryption, AFileCutInItsFirstPageIsEmptyAndStopsNobody) {
  append(20);
  for (const int size : {0, 1, 63, 64, 4'095, 4'096, 9'000}) {
    SCOPED_TRACE(size);
    const std::string begun(static_cast<std::size_t>(size), size < 4'096 ? 'x' : '\0');
    replace_content(data() / "log" / "999999.log", begun);
    const auto log = RocksLog::open(data(), {.keys = ring_});
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ(20U, records_of(**log)->size());
  }
}

// RocksDB stops the process over some answers about a damaged file: it may never get those.
TEST_F(Encryption, ADamagedHeadOfAnyFileIsARefusalOrHarmless) {
  append(50);
  append(50);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data() / "log")) files.push_back(entry.path());
  for (const fs::path& file : files) {
    const std::string whole = content_of(file);
    for (const std::size_t at : {0U, 8U, 12U, 28U, 63U}) {
      if (at >= whole.size()) continue;
      SCOPED_TRACE(file.string() + " " + std::to_string(at));
      std::string wrong = whole;
      wrong[at] = static_cast<char>(wrong[at] ^ 2);
      replace_content(file, wrong);
      for (const LogAccess access : {LogAccess::ReadOnly, LogAccess::ReadWrite}) {
        const TemporaryFolder folder;
        fs::copy(data(), folder.path() / "copy", fs::copy_options::recursive);
        const auto log = RocksLog::open(folder.path() / "copy", {.access = access, .keys = ring_});
        if (log) {
          EXPECT_EQ(100U, records_of(**log)->size());
        } else {
          EXPECT_NE(std::string::npos, log.error().message.find(file.filename().string()))
              << log.error().message;
        }
      }
    }
    replace_content(file, whole);
  }
}

// Of each file and many places: right records, or a refusal.
TEST_F(Encryption, DamageIsNeverServed) {
  append(200);
  std::vector<std::string> right;
  {
    auto log = RocksLog::open(data(), {.access = LogAccess::ReadOnly, .keys = ring_});
    ASSERT_TRUE(log);
    right = *records_of(**log);
  }
  SeededRandom random(seed_of_run());
  int refused = 0;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data() / "log")) files.push_back(entry.path());
  for (int round = 0; round < 150; ++round) {
    const fs::path file = files[random.below(files.size())];
    const std::string whole = content_of(file);
    if (whole.empty()) continue;
    std::string wrong = whole;
    if (random.below(3) == 0) {
      wrong.resize(random.below(whole.size()));
    } else {
      wrong[random.below(wrong.size())] ^= static_cast<char>(1 << random.below(8));
    }
    replace_content(file, wrong);
    {
      auto log = RocksLog::open(data(), {.access = LogAccess::ReadOnly, .keys = ring_});
      const auto found = log ? records_of(**log) : Result<std::vector<std::string>>(log.error());
      if (found) {
        EXPECT_TRUE(*found == right) << file;
      } else {
        ++refused;
      }
    }
    replace_content(file, whole);
  }
  EXPECT_GT(refused, 10);
}

TEST_F(Encryption, ACheckpointReadsBackAndNothingOfItIsPlain) {
  const CheckpointStore store(folder_.path(), ring_);
  std::shared_ptr<const Checkpoint> before;
  const std::string large = std::string(300'000, 'y') + std::string(kMark);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    auto writer = store.begin(sequence, {1, 2}, 3, before);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->add("stays", large));
    ASSERT_TRUE(writer->add("grows", std::string(kMark) + std::to_string(sequence)));
    ASSERT_TRUE(writer->finish());
    auto opened = store.open(sequence);
    ASSERT_TRUE(opened) << opened.error().message;
    before = *opened;
    EXPECT_EQ(large, before->read("stays").value());
    EXPECT_EQ(std::string(kMark) + std::to_string(sequence), before->read("grows").value());
  }
  EXPECT_TRUE(files_with(kMark).empty());
  EXPECT_FALSE(CheckpointStore(folder_.path()).open(4));
  const auto others = Keyring::make(std::string(32, 'k')).value();
  EXPECT_FALSE(CheckpointStore(folder_.path(), others).open(4));
}

TEST_F(Encryption, AnArchiveReadsBackAndNothingOfItIsPlain) {
  auto writer = ArchiveWriter::begin(folder_.path(), ring_.get());
  ASSERT_TRUE(writer);
  const std::string record = encode({1, 0, Outcome{"stream", std::string(kMark)}});
  for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(writer->add(i, record));
  const fs::path file = folder_.path() / writer->finish().value();
  EXPECT_TRUE(files_with(kMark).empty());
  std::uint64_t next = 1;
  const auto one = [&](std::uint64_t sequence, std::string_view found) {
    EXPECT_EQ(next++, sequence);
    EXPECT_EQ(record, found);
    return Status(Ok{});
  };
  EXPECT_TRUE(read_archive(file, one, ring_.get()));
  EXPECT_EQ(51U, next);
  EXPECT_FALSE(read_archive(file, one));
  // One of before the data were encrypted is read as it is.
  auto plain = ArchiveWriter::begin(folder_.path() / "plain");
  ASSERT_TRUE(plain);
  for (std::uint64_t i = 51; i <= 60; ++i) ASSERT_TRUE(plain->add(i, record));
  EXPECT_TRUE(read_archive(folder_.path() / "plain" / plain->finish().value(), one, ring_.get()));
  EXPECT_EQ(61U, next);
  const std::string whole = content_of(file);
  for (const std::size_t size : {0U, 10U, 63U, 64U, 70U}) {
    replace_content(file, whole.substr(0, size));
    EXPECT_FALSE(read_archive(file, one, ring_.get())) << size;
  }
}

TEST_F(Encryption, ACopyIsEncryptedToo) {
  append(100);
  const fs::path keys = folder_.path() / "keys";
  const auto copied = copy_store({.from = data(),
                                  .to = folder_.path() / "copy",
                                  .keys_from = data(),
                                  .keys_to = keys,
                                  .from_ring = ring_,
                                  .to_ring = ring_,
                                  .keyring_apart = true});
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_FALSE(fs::exists(folder_.path() / "copy" / "keyring"));
  EXPECT_TRUE(Keyring::open(keys / "keyring", std::string(32, 'k')));
  EXPECT_TRUE(files_with(kMark).empty());
  const auto log = RocksLog::open(folder_.path() / "copy", {.keys = ring_});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(100U, records_of(**log)->size());
}

}  // namespace
}  // namespace muster::storage
