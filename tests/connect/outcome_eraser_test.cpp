// What a journal keeps of its deliveries: nothing of who was erased, once no destination needs it.
#include "connect/outcome_eraser.h"

#include <gtest/gtest.h>

#include "connect/profile_ids.h"
#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::World;

index::Bitmap only(const std::vector<index::Ordinal>& ordinals) {
  return index::Bitmap::from_sorted(ordinals);
}

class OutcomeErasing : public ::testing::Test {
 protected:
  void SetUp() override {
    for (index::Ordinal i = 0; i < 60; ++i) {
      world_.people.add(i, "p" + std::to_string(i) + "@example.com");
      world_.people.segments["buyers"].add(i);
    }
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

  struct Done {
    std::uint64_t changed = 0, needed = 0;
  };
  // As the engine does it: all records of all streams, in order.
  Done compact() {
    Done done;
    const engine::EraseOutcome erase = world_.exporter->eraser(erased_);
    for (auto& [stream, payloads] : world_.store.streams) {
      for (std::string& payload : payloads) {
        auto outcome = erase(stream, payload);
        EXPECT_TRUE(outcome) << outcome.error().message;
        done.needed += outcome->is_needed ? 1 : 0;
        if (!outcome->payload) continue;
        ++done.changed;
        payload = *outcome->payload;
      }
    }
    return done;
  }

  // Records that have the text, also in a body.
  std::uint64_t records_with(const std::string& text) {
    std::uint64_t found = 0;
    const auto body_has = [&](const BatchPlanned& batch) {
      return gzip_unpack(batch.packed, 1U << 30)->find(text) != std::string::npos;
    };
    for (const auto& [stream, payloads] : world_.store.streams) {
      for (const std::string& payload : payloads) {
        const OutcomeRecord record = decode_outcome(payload).value();
        bool has = payload.find(text) != std::string::npos;
        if (const auto* batch = std::get_if<BatchPlanned>(&record)) has = has || body_has(*batch);
        if (const auto* split = std::get_if<Split>(&record)) {
          has = has || body_has(split->first) || body_has(split->second);
        }
        found += has ? 1 : 0;
      }
    }
    return found;
  }

  World world_;
  index::Bitmap erased_;
};

TEST_F(OutcomeErasing, WaitsUntilTheDestinationWasTold) {
  run();
  erase(7);
  const Done before = compact();
  EXPECT_EQ(0U, before.changed);
  EXPECT_EQ(1U, before.needed);
  EXPECT_EQ(1U, records_with("p7@example.com"));
  run();  // It sends the removal, by the id as it was sent.
  EXPECT_FALSE(world_.receiver.holds.contains("p7"));
  const Done after = compact();
  EXPECT_EQ(2U, after.changed);  // What added, and what removed.
  EXPECT_EQ(0U, after.needed);
  EXPECT_EQ(0U, records_with("p7@example.com"));
  EXPECT_EQ(0U, records_with("\"p7\""));
  EXPECT_EQ(1U, records_with("p8@example.com"));
  const Done again = compact();
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
  // Whoever is asked for by ordinal has the id as it was sent, or none.
  const testing::FakeJournal journal(world_.store);
  const auto ids = last_sent({journal, "sync:buyers"}, only({6, 7, 8}));
  ASSERT_TRUE(ids);
  EXPECT_EQ("p6", ids->at(6).id);
  EXPECT_EQ("p8", ids->at(8).id);
  EXPECT_FALSE(ids->contains(7));
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
  const Done done = compact();
  EXPECT_EQ(2U, done.needed);  // The batch, and the run, which may plan another.
  EXPECT_TRUE(before == world_.store.streams);
}

// Nobody is ever removed from one that only appends, so nothing waits for it.
TEST_F(OutcomeErasing, OwesNothingToASyncThatAppends) {
  World appending;
  for (index::Ordinal i = 0; i < 10; ++i) {
    appending.people.add(i, "p" + std::to_string(i) + "@example.com");
    appending.people.segments["buyers"].add(i);
  }
  appending.open();
  appending.define("", R"(,"mode":"append")");
  ASSERT_TRUE(appending.exporter->start_run(appending.pass, "buyers"));
  appending.work();
  const auto erase = appending.exporter->eraser(only({3}));
  std::uint64_t changed = 0;
  for (auto& [stream, payloads] : appending.store.streams) {
    for (std::string& payload : payloads) {
      const auto outcome = erase(stream, payload);
      ASSERT_TRUE(outcome);
      EXPECT_FALSE(outcome->is_needed);
      if (!outcome->payload) continue;
      ++changed;
      payload = *outcome->payload;
    }
  }
  EXPECT_EQ(1U, changed);
  // Once it is to take people back, nobody knows who that was: nothing is sent, and it adds up.
  appending.people.ids.erase(3);
  appending.people.segments["buyers"] = only({0, 1, 2});
  appending.open();
  ASSERT_TRUE(appending.exporter->put_sync(
      appending.pass, "buyers",
      R"({"segment":"buyers","destination":"crm","mapping":{"mail":"email"},"mode":"diff"})"));
  ASSERT_TRUE(appending.exporter->start_run(appending.pass, "buyers"));
  appending.work();
  const RunView last = appending.newest();
  EXPECT_EQ(RunState::Finished, last.state);
  EXPECT_EQ(7U, last.counts.removals);
  EXPECT_EQ(6U, last.counts.removals_sent);
  EXPECT_EQ(1U, last.counts.removals_rejected);
  for (const std::string& told : appending.receiver.order) EXPECT_NE("remove ", told);
  // And never again.
  ASSERT_TRUE(appending.exporter->start_run(appending.pass, "buyers"));
  appending.work();
  EXPECT_EQ(0U, appending.newest().counts.removals);
}

}  // namespace
}  // namespace muster::connect
