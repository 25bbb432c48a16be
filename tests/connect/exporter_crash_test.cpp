// The exporter under random faults, with the power failing at every single append of the journal.
#include <gtest/gtest.h>

#include "connect/ledger.h"
#include "tests/connect/export_world.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using testing::Crash;
using testing::Receiver;
using testing::World;

constexpr index::Ordinal kPeople = 40;

Answer answer(AnswerKind kind, int status = 0, std::string retry_after = "") {
  return {.kind = kind, .status = status, .retry_after = std::move(retry_after)};
}

// One delivery in three goes well; the others go wrong in every way there is.
Receiver::Reaction any_reaction(std::uint64_t bits) {
  switch (bits % 12) {
    case 0: return {false, answer(AnswerKind::NotSent)};
    case 1: return {false, answer(AnswerKind::Ambiguous)};
    case 2: return {true, answer(AnswerKind::Ambiguous)};  // The acknowledgement got lost.
    case 3: return {false, answer(AnswerKind::Status, 500)};
    case 4: return {false, answer(AnswerKind::Status, 429, "3")};
    case 5: return {false, answer(AnswerKind::Status, 503, "junk")};
    case 6: return {false, answer(AnswerKind::Status, 301)};
    case 7: return {false, answer(AnswerKind::Status, 422)};
    default: return {true, answer(AnswerKind::Status, 200)};
  }
}

// Everything a run of the world may do wrong.
struct Findings {
  int duplicates = 0, changed_bodies = 0;
  bool complete = false;  // The destination holds exactly the audience.
  bool clean() const { return duplicates == 0 && changed_bodies == 0 && complete; }
};

// The life of one sync: everybody, then some come, some change, some leave. `crash_at` counts the
// appends; faults are drawn from `seed` and end before the last run.
class Life {
 public:
  Life(std::uint64_t seed, int crash_at, Crash crash)
      : world(seed), faults_(seed + 1), crash_at_(crash_at), crash_(crash) {}

  Findings live() {
    for (index::Ordinal i = 0; i < kPeople; ++i) {
      world.people.add(i, "p" + std::to_string(i) + "@example.com");
      if (i < 30) world.people.segments["buyers"].add(i);
    }
    world.open();
    world.define(R"(,"batch_size":7,"max_attempts":100,"retry_schedule_ms":[0,1000])");
    world.store.crash_at = crash_at_;
    world.store.crash = crash_;
    world.receiver.reacts = [this](const std::string&, const boost::json::value&) {
      return any_reaction(faults_.next());
    };
    run();
    change();
    run();
    world.receiver.reacts = nullptr;
    if (run()) crashed_ = true;
    if (second_life) world.open();  // An orderly end: nothing may come twice.
    run();
    return {world.receiver.duplicates, world.receiver.changed_bodies,
            world.receiver.holds == world.wanted(world.people.segments["buyers"])};
  }

  bool crashed() const { return crashed_; }
  World world;
  bool second_life = false;  // One more restart before the last run.

 private:
  // Returns whether the power failed meanwhile.
  bool run() {
    bool failed = false;
    for (;;) {
      const auto started = world.exporter->start_run(world.pass, "buyers");
      world.work();
      if (!world.store.down) {
        // A request that was written just before the power failed is under way already.
        EXPECT_TRUE(started || failed) << started.error().message;
        break;
      }
      failed = crashed_ = true;
      world.restart();
      world.work();
      if (world.newest_started()) break;
    }
    return failed;
  }

  void change() {
    for (index::Ordinal i = 30; i < kPeople; ++i) world.people.segments["buyers"].add(i);
    for (index::Ordinal i = 0; i < 10; ++i) world.people.segments["buyers"].remove(i);
    for (index::Ordinal i = 10; i < 20; ++i) world.people.fields[i]["email"] = "new@example.com";
    ++world.people.snapshot;
  }

  SeededRandom faults_;
  int crash_at_;
  Crash crash_;
  bool crashed_ = false;
};

TEST(ExporterCrash, LosesNobodyWhereverThePowerFails) {
  muster::testing::Random random;
  const std::uint64_t seed = random();
  int crashes = 0;
  for (const Crash crash : {Crash::BeforeAppend, Crash::AfterFirstPayload, Crash::AfterAppend}) {
    for (int at = 1;; ++at) {
      SCOPED_TRACE("append " + std::to_string(at) + ", kind " +
                   std::to_string(static_cast<int>(crash)));
      Life life(seed, at, crash);
      const Findings findings = life.live();
      ASSERT_EQ(0, findings.duplicates);
      ASSERT_EQ(0, findings.changed_bodies);
      ASSERT_TRUE(findings.complete);
      if (!life.crashed()) break;  // Past the last append.
      ++crashes;
    }
  }
  EXPECT_GT(crashes, 100);
}

