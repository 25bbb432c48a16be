// Checkpoints as files: what is written again, what is found, what is deleted.
#include <gtest/gtest.h>

#include <cstring>

#include "storage/checkpoint_store.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using Sections = std::map<std::string, std::string>;
using CheckpointPtr = std::shared_ptr<const Checkpoint>;

class Store : public ::testing::Test {
 protected:
  CheckpointWritten write(std::uint64_t sequence, const Sections& sections, CheckpointPtr before) {
    auto writer = store_.begin(sequence, {1, sequence}, 5, std::move(before));
    EXPECT_TRUE(writer) << writer.error().message;
    for (const auto& [name, bytes] : sections) EXPECT_TRUE(writer->add(name, bytes));
    const auto written = writer->finish();
    EXPECT_TRUE(written) << written.error().message;
    return *written;
  }
  CheckpointPtr open(std::uint64_t sequence) {
    auto opened = store_.open(sequence);
    EXPECT_TRUE(opened) << opened.error().message;
    return *opened;
  }
  void expect(std::uint64_t sequence, const Sections& sections) {
    const CheckpointPtr checkpoint = open(sequence);
    EXPECT_EQ(sections.size(), checkpoint->names("").size());
    for (const auto& [name, bytes] : sections) EXPECT_EQ(bytes, *checkpoint->read(name)) << name;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(store_.directory()), fs::directory_iterator()));
  }

  TemporaryFolder folder_;
  CheckpointStore store_{folder_.path()};
};

TEST_F(Store, IsEmptyAtFirst) {
  EXPECT_TRUE(store_.sequences().empty());
  EXPECT_EQ(ErrorCode::NotFound, store_.open(3).error().code);
}

TEST_F(Store, WritesAgainOnlyWhatDiffers) {
  const Sections first{{"a", "one"}, {"a/b", std::string(100'000, 'x')}, {"c", ""}};
  EXPECT_EQ(3U, write(3, first, nullptr).sections_written);
  expect(3, first);
  Sections second = first;
  second["a"] = "two";
  second["d"] = "four";
  const CheckpointWritten written = write(7, second, open(3));
  EXPECT_EQ(2U, written.sections_written);
  EXPECT_EQ(7U, written.bytes_written);
  EXPECT_EQ(4U, written.sections);
  expect(7, second);
  expect(3, first);
  EXPECT_EQ((std::vector<std::uint64_t>{7, 3}), store_.sequences());
  EXPECT_EQ(100'003U, open(3)->bytes("a"));
  EXPECT_EQ((std::vector<std::string>{"a/b"}), open(3)->names("a/"));
}

TEST_F(Store, LeavesBehindAFileThatIsMostlyUnused) {
  Sections sections{{"stays", std::string(1'000, 's')}, {"goes", std::string(3'000, 'g')}};
  write(1, sections, nullptr);
  sections["goes"] = "";
  write(2, sections, open(1));  // Points into blocks-1 still.
  const CheckpointWritten written = write(3, sections, open(2));
  EXPECT_EQ(1'000U, written.bytes_written);
  write(4, sections, open(3));
  expect(4, sections);
  EXPECT_FALSE(fs::exists(store_.blocks_file(1)));
  EXPECT_EQ((std::vector<std::uint64_t>{4, 3}), store_.sequences());
}

TEST_F(Store, PointsIntoFewFiles) {
  Sections sections;
  std::shared_ptr<const Checkpoint> before;
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    sections["section " + std::to_string(sequence)] = std::string(10 + sequence, 'x');
    write(sequence, sections, before);
    before = open(sequence);
    EXPECT_LE(files(), 40U);
  }
  expect(100, sections);
  sections.erase("section 100");
  expect(99, sections);
}

TEST_F(Store, CarriesSectionsUnderNewNames) {
  Sections sections{{"run/0", "rows"}, {"x", std::string(50, 'x')}};
  write(1, sections, nullptr);
  const CheckpointPtr before = open(1);
  auto writer = store_.begin(2, {1, 2}, 5, before);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->carry("run/1", before->manifest().sections.at("run/0")));
  const auto written = writer->finish();
  ASSERT_TRUE(written);
  EXPECT_EQ(0U, written->bytes_written);
  expect(2, {{"run/1", "rows"}});
}

TEST_F(Store, CopiesNothingThatIsDamaged) {
  write(1, {{"stays", std::string(1'000, 's')}, {"goes", std::string(3'000, 'g')}}, nullptr);
  write(2, {{"stays", std::string(1'000, 's')}}, open(1));
  const CheckpointPtr before = open(2);
  std::string blocks = content_of(store_.blocks_file(1));
  const SectionPlace place = before->manifest().sections.at("stays");
  blocks[place.offset + 500] = 'z';
  replace_content(store_.blocks_file(1), blocks);
  auto writer = store_.begin(3, {1, 3}, 5, before);
  ASSERT_TRUE(writer);
  const auto carried = writer->carry("stays", place);
  ASSERT_FALSE(carried);
  EXPECT_EQ(ErrorCode::Corrupt, carried.error().code);
}

TEST_F(Store, NothingStaysOfOneThatWasNotFinished) {
  write(1, {{"a", "1"}}, nullptr);
  const std::size_t before = files();
  {
    auto writer = store_.begin(2, {1, 2}, 5, open(1));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add("b", "2"));
    EXPECT_EQ(before + 1, files());
  }
  EXPECT_EQ(before, files());
  // A process that was killed leaves its file; the next checkpoint clears it away.
  replace_content(store_.blocks_file(2), "half");
  write(3, {{"a", "1"}}, open(1));
  EXPECT_FALSE(fs::exists(store_.blocks_file(2)));
}

TEST_F(Store, ALaterOneOfAnotherLifeGoes) {
  write(9, {{"a", "9"}}, nullptr);
  write(4, {{"a", "4"}}, nullptr);
  EXPECT_EQ((std::vector<std::uint64_t>{4}), store_.sequences());
  expect(4, {{"a", "4"}});
}

TEST_F(Store, EveryChangedByteOfAManifestIsFound) {
  write(1, {{"a", "1"}, {"b", "22"}}, nullptr);
  const fs::path file = store_.manifest_file(1);
  const std::string sound = content_of(file);
  for (std::size_t at = 0; at < sound.size(); ++at) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    replace_content(file, damaged);
    const auto opened = store_.open(1);
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(ErrorCode::Corrupt, opened.error().code);
    EXPECT_NE(std::string::npos, opened.error().message.find(file.string()));
  }
  replace_content(file, sound);
  fs::copy_file(file, store_.manifest_file(2));
  EXPECT_EQ(ErrorCode::Corrupt, store_.open(2).error().code);  // The manifest of record 1.
  fs::remove(store_.blocks_file(1));
  EXPECT_NE(std::string::npos, store_.open(1).error().message.find("missing"));
}

TEST_F(Store, ANewerFormatIsRefusedByName) {
  write(1, {{"a", "1"}}, nullptr);
  Manifest manifest;
  std::string bytes = encode(manifest);
  bytes[4] = 2;
  const std::uint32_t crc = crc32c(std::string_view(bytes).substr(4));
  std::memcpy(bytes.data(), &crc, sizeof crc);
  EXPECT_EQ(ErrorCode::Unsupported, decode_manifest(bytes).error().code);
}

}  // namespace
}  // namespace muster::storage
