// Sorted runs of ids: all of them stay, each once, and the runs stay few.
#include "engine/id_runs.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::IdRuns;
using Slot = IdRuns::Slot;

std::vector<Slot> fresh_ids(Random& random, std::size_t count) {
  std::vector<Slot> ids(count);
  for (Slot& slot : ids) slot = {{random(), random()}, random()};
  index::EventIds::sort(ids);
  return ids;
}

class Runs : public ::testing::Test {
 protected:
  void take(std::span<const Slot> fresh) {
    auto writer = store_.begin(++sequence_, {1, sequence_}, 0, checkpoint_);
    ASSERT_TRUE(writer) << writer.error().message;
    auto written = runs_.write(*writer, checkpoint_.get(), fresh, sequence_);
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE(writer->finish());
    runs_ = std::move(*written);
    checkpoint_ = *store_.open(sequence_);
    all_.insert(all_.end(), fresh.begin(), fresh.end());
  }

  void expect_all() {
    std::vector<Slot> found;
    for (const std::string& name : checkpoint_->names("event-ids/")) {
      const auto bytes = checkpoint_->read(name);
      ASSERT_TRUE(bytes) << bytes.error().message;
      const std::size_t before = found.size();
      found.resize(before + bytes->size() / sizeof(Slot));
      std::memcpy(&found[before], bytes->data(), bytes->size());
    }
    std::vector<Slot> expected = all_;
    index::EventIds::sort(expected);
    index::EventIds::sort(found);
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(expected[i].id, found[i].id);
      ASSERT_EQ(expected[i].content, found[i].content);
    }
    EXPECT_EQ(runs_.size(), IdRuns::of(*checkpoint_).size());
  }

  TemporaryFolder folder_;
  storage::CheckpointStore store_{folder_.path()};
  std::shared_ptr<const storage::Checkpoint> checkpoint_;
  IdRuns runs_;
  std::uint64_t sequence_ = 0;
  std::vector<Slot> all_;
};

TEST_F(Runs, KeepEveryIdAndStayFew) {
  Random random;
  for (int i = 0; i < 40; ++i) {
    take(fresh_ids(random, random.below(3) == 0 ? 0 : 1 + random.below(2'000)));
    EXPECT_LE(runs_.size(), 8U);
    if (i % 8 == 7) expect_all();
    // As after a restart.
    if (i % 10 == 9) runs_ = IdRuns::of(*checkpoint_);
  }
}

TEST_F(Runs, OfMoreThanOnePieceAreMergedToo) {
  Random random;
  take(fresh_ids(random, 1'100'000));
  for (int i = 0; i < 9; ++i) take(fresh_ids(random, 150'000));
  EXPECT_LE(runs_.size(), 4U);
  expect_all();
}

}  // namespace
}  // namespace muster::testing
