// Profiles that have the same address: it is sent once, under one of them, and removed when nobody
// has it any more.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/connect/journal_bytes.h"
#include "tests/connect/shared_world.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::SharedWorld;
using testing::kByMail;
using Told = std::vector<std::string>;

class SharedIdentifier : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.put(1, "ann@example.com");
    world_.put(2, "ann@example.com");
    world_.put(3, "bob@example.com");
    world_.open();
    world_.define(kByMail);
    world_.run();
  }
  RunCounts counts() const { return world_.newest().counts; }

  SharedWorld world_;
};

TEST_F(SharedIdentifier, IsSentOnceAndTheOthersFollow) {
  EXPECT_EQ((Told{"add ann@example.com", "add bob@example.com"}), world_.receiver.order);
  EXPECT_EQ(2U, counts().sent);
  EXPECT_EQ(1U, counts().already_there);
  EXPECT_EQ(1U, counts().following);
  EXPECT_EQ(RunState::Finished, world_.newest().state);
  const PersonView follower = world_.person(2);
  EXPECT_EQ(PersonState::Following, follower.state);
  EXPECT_EQ("p1", follower.leader_id);
  EXPECT_EQ(PersonState::Sent, world_.person(1).state);
  EXPECT_EQ(1U, world_.exporter->ledger(world_.pass, "buyers")->following);
  const auto page = world_.exporter->people(world_.pass, "buyers",
                                            {.state = PersonState::Following});
  ASSERT_EQ(1U, page->people.size());
  EXPECT_EQ("p1", page->people[0].leader_id);
  world_.restart();
  EXPECT_EQ("p1", world_.person(2).leader_id);
  world_.run();
  EXPECT_EQ(2U, world_.receiver.order.size()) << "nothing changed";
  EXPECT_EQ(3U, counts().already_there);
}

TEST_F(SharedIdentifier, StaysUntilTheLastOneLeaves) {
  world_.leave(1);
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
  EXPECT_EQ(1U, counts().removals_sent);
  EXPECT_EQ("add ann@example.com", world_.receiver.order.back()) << "it was never away";
  EXPECT_EQ(3U, world_.receiver.order.size());
  EXPECT_EQ(PersonState::None, world_.person(1).state);
  EXPECT_EQ(PersonState::Sent, world_.person(2).state);
  world_.leave(2);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
  EXPECT_EQ("remove ann@example.com", world_.receiver.order.back());
  world_.run();
  EXPECT_EQ(4U, world_.receiver.order.size());
}

TEST_F(SharedIdentifier, IsNotTouchedWhenAFollowerLeaves) {
  world_.leave(2);
  world_.run();
  EXPECT_EQ(2U, world_.receiver.order.size());
  EXPECT_EQ(0U, counts().removals);
  EXPECT_EQ("p1", world_.who("ann@example.com"));
  world_.leave(1);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
}

TEST_F(SharedIdentifier, IsTakenOverByWhoComesAsItsLeaderLeaves) {
  world_.leave(3);
  world_.put(4, "bob@example.com");
  world_.run();
  EXPECT_EQ("p4", world_.who("bob@example.com"));
  EXPECT_EQ("add bob@example.com", world_.receiver.order.back());
  EXPECT_EQ(RunState::Finished, world_.newest().state);
}

TEST_F(SharedIdentifier, PassesOnWhenItsLeaderGetsAnother) {
  world_.people.fields[1]["email"] = "new@example.com";
  world_.run();
  EXPECT_EQ("p2", world_.who("ann@example.com"));
  EXPECT_EQ("p1", world_.who("new@example.com"));
  EXPECT_EQ(0, std::count(world_.receiver.order.begin(), world_.receiver.order.end(),
                          "remove ann@example.com"));
  world_.people.fields[1]["email"] = "bob@example.com";  // Becomes one who follows.
  world_.run();
  EXPECT_EQ("", world_.who("new@example.com"));
  EXPECT_EQ("p3", world_.who("bob@example.com"));
  EXPECT_EQ("p3", world_.person(1).leader_id);
  EXPECT_EQ(RunState::Finished, world_.newest().state);
}

// The first of two followers has another address by now: the second one takes over.
TEST_F(SharedIdentifier, PassesToAFollowerWhoStillHasIt) {
  world_.put(5, "ann@example.com");
  world_.run();
  world_.people.fields[2]["email"] = "two@example.com";
  world_.leave(1);
  world_.run();
  EXPECT_EQ("p5", world_.who("ann@example.com"));
  EXPECT_EQ("p2", world_.who("two@example.com"));
  world_.leave(5);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
}

