#include "storage/record.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

DataBatch full_batch() {
  DataBatch batch;
  batch.table = TableKind::Entities;
  batch.name = "products";
  batch.format = DataFormat::Csv;
  batch.csv_header = "id,name,price";
  batch.raw = "a1,Kettle,19.90\na2,Mug,\na2,Mug,\n\xff\xfe";
  batch.schema_version = 7;
  batch.schema_additions = R"({"profiles":{"plan":"text"}})";
  batch.rejected = {{3, "not UTF-8"}, {1'000'000'000'000, ""}};
  batch.skipped = {2, 9, 5, ~0ULL};
  batch.accepted = 2;
  batch.idempotency_key = "k-17";
  batch.first_line = 40'001;
  batch.replace_id = "r1";
  batch.replace_last = true;
  return batch;
}

DataBatch blanked_batch() {
  DataBatch batch = full_batch();
  batch.blanked = {2, 3, 1'000'000};
  batch.request = {~0ULL, 7};
  batch.is_partial = true;
  return batch;
}

DataBatch derived_batch() {
  DataBatch batch = full_batch();
  batch.is_derived = true;
  return batch;
}

MembershipChanges changes() {
  MembershipChanges changes{.first = 7, .groups = {}};
  changes.groups.push_back({"vip", 3, true, ChangeReason::Expired, {0, 1, 70'000, ~0U},
                            {5, -9'000'000'000'000, INT64_MAX, INT64_MIN}});
  changes.groups.push_back({"", 0, false, ChangeReason::Rank, {~0U}, {}});
  return changes;
}

// One of each kind, with every field set, and each empty.
std::vector<Record> samples() {
  const std::string binary("\0\x01\xff", 3);
  return {
      {.received = 1'700'000'000'123, .key_id = 5, .body = full_batch()},
      {.received = -1, .body = DataBatch{}},
      {.received = 2, .body = Declaration{R"({"profiles": {}})"}},
      {.received = 3, .body = DocumentChange{"segment", "vip", 3, false, R"({"a":1})", binary}},
      {.received = 4, .body = DocumentChange{"key", "", 1, true, "", ""}},
      {.received = 5, .body = Erasure{"u-1", "asked by the person"}},
      {.received = 5, .body = Erasure{"u-1", "asked by the person", {17, ~0ULL}}},
      {.received = 6, .body = Outcome{"sync-9", binary + std::string(5'000, 'x')}},
      {.received = 7, .body = ClockTick{1'700'000'000'124}},
      {.received = 8, .body = Retired{{3, 4}, 5, "raw-00000000000000000001"}},
      {.received = 9, .body = blanked_batch()},
      {.received = 9, .body = derived_batch()},
      {.received = 9, .body = Compaction{17, false, {{3, 1}, {3, 9}, {~0ULL, 2}}}},
      {.received = 9, .body = Compaction{18, true, {}}},
      {.received = 10, .body = changes()},
      {.received = 10, .body = MembershipChanges{1, {}}},
      {.received = 11, .body = ChangesHorizon{300, 7, 5, -1}},
      {.received = 12, .body = SegmentHistory{"vip", -5, changes().groups}},
      {.received = 13, .body = SegmentHistory{"", {}, {}}},
      {.received = 14, .body = EventsHorizon{-1, 2, 70'000}},
  };
}

// A record of the given head and body, with a right checksum.
std::string sealed(std::string_view behind_checksum) {
  std::string bytes;
  ByteWriter(bytes).u32(crc32c(behind_checksum));
  return bytes.append(behind_checksum);
}

TEST(Record, ReadsBackAsItWasWritten) {
  for (const Record& record : samples()) {
    SCOPED_TRACE("kind " + std::to_string(record.body.index()));
    auto read = decode(encode(record));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(record == *read);
  }
}

TEST(Record, AnyFlippedBitIsCorrupt) {
  for (const Record& record : samples()) {
    const std::string bytes = encode(record);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        auto read = decode(damaged);
        ASSERT_FALSE(read) << "byte " << at << " bit " << bit;
        ASSERT_EQ(ErrorCode::Corrupt, read.error().code);
      }
    }
  }
}

TEST(Record, CutAtAnyByteOrContinuedIsCorrupt) {
  for (const Record& record : samples()) {
    const std::string bytes = encode(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      auto read = decode(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(read) << "cut at " << size;
      ASSERT_EQ(ErrorCode::Corrupt, read.error().code);
    }
    EXPECT_FALSE(decode(bytes + '\0'));
  }
}

// The checksum is no shield against a writer of nonsense: every length is checked by itself.
TEST(Record, CutOrContinuedUnderARightChecksumIsCorrupt) {
  for (const Record& record : samples()) {
    const std::string body = encode(record).substr(4);
    for (std::size_t size = 0; size < body.size(); ++size) {
      auto read = decode(sealed(std::string_view(body).substr(0, size)));
      ASSERT_FALSE(read) << "cut at " << size;
      ASSERT_EQ(ErrorCode::Corrupt, read.error().code);
    }
    auto continued = decode(sealed(body + '\0'));
    ASSERT_FALSE(continued);
    EXPECT_EQ("the record is damaged: bytes stand behind its end", continued.error().message);
  }
}

TEST(Record, RandomBytesUnderARightChecksumNeverCrash) {
  SeededRandom random(seed_of_run());
  const std::vector<Record> records = samples();
  for (int round = 0; round < 20'000; ++round) {
    std::string body = encode(records[random.below(records.size())]).substr(4);
    for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
      body[random.below(body.size())] = static_cast<char>(random.next());
    }
    auto read = decode(sealed(body));
    if (!read) {
      ASSERT_EQ(ErrorCode::Corrupt, read.error().code);
      continue;
    }
    auto again = decode(encode(*read));
    ASSERT_TRUE(again && *again == *read);
  }
}

TEST(Record, OfANewerVersionIsRefusedByName) {
  const std::string body = encode(samples().back()).substr(4);
  std::string newer_format = body, newer_kind = body;
  newer_format[0] = 2;
  newer_kind[1] = 99;
  auto format = decode(sealed(newer_format));
  auto kind = decode(sealed(newer_kind));
  ASSERT_FALSE(format);
  ASSERT_FALSE(kind);
  EXPECT_EQ(ErrorCode::Corrupt, format.error().code);
  EXPECT_NE(std::string::npos, format.error().message.find("format 2, made by a newer version"));
  EXPECT_EQ(ErrorCode::Corrupt, kind.error().code);
  EXPECT_NE(std::string::npos, kind.error().message.find("kind 99, made by a newer version"));
}

TEST(Record, ABatchThatInflatesBeyondTheLargestBatchIsRefusedBeforeItIsInflated) {
  // 8 GiB of zeros in a frame of some hundred bytes cannot be made in a test: the claim will do.
  const std::string raw(1'000, 'a');
  std::string body = encode({.body = DataBatch{.raw = raw}}).substr(4);
  std::string claim;
  ByteWriter(claim).varint(raw.size());
  const std::size_t at = body.find(claim, 14);
  ASSERT_NE(std::string::npos, at);
  std::string larger;
  ByteWriter(larger).varint(kRawBytesMax + 1);
  auto too_large = decode(sealed(std::string(body).replace(at, claim.size(), larger)));
  ASSERT_FALSE(too_large);
  EXPECT_EQ("the record is damaged: its raw batch claims more than the largest batch",
            too_large.error().message);
  std::string other;
  ByteWriter(other).varint(raw.size() + 1);
  auto wrong = decode(sealed(std::string(body).replace(at, claim.size(), other)));
  ASSERT_FALSE(wrong);
  EXPECT_EQ("the record is damaged: the frame of its raw batch does not have the size it claims",
            wrong.error().message);
}

TEST(Record, TheLargestBatchFits) {
  SeededRandom random(1);
  std::string raw(kRawBytesMax, '\0');
  for (std::size_t i = 0; i < raw.size(); i += 61) raw[i] = static_cast<char>(random.next());
  const Record record{.body = DataBatch{.raw = std::move(raw)}};
  auto read = decode(encode(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(record == *read);
}

// The bytes of storage/format.md, written out by hand: a change of format must not go unnoticed.
TEST(Record, HasTheBytesOfItsFormat) {
  const Record record{.received = 0x0102, .key_id = 3, .body = Outcome{"ab", "c"}};
  const std::string behind_checksum(
      "\x01\x05\x03\0\0\0\x02\x01\0\0\0\0\0\0\x02"
      "ab\x01"
      "c",
      19);
  EXPECT_EQ(sealed(behind_checksum), encode(record));
}

}  // namespace
}  // namespace muster::storage
