// Shared identifiers where things go wrong: what is counted, who leads, and what a journal still
// says once it is compacted.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "connect/ledger.h"
#include "tests/connect/journal_bytes.h"
#include "tests/connect/shared_world.h"

namespace muster::connect {
namespace {

using testing::kByMail;
using testing::Receiver;
using testing::SharedWorld;

class SharedFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.put(1, "ann@example.com");
    world_.put(2, "ann@example.com");
    world_.open();
    world_.define(kByMail);
  }
  RunCounts counts() const { return world_.newest().counts; }
  // Refuses who is one of these.
  void refuse(const std::set<std::string>& whom) {
    world_.receiver.reacts = [whom](const std::string&, const boost::json::value& body) {
      for (const boost::json::value& member : body.at("members").as_array()) {
        const auto* const who = member.as_object().if_contains("who");
        if (who == nullptr || !whom.contains(std::string(who->as_string()))) continue;
        return Receiver::Reaction{.takes = false,
                                  .answer = {.kind = AnswerKind::Status, .status = 422}};
      }
      return Receiver::Reaction{};
    };
  }
  // What the journal says of who was erased goes; a start reads the rest.
  void compact() {
    const index::Bitmap erased = *testing::FakeAudience(world_.people).erased();
    testing::compact(world_, erased);
    world_.restart();
    const testing::Compacted again = testing::compact(world_, erased);
    EXPECT_EQ(0U, again.changed);
  }

  SharedWorld world_;
};

// --- What a compaction leaves --------------------------------------------------------------------

TEST_F(SharedFaults, AJournalWhoseLeaderGotAnotherAndIsErasedIsRead) {
  world_.run();
  world_.people.fields[1]["email"] = "new@example.com";
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
  world_.erase(1);
  world_.work();
  compact();
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
  world_.leave(2);
  world_.run();
  EXPECT_TRUE(world_.receiver.holds.empty());
}

TEST_F(SharedFaults, AJournalWhoseLeaderWasRefusedAndOneIsErasedIsRead) {
  for (const index::Ordinal erased : {index::Ordinal{1}, index::Ordinal{2}}) {
    SharedWorld world(erased);
    world.put(1, "ann@example.com");
    world.put(2, "ann@example.com");
    world.put(3, "ann@example.com");
    world.open();
    world.define(kByMail);
    world.receiver.reacts = [](const std::string&, const boost::json::value& body) {
      const auto* const who = body.at("members").as_array()[0].as_object().if_contains("who");
      const bool takes = who == nullptr || who->as_string() != "p1";
      return Receiver::Reaction{takes, {AnswerKind::Status, takes ? 200 : 422}};
    };
    world.run();
    EXPECT_EQ("p2", world.who("ann@example.com"));
    world.receiver.reacts = nullptr;
    world.erase(erased);
    world.work();
    testing::compact(world, *testing::FakeAudience(world.people).erased());
    world.restart();
    world.run();
    EXPECT_EQ(erased == 1 ? "p2" : "p3", world.who("ann@example.com"));
    EXPECT_EQ(RunState::Finished, world.newest().state);
  }
}

// Whoever reads the journal cannot tell by a guess of an address whose it was.
TEST_F(SharedFaults, AnIdentifierInTheJournalIsOtherInAnotherSync) {
  world_.run();
  ASSERT_TRUE(world_.exporter->put_sync(
      world_.pass, "again",
      R"({"segment":"buyers","destination":"crm","mapping":{"mail":"email"}})"));
  ASSERT_TRUE(world_.exporter->start_run(world_.pass, "again"));
  world_.work();
  const auto identifiers_of = [&](const std::string& stream) {
    std::vector<std::uint64_t> found;
    for (const std::string& payload : world_.store.streams[stream]) {
      const OutcomeRecord record = *decode_outcome(payload);
      if (const auto* batch = std::get_if<BatchPlanned>(&record)) found = batch->identifiers;
    }
    return found;
  };
  const auto one = identifiers_of("sync:buyers"), other = identifiers_of("sync:again");
  ASSERT_EQ(1U, one.size());
  ASSERT_EQ(1U, other.size());
  EXPECT_NE(one[0], other[0]) << "the key is the sync's own";
}

