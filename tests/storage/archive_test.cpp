// The raw archive: what is written is read, what is damaged is named, what left a log comes back.
#include "storage/archive.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/hash.h"
#include "storage/memory_log.h"
#include "storage/record.h"
#include "tests/support/temporary_folder.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;

std::string batch(int number) {
  return encode({number, 0, DataBatch{.raw = "row " + std::to_string(number) + "\n"}});
}

std::string retired(const std::string& original, const std::string& archive) {
  return encode({1, 0, Retired{hash128(original), original.size(), archive}});
}

class Archive : public ::testing::Test {
 protected:
  std::string write(std::uint64_t first, int count) {
    auto writer = ArchiveWriter::begin(folder_.path() / "deep" / "raw");
    EXPECT_TRUE(writer);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t sequence = first + static_cast<std::uint64_t>(i);
      EXPECT_TRUE(writer->add(sequence, batch(static_cast<int>(sequence))));
    }
    auto name = writer->finish();
    EXPECT_TRUE(name);
    return *name;
  }
  fs::path archive() const { return folder_.path() / "deep" / "raw"; }
  fs::path file(const std::string& name) const { return archive() / name; }

  muster::testing::TemporaryFolder folder_;
};

TEST_F(Archive, GivesBackWhatItWasGiven) {
  const std::string name = write(7, 3);
  EXPECT_TRUE(name.starts_with("raw-00000000000000000007-00000000000000000009-")) << name;
  std::uint64_t expected = 7;
  const auto one = [&](std::uint64_t sequence, std::string_view record) {
    EXPECT_EQ(expected++, sequence);
    EXPECT_EQ(batch(static_cast<int>(sequence)), record);
    return Status(Ok{});
  };
  EXPECT_TRUE(read_archive(file(name), one));
  EXPECT_EQ(10U, expected);
}

// Wherever a byte is another one or the file ends, that is said, or the record's own checksum will.
TEST_F(Archive, NamesItsDamage) {
  const std::string name = write(1, 2);
  std::ifstream stream(file(name), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(stream)), {});
  const auto is_refused = [&](const std::string& bytes) {
    std::ofstream(file(name), std::ios::binary) << bytes;
    bool is_sound = true;
    const Status read = read_archive(file(name), [&](std::uint64_t, std::string_view record) {
      is_sound = is_sound && decode(record).has_value();
      return Status(Ok{});
    });
    EXPECT_TRUE(read || read.error().message.find(name) != std::string::npos);
    return !read || !is_sound;
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string other = whole;
    other[at] ^= 4;
    EXPECT_TRUE(is_refused(other)) << at;
  }
  const std::size_t entry = (whole.size() - 13) / 2;  // Both are of one size.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const bool ends_between = size == 13 || size == 13 + entry;
    EXPECT_NE(ends_between, is_refused(whole.substr(0, size))) << size;
  }
}

// No file ever takes the place of one of other records, and none that was not finished stays.
TEST_F(Archive, FilesOfOtherRecordsHaveOtherNames) {
  const std::string one = write(7, 3), shorter = write(7, 2), again = write(7, 3);
  EXPECT_EQ(one, again);
  EXPECT_NE(one, shorter);
  auto other = ArchiveWriter::begin(archive());
  ASSERT_TRUE(other);
  for (std::uint64_t sequence = 7; sequence < 10; ++sequence) {
    ASSERT_TRUE(other->add(sequence, "not the same"));
  }
  EXPECT_NE(one, other->finish().value());
  { auto given_up = ArchiveWriter::begin(archive()); }
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(archive())) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(3U, files);
}

TEST_F(Archive, PutsBackWhatLeftTheLog) {
  const std::string name = write(1, 2);
  MemoryLog log({retired(batch(1), name), retired(batch(2), name), batch(3),
                 retired(batch(4), "")});
  const auto done = unarchive(log, archive());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(2U, done->records);
  EXPECT_EQ(1U, done->without);
  EXPECT_EQ((std::vector<std::string>{batch(1), batch(2), batch(3), retired(batch(4), "")}),
            log.records());
}

TEST_F(Archive, RefusesWhatDidNotLeaveTheLog) {
  const std::string name = write(1, 2);
  MemoryLog other({retired(batch(9), name)});
  const auto wrong = unarchive(other, archive());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(ErrorCode::Corrupt, wrong.error().code);
  EXPECT_NE(std::string::npos, wrong.error().message.find("record 1")) << wrong.error().message;
  MemoryLog longer({retired(batch(1), name), retired(batch(2), name), retired(batch(3), name)});
  const auto missing = unarchive(longer, archive());
  ASSERT_FALSE(missing);
  EXPECT_NE(std::string::npos, missing.error().message.find("2 of the 3"));
  MemoryLog outside({retired(batch(1), "../../secret")});
  EXPECT_FALSE(unarchive(outside, archive()));
  MemoryLog elsewhere({retired(batch(1), "raw-9")});
  const auto gone = unarchive(elsewhere, archive());
  ASSERT_FALSE(gone);
  EXPECT_EQ(ErrorCode::NotFound, gone.error().code);
}

}  // namespace
}  // namespace muster::storage