TEST(ExporterCrash, StaysExactUnderManyRandomFaults) {
  muster::testing::Random random;
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t seed = random();
    SCOPED_TRACE("life " + std::to_string(seed));
    const Findings findings = Life(seed, 0, Crash::BeforeAppend).live();
    ASSERT_EQ(0, findings.duplicates);
    ASSERT_EQ(0, findings.changed_bodies);
    ASSERT_TRUE(findings.complete);
  }
}

// The checks above are worth something: planted faults make them fail.
TEST(ExporterCrash, AForgottenOutcomeIsFound) {
  Life life(7, 0, Crash::BeforeAppend);
  int seen = 0;
  life.world.store.loses = [&](const OutcomeRecord& record) {
    return std::holds_alternative<Delivered>(record) && ++seen == 3;
  };
  life.second_life = true;
  // Forgotten in the journal only: the restart makes the exporter deliver it again.
  life.world.receiver.reacts = nullptr;
  EXPECT_FALSE(life.live().clean());
}

// Swaps the body of the one batch in the journal for another of the same length.
void change_stored_body(testing::Store& store) {
  for (std::string& payload : store.streams["sync:buyers"]) {
    OutcomeRecord record = *decode_outcome(payload);
    auto* const batch = std::get_if<BatchPlanned>(&record);
    if (batch == nullptr) continue;
    std::string body = *unpack(batch->packed, 1U << 20);
    body.replace(body.find("example"), 7, "EXAMPLE");
    batch->packed = pack(body);
    payload = encode(record);
  }
}

TEST(ExporterCrash, AChangedBodyOfARetryIsFound) {
  for (const bool planted : {false, true}) {
    SCOPED_TRACE(planted);
    World world(3);
    world.people.add(0, "a@example.com");
    world.people.segments["buyers"].add(0);
    world.open();
    world.define(R"(,"retry_schedule_ms":[0,10])");
    world.receiver.reacts = [](const std::string&, const boost::json::value&) {
      return Receiver::Reaction{false, answer(AnswerKind::Status, 500)};
    };
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    while (world.receiver.deliveries == 0) ASSERT_TRUE(world.exporter->work_once());
    world.receiver.reacts = nullptr;
    if (planted) change_stored_body(world.store);
    world.restart();
    world.work();
    EXPECT_EQ(2, world.receiver.deliveries);
    EXPECT_EQ(planted ? 1 : 0, world.receiver.changed_bodies);
  }
}

TEST(Ledger, RefusesARunThatDoesNotAddUp) {
  const auto people = [](std::initializer_list<index::Ordinal> ordinals) {
    return index::Bitmap::from_sorted(std::vector<index::Ordinal>(ordinals));
  };
  RunStarted run{.run = 1, .audience = people({1, 2, 3}), .add = people({1, 2})};
  Ledger ledger("buyers");
  const Status forgotten = ledger.apply(run);
  ASSERT_FALSE(forgotten);
  EXPECT_EQ(ErrorCode::Corrupt, forgotten.error().code);
  run.add = people({1, 2, 3});
  EXPECT_TRUE(ledger.apply(run));
  const BatchPlanned stranger{.run = 1, .id = "msg_1", .people = people({3, 4}),
                              .digests = {1, 2}, .member_bytes = {1, 1}};
  EXPECT_FALSE(ledger.apply(stranger));
}

// An append that failed may have been done after all: what it said is then said twice.
TEST(Ledger, SortedTwiceIsSortedOnce) {
  const auto one = index::Bitmap::from_sorted(std::vector<index::Ordinal>{7});
  Ledger ledger("buyers");
  ASSERT_TRUE(ledger.apply(RunStarted{.run = 1, .audience = one, .add = one}));
  ASSERT_TRUE(ledger.apply(BatchPlanned{.run = 1, .id = "msg_1", .people = one, .digests = {1},
                                        .member_bytes = {1}}));
  ASSERT_TRUE(ledger.apply(Delivered{"msg_1", 1, 200}));
  ASSERT_TRUE(ledger.apply(RunFinished{1, 2, ""}));
  ASSERT_TRUE(ledger.apply(RunStarted{.run = 2, .audience = one, .check = one}));
  const Sorted leaving{.run = 2, .unidentifiable = one};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ledger.apply(leaving));
    EXPECT_TRUE(ledger.to_remove().contains(7)) << i;
    EXPECT_EQ(1U, ledger.runs().back().counts.removals_pending);
    EXPECT_TRUE(ledger.held().contains(7));
  }
  const Sorted nameless{.run = 2, .nameless = one};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ledger.apply(nameless));
    EXPECT_TRUE(ledger.all_planned());
    EXPECT_EQ(1U, ledger.runs().back().counts.removals_rejected);
  }
}