TEST_F(SharedIdentifier, GoesOnUnderAFollowerWhenItsLeaderIsRefused) {
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    for (const boost::json::value& member : body.at("members").as_array()) {
      const auto* const who = member.as_object().if_contains("who");
      if (who == nullptr || who->as_string() != "p6") continue;
      return Receiver::Reaction{.takes = false,
                                .answer = {.kind = AnswerKind::Status, .status = 422}};
    }
    return Receiver::Reaction{};
  };
  world_.put(6, "eve@example.com");
  world_.put(7, "eve@example.com");
  world_.run();
  EXPECT_EQ("p7", world_.who("eve@example.com"));
  EXPECT_EQ(1U, counts().rejected);
  EXPECT_EQ(1U, counts().sent);
}

TEST_F(SharedIdentifier, GoesOnUnderAFollowerWhenItsLeaderIsErased) {
  EXPECT_EQ(Told{"buyers"}, world_.erase(1));
  world_.work();
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(1));
  EXPECT_EQ("p2", world_.who("ann@example.com")) << "nothing of who was erased is left";
  EXPECT_EQ(Told{"buyers"}, world_.erase(2));
  world_.work();
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(2));
  EXPECT_EQ("", world_.who("ann@example.com"));
}

// The follower has left since: nobody has it.
TEST_F(SharedIdentifier, IsRemovedWithItsErasedLeaderWhenNobodyIsLeft) {
  world_.leave(2);
  world_.erase(1);
  world_.work();
  EXPECT_EQ("", world_.who("ann@example.com"));
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(1));
}

TEST_F(SharedIdentifier, OfAFollowerWhoIsErasedStays) {
  EXPECT_EQ(Told{}, world_.erase(2));
  world_.work();
  EXPECT_EQ("p1", world_.who("ann@example.com"));
  world_.run();
  world_.leave(1);
  world_.run();
  EXPECT_EQ("", world_.who("ann@example.com"));
}

// A removal that may yet arrive: who comes with the same address waits for it.
TEST_F(SharedIdentifier, WaitsWhileItIsRemovedForSomebodyElse) {
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    if (body.at("operation").as_string() != "remove") return Receiver::Reaction{};
    return Receiver::Reaction{.takes = false, .answer = {.kind = AnswerKind::Ambiguous}};
  };
  world_.leave(3);
  world_.run();
  EXPECT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  world_.put(8, "bob@example.com");
  world_.run();
  EXPECT_EQ(1U, counts().pending);
  EXPECT_EQ("p3", world_.who("bob@example.com"));
  world_.receiver.reacts = nullptr;
  world_.run();
  EXPECT_EQ("p8", world_.who("bob@example.com"));
  EXPECT_EQ(0U, counts().pending);
}

TEST(SharedRecords, AreReadAsTheyWereWrittenAndOthersInTheFormatTheyHad) {
  const auto people = [](std::vector<index::Ordinal> some) {
    return index::Bitmap::from_sorted(some);
  };
  const Sorted sorted{.run = 3, .unchanged = people({1}), .unidentifiable = {},
                      .following = people({2, 9}), .identifiers = {17, 19},
                      .waiting = people({4}), .handed = people({5, 6}), .heirs = people({9})};
  const std::string written = encode(sorted);
  EXPECT_EQ(4, written[0]);
  const OutcomeRecord again = *decode_outcome(written);
  const Sorted& read = std::get<Sorted>(again);
  EXPECT_EQ(sorted.following, read.following);
  EXPECT_EQ(sorted.identifiers, read.identifiers);
  EXPECT_EQ(sorted.waiting, read.waiting);
  EXPECT_EQ(sorted.handed, read.handed);
  EXPECT_EQ(sorted.heirs, read.heirs);
  EXPECT_EQ(3, encode(Sorted{.run = 3, .unchanged = people({1}), .unidentifiable = {}})[0]);
  BatchPlanned batch{.run = 1, .id = "m", .people = people({1, 2}), .digests = {1, 2},
                     .member_bytes = {1, 1}};
  EXPECT_EQ(2, encode(batch)[0]);
  batch.identifiers = {17, 0};
  EXPECT_EQ(4, encode(batch)[0]);
  const OutcomeRecord planned = *decode_outcome(encode(batch));
  EXPECT_EQ(batch.identifiers, std::get<BatchPlanned>(planned).identifiers);
  batch.identifiers = {17};
  EXPECT_FALSE(decode_outcome(encode(batch))) << "one for each";
}

