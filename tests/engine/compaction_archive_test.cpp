// Erased people and batches that left the log: in the archive, or for good.
#include "tests/engine/compaction_world.h"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;

class ArchiveCompaction : public CompactionWorld {
 protected:
  // What came so far leaves the log.
  void retire() {
    test_.clock().advance(3 * kDay);
    for (const char* id : {"x", "y"}) {
      ASSERT_TRUE(test_.profiles({person(id, std::string(id) + "@example.com", "Far Street")}));
      ASSERT_TRUE(test_.take_checkpoint());
    }
  }
  void fill_archive() {
    test_.retire_after(kDay, folder_.path() / "archive");
    restart();
    fill();
    retire();
  }
};

TEST_F(ArchiveCompaction, ReachesIntoTheArchive) {
  fill_archive();
  erase("marked-ana");
  EXPECT_FALSE(places_of(kHers).empty());
  ASSERT_FALSE(fs::is_empty(folder_.path() / "archive"));
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
  // What is left can be put back.
  const auto put_back = storage::unarchive(test_.memory_log(), folder_.path() / "archive");
  ASSERT_TRUE(put_back) << put_back.error().message;
  EXPECT_GT(put_back->records, 5U);
  restart();
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

// Files whose batches were put back hold copies of them, and nobody names those files.
TEST_F(ArchiveCompaction, LeavesNoCopiesInTheArchive) {
  fill_archive();
  ASSERT_TRUE(storage::unarchive(test_.memory_log(), folder_.path() / "archive"));
  const fs::path foreign = folder_.path() / "archive" / "raw-of-somebody-else";
  std::ofstream(foreign) << "not ours";
  erase("marked-ana");
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
  EXPECT_TRUE(fs::exists(foreign));
  fs::remove(foreign);
  EXPECT_TRUE(fs::is_empty(folder_.path() / "archive"));
}

TEST_F(ArchiveCompaction, SaysWhatItCannotReach) {
  fill_archive();
  erase("marked-ana");
  fs::rename(folder_.path() / "archive", folder_.path() / "away");
  const auto first = compact();
  EXPECT_EQ(0U, first.sequence);
  EXPECT_FALSE(first.unreachable.empty());
  restart();
  fs::remove_all(folder_.path() / "archive");
  fs::rename(folder_.path() / "away", folder_.path() / "archive");
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

// What nobody can look at any more may have been about her: its reasons go.
TEST_F(ArchiveCompaction, ForgetsReasonsOfBatchesThatAreGone) {
  test_.retire_after(kDay);
  restart();
  fill();
  const auto bad = test_.events({search_by("ana@marked.example", "x"),
                                 {{"email", text("ana@marked.example")},
                                  {"type", text("search")},
                                  {"ts", text("marked-note")}}});
  ASSERT_TRUE(bad);
  ASSERT_EQ(1U, bad->rejected);
  EXPECT_FALSE(places_of({"marked-note"}).empty());
  retire();
  // Of her rows only one that came later is in the log, by her address alone.
  ASSERT_TRUE(test_.events({search_by("ana@marked.example", "marked-search late")}));
  erase("marked-ana");
  EXPECT_NE(0U, compact().sequence);
  EXPECT_EQ(std::vector<std::string>{}, places_of(kHers));
}

}  // namespace
}  // namespace muster::testing