// Who is cut out of a batch that the end of the program cut off may be there: so says a start that
// finds the cut behind it, too.
TEST(Ledger, AnInterruptedBatchThatIsCutMayHaveCome) {
  const auto people = [](std::initializer_list<index::Ordinal> ordinals) {
    return index::Bitmap::from_sorted(std::vector<index::Ordinal>(ordinals));
  };
  for (const bool is_replay : {false, true}) {
    SCOPED_TRACE(is_replay);
    Ledger ledger("buyers");
    ASSERT_TRUE(ledger.apply(RunStarted{.run = 1, .audience = people({1, 2}),
                                        .add = people({1, 2})}));
    ASSERT_TRUE(ledger.apply(BatchPlanned{.run = 1, .id = "msg_1", .people = people({1, 2}),
                                          .digests = {1, 2}, .member_bytes = {1, 1}}));
    ASSERT_TRUE(ledger.apply(AttemptStarted{"msg_1", 1, 5}));
    if (!is_replay) ledger.mark_interrupted();
    ASSERT_TRUE(ledger.apply(Recut{
        .id = "msg_1", .at = 6, .without = people({1}), .has_next = true,
        .next = {.run = 1, .id = "msg_2", .people = people({2}), .digests = {2},
                 .member_bytes = {1}}}));
    ledger.mark_interrupted();
    EXPECT_TRUE(ledger.maybe_held().contains(1));
    EXPECT_TRUE(ledger.batch("msg_2")->ambiguous);
    EXPECT_FALSE(ledger.batch("msg_2")->repeats);
  }
}

TEST(OutcomeRecord, ReadsBackWhatItWritesAndRefusesEveryCut) {
  const auto people = index::Bitmap::from_sorted(std::vector<index::Ordinal>{3, 70'000, 70'001});
  const BatchPlanned batch{.run = 2, .id = "msg_a", .operation = Operation::Change, .gzip = true,
                           .people = people, .digests = {1, 2, 3}, .member_bytes = {9, 8, 7},
                           .prefix_bytes = 5, .packed = "bytes", .separator_bytes = 0,
                           .suffix_bytes = 3,
                           .request = {"PUT", "/x", "text/plain", {{"X-A", "b"}}},
                           .known = "packed"};
  BatchPlanned named = batch;
  named.names = {1, 2, 3};
  const OutcomeRecord records[] = {
      RunRequested{1, 2},
      RunStarted{.run = 1, .audience = people, .excluded = {{"x", people}}},
      RunFailed{1, 2, 3, "why"}, Sorted{1, people, people}, batch, AttemptStarted{"msg_a", 2, 3},
      AttemptFailed{"msg_a", 1, 2, 3, true, 500, "why"}, Delivered{"msg_a", 1, 200},
      Rejected{"msg_a", 1, 422, "why"}, Split{"msg_a", 1, 422, "why", batch, batch},
      Dead{"msg_a", 1, true, "why"}, Revived{"msg_a", 1}, RunFinished{1, 2, "why"}, Forgotten{1},
      DeliveredPartly{"msg_a", 1, 200, {{"no such address", people}}},
      Sorted{1, people, people, people, people}, named,
      Split{"msg_a", 1, 422, "why", named, named}, Recut{"msg_a", 1, people, true, batch},
      Recut{.id = "msg_a", .without = people, .next = {}},
      RemovalOwed{"buyers", "crm", 7, "0123456789abcdef", 5, true},
      RemovalSealed{"buyers", 7, "0123456789abcdef", "enc:v1:xyz"},
      RemovalSettled{"buyers", 7, 1, true, "why"},
      RunRequested{1, 2, true, people}, Cancelled{1, 2}, Following{1, 2}, Told{"msg_a"},
      RunStarted{.run = 1, .audience = people, .split_key = 3, .assigned = {{"a", people}},
                 .held_out = {{"a", people}}, .events_from = 1, .events_to = 2, .events_until = 3,
                 .erasure = true, .contacts = true}};
  for (const OutcomeRecord& record : records) {
    SCOPED_TRACE(record.index());
    const std::string bytes = encode(record);
    const auto read = decode_outcome(bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(record.index(), read->index());
    EXPECT_EQ(bytes, encode(*read));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_FALSE(decode_outcome(std::string_view(bytes).substr(0, cut))) << cut;
    }
    EXPECT_FALSE(decode_outcome(bytes + "x"));
  }
  EXPECT_FALSE(decode_outcome(std::string("\x04\x00\x01", 3)));
  EXPECT_FALSE(decode_outcome(std::string("\x01\x7f\x01", 3)));
}

// What a version before wrote of a batch: no request, and people in a list of JSON.
TEST(OutcomeRecord, ReadsBatchesOfTheFirstFormat) {
  const BatchPlanned batch{.run = 2, .id = "msg_a", .operation = Operation::Remove,
                           .people = index::Bitmap::from_sorted(std::vector<index::Ordinal>{7}),
                           .member_bytes = {9}, .prefix_bytes = 5, .packed = "bytes"};
  std::string bytes = encode(batch);
  // The fields since format 2: two lengths of one byte, three empty texts, an empty list, a text.
  bytes.resize(bytes.size() - 7);
  bytes[0] = 1;
  const auto read = decode_outcome(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(batch), encode(*read));
  bytes[0] = 2;
  EXPECT_FALSE(decode_outcome(bytes));
}

}  // namespace
}  // namespace muster::connect