// --- Lives ---------------------------------------------------------------------------------------

std::string mail_of(std::uint64_t number) { return "m" + std::to_string(number) + "@example.com"; }

// Something happens to somebody.
void live(SharedWorld& world, Random& random) {
  const auto ordinal = static_cast<index::Ordinal>(1 + random.below(9));
  const bool is_there = world.people.ids.contains(ordinal);
  switch (random.below(5)) {
    case 0:
    case 1:
      if (is_there) world.leave(ordinal);
      break;
    case 2:
      if (is_there && random.below(4) == 0) world.erase(ordinal);
      break;
    default:
      // Who was erased does not come back under the same number.
      if (!is_there && world.people.known.contains(ordinal)) break;
      world.put(ordinal, random.below(8) == 0 ? "" : mail_of(random.below(4)));
      if (world.people.fields[ordinal]["email"].empty()) world.people.fields.erase(ordinal);
  }
}

void misbehave(SharedWorld& world, Random& random, std::uint64_t seed) {
  world.receiver.reacts = [seed, calls = std::uint64_t{0}](
                              const std::string&, const boost::json::value&) mutable {
    SeededRandom chance(seed + ++calls);
    switch (chance.below(8)) {
      case 0: return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 500}};
      case 1: return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Status, 422}};
      case 2: return Receiver::Reaction{.takes = true, .answer = {AnswerKind::Ambiguous}};
      case 3: return Receiver::Reaction{.takes = false, .answer = {AnswerKind::Ambiguous}};
      default: return Receiver::Reaction{};
    }
  };
  if (random.below(2) == 0) return;
  world.store.crash_at = world.store.appends + 1 + static_cast<int>(random.below(12));
  world.store.crash = static_cast<testing::Crash>(random.below(3));
}

void become_well(SharedWorld& world) {
  world.receiver.reacts = nullptr;
  world.store.crash_at = 0;
  if (world.store.down) world.restart();
  world.work();
  for (int i = 0; i < 3; ++i) world.run();  // What was given up goes again first.
}

// What is left of the journal says the same of everybody who is not erased.
void compact_and_restart(SharedWorld& world) {
  testing::compact(world, *testing::FakeAudience(world.people).erased());
  world.restart();
}

// What the destination is to have: each address of a member, under one of those who have it.
void expect_as_wanted(const SharedWorld& world) {
  std::map<std::string, std::set<std::string>> wanted;
  for (const index::Ordinal ordinal : world.people.segments.at("buyers").to_vector()) {
    const auto fields = world.people.fields.find(ordinal);
    if (fields != world.people.fields.end()) {
      wanted[fields->second.at("email")].insert(world.people.ids.at(ordinal));
    }
  }
  for (const auto& [mail, who] : wanted) {
    EXPECT_TRUE(who.contains(world.who(mail))) << mail << " is under '" << world.who(mail) << "'";
  }
  for (const auto& [mail, member] : world.receiver.holds) {
    EXPECT_TRUE(wanted.contains(mail)) << mail << " is nobody's";
  }
  EXPECT_EQ(wanted.size(), world.exporter->ledger(world.pass, "buyers")->sent);
}

TEST(SharedLives, EveryAddressOfAMemberIsThereOnceAndNoOther) {
  const std::uint64_t first = muster::testing::seed_of_run();
  for (std::uint64_t seed = first; seed < first + 300; ++seed) {
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
    SharedWorld world(seed);
    SeededRandom random(seed);
    world.people.segments["buyers"];
    world.open();
    world.define(kByMail);
    for (int round = 0; round < 6; ++round) {
      misbehave(world, random, seed * 1'000 + static_cast<std::uint64_t>(round) * 100);
      for (std::uint64_t steps = random.below(6); steps > 0; --steps) live(world, random);
      static_cast<void>(world.exporter->start_run(world.pass, "buyers").has_value());
      for (std::uint64_t steps = random.below(30); steps > 0 && !world.store.down; --steps) {
        if (random.below(6) == 0) live(world, random);
        if (!world.exporter->work_once()) break;
      }
      if (random.below(2) == 0) become_well(world);
      if (world.store.down) world.restart();
      if (random.below(2) == 0) compact_and_restart(world);
      if (::testing::Test::HasFailure()) return;
    }
    become_well(world);
    compact_and_restart(world);
    become_well(world);
    expect_as_wanted(world);
    EXPECT_EQ(0, world.receiver.changed_bodies + world.receiver.duplicates);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace muster::connect