// --- What is counted -----------------------------------------------------------------------------

TEST_F(SharedFaults, AFollowerWithoutAnAddressIsNotCountedTwice) {
  world_.run();
  world_.people.fields.erase(2);
  world_.leave(1);
  world_.run();
  EXPECT_EQ(0U, counts().already_there);
  EXPECT_EQ(1U, counts().unidentifiable);
  EXPECT_EQ("", world_.who("ann@example.com"));
}

TEST_F(SharedFaults, AFollowerWithAnAddressThatIsBeingRemovedIsNotCountedTwice) {
  world_.put(3, "bob@example.com");
  world_.run();
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    const bool is_bob = body.at("operation").as_string() == "remove" &&
                        boost::json::serialize(body).find("bob@") != std::string::npos;
    if (!is_bob) return Receiver::Reaction{};
    return Receiver::Reaction{.takes = false, .answer = {.kind = AnswerKind::Ambiguous}};
  };
  world_.leave(3);
  world_.run();
  world_.people.fields[2]["email"] = "bob@example.com";  // Waits; and follows Ann no more.
  world_.leave(1);
  world_.run();
  EXPECT_EQ(0U, counts().following);
  EXPECT_EQ(0U, counts().already_there);
}

// --- Who has it ----------------------------------------------------------------------------------

// One who was held by an identifier that another leads by now leaves as that one gets another.
TEST(SharedFold, AnIdentifierHandedOnByTwoAtOnceIsItsHeirsAlone) {
  const auto people = [](std::vector<index::Ordinal> some) {
    return index::Bitmap::from_sorted(some);
  };
  Ledger ledger("buyers");
  const auto start = [&](std::uint64_t run, index::Bitmap add, index::Bitmap check,
                         index::Bitmap remove) {
    RunStarted started;
    started.run = run;
    started.audience = unite(add, check);
    started.add = std::move(add);
    started.check = std::move(check);
    started.remove = std::move(remove);
    ASSERT_TRUE(ledger.apply(started));
  };
  const auto send = [&](std::uint64_t run, const std::string& id, index::Ordinal person) {
    BatchPlanned batch{.run = run, .id = id, .people = people({person}), .digests = {1},
                       .member_bytes = {1}};
    batch.identifiers = {17};
    ASSERT_TRUE(ledger.apply(batch));
    ASSERT_TRUE(ledger.apply(Delivered{id, 1, 200}));
  };
  Sorted follows{.run = 2, .unchanged = {}, .unidentifiable = {}};
  follows.following = people({5});
  follows.identifiers = {17};
  start(1, people({1}), {}, {});
  send(1, "a", 1);
  ASSERT_TRUE(ledger.apply(RunFinished{1, 1, ""}));
  start(2, people({4, 5}), {}, people({1}));
  send(2, "b", 4);
  ASSERT_TRUE(ledger.apply(follows));
  ASSERT_TRUE(ledger.apply(Cancelled{2, 1}));
  start(3, people({5}), people({4}), people({1}));
  follows.run = 3;
  ASSERT_TRUE(ledger.apply(follows));
  Sorted handed{.run = 3, .unchanged = {}, .unidentifiable = {}};
  handed.renamed = people({4});
  ASSERT_TRUE(ledger.apply(handed));
  handed = {.run = 3, .unchanged = {}, .unidentifiable = {}};
  handed.handed = people({1, 4});
  handed.heirs = people({5});
  ASSERT_TRUE(ledger.apply(handed));
  EXPECT_EQ(people({5}), ledger.maybe_held()) << "and not who is known by another one now";
  EXPECT_EQ(people({4, 5}), ledger.to_add());
  EXPECT_EQ(17U, ledger.identifiers().held_by(5));
}

