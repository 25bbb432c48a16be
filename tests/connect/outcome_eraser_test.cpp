// What a journal keeps of its deliveries: nothing of who was erased, once no destination needs it.
#include "connect/outcome_eraser.h"

#include <gtest/gtest.h>

#include "connect/profile_ids.h"
#include "tests/connect/export_world.h"
#include "tests/connect/journal_bytes.h"

namespace muster::connect {
namespace {

using testing::World;

index::Bitmap only(const std::vector<index::Ordinal>& ordinals) {
  return index::Bitmap::from_sorted(ordinals);
}

class OutcomeErasing : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.people.add_buyers(0, 60);
    world_.open();
    world_.define(R"(,"batch_size":20)");
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  }
  // Nobody sees the person any more; the sync has yet to notice.
  void erase(index::Ordinal ordinal) {
    world_.people.ids.erase(ordinal);
    world_.people.fields.erase(ordinal);
    auto& buyers = world_.people.segments["buyers"];
    buyers = subtract(buyers, only({ordinal}));
    erased_.add(ordinal);
  }

  testing::Compacted compact() { return testing::compact(world_, erased_); }
  std::uint64_t records_with(const std::string& text) {
    return testing::records_with(world_, text);
  }

  World world_;
  index::Bitmap erased_;
};

TEST_F(OutcomeErasing, WaitsUntilTheDestinationWasTold) {
  run();
  erase(7);
  const testing::Compacted before = compact();
  EXPECT_EQ(0U, before.changed);
  EXPECT_EQ(1U, before.needed);
  EXPECT_EQ(1U, records_with("p7@example.com"));
  run();  // It sends the removal, by the id as it was sent.
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  const testing::Compacted after = compact();
  EXPECT_EQ(2U, after.changed);  // What added, and what removed.
  EXPECT_EQ(0U, after.needed);
  EXPECT_EQ(0U, records_with("p7@example.com"));
  EXPECT_EQ(0U, records_with("\"p7\""));
  EXPECT_EQ(1U, records_with("p8@example.com"));
  const testing::Compacted again = compact();
  EXPECT_EQ(0U, again.changed + again.needed);
}

// The journal that is left is as good as before.
TEST_F(OutcomeErasing, LeavesALedgerThatGoesOn) {
  run();
  erase(7);
  erase(31);
  run();
  EXPECT_EQ(3U, compact().changed);
  world_.open();
  erase(8);
  world_.people.add(60, "p60@example.com");
  world_.people.segments["buyers"].add(60);
  run();
  EXPECT_EQ(world_.wanted(world_.people.segments["buyers"]), world_.receiver.holds);
  EXPECT_EQ(0, world_.receiver.duplicates + world_.receiver.changed_bodies);
  const auto ledger = world_.exporter->ledger(world_.pass, "buyers");
  ASSERT_TRUE(ledger);
  // Whoever is asked for by ordinal has the id as it was sent; or none, once they were removed.
  const testing::FakeJournal journal(world_.store);
  const auto ids = last_sent({journal, "sync:buyers"}, only({6, 7, 8}));
  ASSERT_TRUE(ids);
  EXPECT_EQ("p6", ids->at(6).id);
  EXPECT_FALSE(ids->contains(7));
  EXPECT_FALSE(ids->contains(8));
}

// Bytes that may be sent again stay what they are.
TEST_F(OutcomeErasing, KeepsWhatIsNotSettled) {
  world_.define(R"(,"batch_size":5)");  // More batches than are planned at once.
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return testing::Receiver::Reaction{
        .takes = false, .answer = {.kind = AnswerKind::Status, .status = 503}};
  };
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(world_.exporter->work_once());
  erase(7);
  const auto before = world_.store.streams;
  const testing::Compacted done = compact();
  EXPECT_EQ(2U, done.needed);  // The batch, and the run, which may plan another.
  EXPECT_TRUE(before == world_.store.streams);
}

// A destination that cannot remove anybody is owed nothing, so nothing waits for it.
TEST_F(OutcomeErasing, WaitsForNobodyWhoCannotBeRemoved) {
  World appending;
  appending.people.add_buyers(0, 10);
  appending.open();
  appending.define(R"(,"fields":{"mail":{}},"requests":{"add":{"member":{"id":"{{id}}"},)"
                   R"("body":{"operation":"{{operation}}","members":["{{members}}"]}}})",
                   R"(,"mode":"append")");
  ASSERT_TRUE(appending.exporter->start_run(appending.pass, "buyers"));
  appending.work();
  EXPECT_EQ(10U, appending.receiver.holds.size());
  EXPECT_EQ(std::vector<std::string>{"buyers"}, appending.erase(3));
  EXPECT_EQ(std::vector<std::string>{"buyers cannot"}, appending.removals(3));
  appending.work();
  EXPECT_EQ(1, appending.receiver.deliveries);
  const testing::Compacted done = testing::compact(appending, only({3}));
  EXPECT_EQ(0U, done.needed);
  EXPECT_EQ(1U, done.changed);
  EXPECT_EQ(0U, testing::records_with(appending, "\"p3\""));
  appending.restart();
  EXPECT_FALSE(appending.exporter->next_due());
  EXPECT_EQ(std::vector<std::string>{"buyers cannot"}, appending.removals(3));
}

}  // namespace
}  // namespace muster::connect
