#include <gtest/gtest.h>

#include "index/sets/bitmap.h"
#include "storage/inspect.h"
#include "storage/record.h"
#include "storage/rocks_log.h"
#include "tests/storage/storage_support.h"

namespace muster::storage {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<std::string>;

constexpr TimeMs kStart = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

std::string at(TimeMs seconds, RecordBody body) {
  return encode({.received = kStart + 1'000 * seconds, .body = std::move(body)});
}

void write(const fs::path& directory, const Records& records) {
  auto log = RocksLog::open(directory);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE((*log)->append(records));
}

Records one_of_each() {
  const std::vector<index::Ordinal> members = {1, 5};
  const std::string people = index::Bitmap::from_sorted(members).to_bytes();
  return {
      at(0, Declaration{"{}"}),
      at(1, DataBatch{.raw = "{\"id\":\"1\"}\n", .rejected = {{2, "no"}}, .accepted = 3}),
      at(2, DataBatch{.raw = "x", .skipped = {1, 2}}),
      at(3, DocumentChange{"list", "a", 1, false, "{}", people}),
      at(4, DocumentChange{"segment", "b", 1, false, "{}", ""}),
      at(5, DocumentChange{"segment", "b", 2, true, "", ""}),
      at(6, Erasure{"someone@example.org", "asked"}),
      at(7, Outcome{"sync", "state"}),
      at(8, ClockTick{kStart}),
  };
}

bool says(const Inspection& inspection, const std::string& text) {
  return inspection.report.find(text) != std::string::npos;
}

TEST(Inspect, ReportsEveryStructureOfASoundStore) {
  const TemporaryFolder folder;
  write(folder.path(), one_of_each());
  auto text = inspect(folder.path(), InspectForm::Text);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(text->sound);
  for (const std::string part :
       {"watermark        9 acknowledged", "9 records", "numbers 1 to 9",
        "received         2023-11-14T22:13:20Z to 2023-11-14T22:13:28Z",
        "  data batch                  2 records", "  document change             3 records",
        "3 accepted, 1 rejected, 2 taken before, 12 raw bytes", "documents        1 list",
        "file             watermark ", "sound            yes"}) {
    EXPECT_TRUE(says(*text, part)) << part << "\n" << text->report;
  }
  EXPECT_FALSE(says(*text, "someone@example.org"));
  auto lines = inspect(folder.path(), InspectForm::Ndjson);
  ASSERT_TRUE(lines);
  for (const std::string part :
       {R"({"structure":"watermark","acknowledged":9})",
        R"({"structure":"records","kind":"erasure","records":1,)",
        R"({"structure":"documents","kind":"list","count":1})",
        R"({"structure":"summary","sound":true})"}) {
    EXPECT_TRUE(says(*lines, part)) << part << "\n" << lines->report;
  }
}

TEST(Inspect, RunsBesideAServerAndChangesNothing) {
  const TemporaryFolder folder;
  auto log = RocksLog::open(folder.path());
  ASSERT_TRUE(log);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE((*log)->append(Records{at(i, ClockTick{i})}));
    auto seen = inspect(folder.path(), InspectForm::Text);
    ASSERT_TRUE(seen) << seen.error().message;
    ASSERT_TRUE(seen->sound) << seen->report;
    ASSERT_TRUE(says(*seen, "numbers 1 to " + std::to_string(i + 1) + "\n")) << seen->report;
  }
}

// A history of a segment begins by a record of its own, and ends, as often as it may.
TEST(Inspect, KnowsWhatEndsWithoutAVersion) {
  const TemporaryFolder folder;
  Records records = one_of_each();
  for (int i = 0; i < 2; ++i) {
    records.push_back(at(9, DocumentChange{"segment history", "b", 0, true, "", ""}));
  }
  write(folder.path(), records);
  const auto text = inspect(folder.path(), InspectForm::Text);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(text->sound) << text->report;
  EXPECT_TRUE(says(*text, "documents        1 list")) << text->report;
}

TEST(Inspect, NamesTheDamage) {
  const TemporaryFolder folder;
  Records records = one_of_each();
  records[4][20] = static_cast<char>(records[4][20] ^ 1);
  records.push_back(at(9, DocumentChange{"list", "a", 3, false, "{}", "no bitmap"}));
  write(folder.path(), records);
  auto found = inspect(folder.path(), InspectForm::Text);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->sound);
  for (const std::string part : {
           "DAMAGE           record 5: the record is damaged: its checksum does not match",
           "DAMAGE           record 6: version 2 of segment 'b' follows version 0",
           "DAMAGE           record 10: version 3 of list 'a' follows version 1",
           "DAMAGE           record 10: the bitmap is damaged at byte 0",
           "sound            NO"}) {
    EXPECT_TRUE(says(*found, part)) << part << "\n" << found->report;
  }
}

TEST(Inspect, NamesADeletedLog) {
  const TemporaryFolder folder;
  write(folder.path(), one_of_each());
  fs::remove_all(folder.path() / "log");
  auto found = inspect(folder.path(), InspectForm::Ndjson);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->sound);
  EXPECT_TRUE(says(*found, "CURRENT is missing, but record 9 was acknowledged"))
      << found->report;
  EXPECT_TRUE(says(*found, R"({"structure":"summary","sound":false})"));
}

TEST(Inspect, RefusesWhatIsNoDataDirectory) {
  const TemporaryFolder folder;
  auto none = inspect(folder.path() / "none", InspectForm::Text);
  ASSERT_FALSE(none);
  EXPECT_EQ(ErrorCode::NotFound, none.error().code);
  auto empty = inspect(folder.path(), InspectForm::Text);
  ASSERT_FALSE(empty);
  EXPECT_EQ(ErrorCode::NotFound, empty.error().code);
}

}  // namespace
}  // namespace muster::storage