TEST_F(SharedFaults, AnErasureDoesNotWaitForASegmentThatNobodyCanAnswer) {
  world_.run();
  const index::Bitmap buyers = world_.people.segments["buyers"];
  EXPECT_EQ(std::vector<std::string>{"buyers"}, world_.erase(1));
  world_.people.segments.erase("buyers");
  world_.work();
  EXPECT_EQ(std::vector<std::string>{"buyers confirmed"}, world_.removals(1));
  EXPECT_EQ("", world_.who("ann@example.com"));
  world_.people.segments["buyers"] = buyers;
  world_.leave(1);
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
}

TEST_F(SharedFaults, NobodyIsThereByALeaderWhoseDeliveryWasGivenUp) {
  world_.leave(2);
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 500}};
  };
  world_.run();
  ASSERT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  world_.leave(1);
  world_.put(2, "ann@example.com");
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
  EXPECT_EQ(0U, counts().already_there);
  EXPECT_EQ(1U, counts().pending);
  EXPECT_EQ(RunState::Incomplete, world_.newest().state);
  world_.receiver.reacts = nullptr;
  world_.run();
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
  EXPECT_EQ(RunState::Finished, world_.newest().state);
}

// Who took over, and is refused by it each time, blocks nobody who comes behind.
TEST_F(SharedFaults, AnHeirWhoIsRefusedGivesTheNextOneTheirTurn) {
  world_.put(3, "ann@example.com");
  world_.run();
  refuse({"p2"});
  world_.leave(1);
  world_.run();
  EXPECT_EQ("p3", world_.who("ann@example.com"));
  EXPECT_EQ(1U, counts().rejected);
  world_.leave(2);
  world_.run();
  EXPECT_EQ("p3", world_.who("ann@example.com"));
  world_.leave(3);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
}

// An heir is erased before anything was sent of them: the journal knows the name all the same.
TEST_F(SharedFaults, AnHeirWhoWasNeverSentIsRemovedByTheNameThatTheDestinationHas) {
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = true, .answer = {.kind = AnswerKind::Ambiguous}};
  };
  world_.run();
  refuse({"p1"});  // Who may be there: it goes on under who follows, once the run has ended.
  const auto letters = *world_.exporter->dead_letters(world_.pass, "buyers");
  ASSERT_EQ(1U, letters.size());
  ASSERT_TRUE(world_.exporter->replay(world_.pass, "buyers", letters[0].message_id));
  world_.work();
  ASSERT_EQ(1U, counts().rejected);
  EXPECT_EQ("p1", world_.who("ann@example.com"));
  EXPECT_EQ(std::vector<std::string>{"buyers"}, world_.erase(2));
  world_.work();
  EXPECT_EQ(std::vector<std::string>{"buyers confirmed"}, world_.removals(2));
  world_.leave(1);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
}

// --- Previews ------------------------------------------------------------------------------------

TEST_F(SharedFaults, APreviewCountsWhoPassesOnAndGetsAnotherAddressOnce) {
  world_.put(3, "bob@example.com");
  world_.run();
  world_.people.fields[1]["email"] = "new@example.com";
  const PreviewView view = *world_.exporter->preview(world_.pass, "buyers");
  EXPECT_TRUE(view.exact);
  world_.run();
  EXPECT_EQ(counts().sent, view.added + view.changed);
  EXPECT_EQ(counts().already_there, view.already_there);
  EXPECT_EQ(view.audience, view.added + view.changed + view.already_there + view.unidentifiable);
}

TEST(RunCounts, DoNotAddUpWithATermThatIsNoPart) {
  RunCounts counts{.audience = 2, .sent = 2};
  EXPECT_TRUE(counts.adds_up());
  counts.already_there = ~std::uint64_t{0};
  counts.sent = 3;  // Which add up to two.
  EXPECT_FALSE(counts.adds_up());
  counts = {.audience = 2, .sent = 1, .already_there = 1, .following = 2};
  EXPECT_FALSE(counts.adds_up());
}

}  // namespace
}  // namespace muster::connect
