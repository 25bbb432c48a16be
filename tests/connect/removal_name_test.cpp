// The name by which who was erased is removed: the one that the destination has now, also after
// names changed, came twice, or stand in an address alone.
#include <gtest/gtest.h>

#include "connect/profile_ids.h"
#include "tests/connect/export_world.h"
#include "tests/connect/journal_bytes.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;
using Told = std::vector<std::string>;

constexpr const char* kByMail =
    R"(,"batch_size":4,"max_attempts":2,"retry_schedule_ms":[0,1000],"fields":{"mail":{}},)"
    R"("identify_by":["mail"],"requests":{)"
    R"("add":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
    R"("member":{"id":"{{id}}","em":"{{mail}}"}},)"
    R"("remove":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
    R"("member":{"id":"{{id}}","em":"{{mail}}"}}})";

// A receiver that knows people by their address and by nothing else.
class ByMail {
 public:
  explicit ByMail(World& world) {
    world.receiver.reacts = [this](const std::string& id, const boost::json::value& body) {
      Receiver::Reaction reaction;
      if (answers) reaction = answers(id, body);
      if (reaction.takes && taken_.insert(id).second) take(body);
      return reaction;
    };
  }
  std::function<Receiver::Reaction(const std::string& id, const boost::json::value& body)> answers;
  std::set<std::string> mails;

 private:
  void take(const boost::json::value& body) {
    const bool removes = body.at("operation").as_string() == "remove";
    for (const boost::json::value& member : body.at("members").as_array()) {
      const std::string mail(member.at("em").as_string());
      removes ? static_cast<void>(mails.erase(mail)) : static_cast<void>(mails.insert(mail));
    }
  }
  std::set<std::string> taken_;  // By id of the message: a receiver dedupes.
};

class RemovalNames : public ::testing::Test {
 protected:
  void SetUp() override {
    for (index::Ordinal i = 0; i < 4; ++i) {
      world_.people.add(i, "a" + std::to_string(i) + "@example.com");
      world_.people.segments["buyers"].add(i);
    }
    world_.open();
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  }
  static Receiver::Reaction unclear_adds(const boost::json::value& body) {
    if (body.at("operation").as_string() == "remove") return {};
    return {.takes = true, .answer = {.kind = AnswerKind::Ambiguous}};
  }

  World world_;
};

// Removed as A, added as B, and nobody knows whether that came: it is B that is removed.
TEST_F(RemovalNames, WhatWasRemovedIsNoNameAnyMore) {
  ByMail receiver(world_);
  world_.define(kByMail);
  run();
  EXPECT_EQ(4U, receiver.mails.size());
  world_.people.fields[3]["email"] = "b3@example.com";
  receiver.answers = [](const std::string&, const boost::json::value& body) {
    return unclear_adds(body);
  };
  run();
  EXPECT_EQ(1U, world_.exporter->dead_letters(world_.pass, "buyers")->size());
  EXPECT_FALSE(receiver.mails.contains("a3@example.com"));
  EXPECT_TRUE(receiver.mails.contains("b3@example.com"));
  receiver.answers = nullptr;
  EXPECT_EQ(Told{"buyers"}, world_.erase(3));
  world_.work();
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(3));
  EXPECT_FALSE(receiver.mails.contains("b3@example.com")) << "it was called removed";
  EXPECT_EQ(3U, receiver.mails.size());
}

// The same of who leaves, comes back by another name, and is refused after it may have come.
TEST_F(RemovalNames, WhoCameBackIsKnownByWhatWasToldSince) {
  ByMail receiver(world_);
  world_.define(kByMail);
  run();
  world_.people.segments["buyers"].remove(2);
  run();
  world_.people.fields[2]["email"] = "b2@example.com";
  world_.people.segments["buyers"].add(2);
  int adds = 0;
  receiver.answers = [&](const std::string&, const boost::json::value& body) {
    Receiver::Reaction reaction = unclear_adds(body);
    if (reaction.answer.kind == AnswerKind::Ambiguous && ++adds == 2) {
      reaction.answer = {.kind = AnswerKind::Status, .status = 422};
    }
    return reaction;
  };
  run();
  EXPECT_EQ(1U, world_.newest().counts.rejected);
  world_.people.fields[2]["email"] = "c2@example.com";
  world_.people.segments["buyers"].remove(2);
  receiver.answers = nullptr;
  world_.erase(2);
  world_.work();
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(2));
  EXPECT_EQ((std::set<std::string>{"a0@example.com", "a1@example.com", "a3@example.com"}),
            receiver.mails);
}

// A single one is removed by a path that names them, without a body: that path is forgotten too.
TEST_F(RemovalNames, AnAddressThatStoodInAPathAloneIsForgotten) {
  world_.define(
      R"(,"batch_size":4,"fields":{"mail":{}},"identify_by":["mail"],"requests":{)"
      R"("add":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
      R"("member":{"id":"{{id}}","em":"{{mail}}"}},)"
      R"("remove":{"method":"DELETE","path":"/in/members/{{mail}}",)"
      R"("headers":{"X-Who":"{{mail}}"}}})");
  run();
  world_.erase(1);
  world_.work();
  EXPECT_EQ(Told{"buyers confirmed"}, world_.removals(1));
  const index::Bitmap one = index::Bitmap::from_sorted(std::vector<index::Ordinal>{1});
  EXPECT_GT(testing::records_with(world_, "/in/members/"), 0U);
  EXPECT_EQ(0U, testing::compact(world_, one).needed);
  EXPECT_EQ(0U, testing::records_with(world_, "/in/members/"));
  EXPECT_EQ(0U, testing::records_with(world_, "X-Who"));
  EXPECT_EQ(0U, testing::records_with(world_, "a1@example.com"));
}

// Where values are kept, who gets another name beside theirs, and another plan, is changed.
TEST_F(RemovalNames, WhoGainsANameIsNotRemoved) {
  for (index::Ordinal i = 0; i < 4; ++i) {
    world_.people.fields[i]["phone"] = "+41" + std::to_string(i);
    world_.people.fields[i]["plan"] = "free";
  }
  world_.people.fields[1].erase("email");
  ASSERT_TRUE(world_.exporter->put_destination(
      world_.pass, "crm",
      R"({"kind":"webhook","url":"https://hooks.example.com/in",)"
      R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)"
      R"("fields":{"mail":{},"phone":{},"plan":{}},"identify_by":["mail","phone"],"requests":{)"
      R"("add":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
      R"("member":{"id":"{{id}}","em":"{{mail}}","ph":"{{phone}}","plan":"{{plan}}"}},)"
      R"("remove":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
      R"("member":{"id":"{{id}}","em":"{{mail}}","ph":"{{phone}}"}}}})"));
  ASSERT_TRUE(world_.exporter->put_sync(
      world_.pass, "buyers",
      R"({"segment":"buyers","destination":"crm","nulls":"keep",)"
      R"("mapping":{"mail":"email","phone":"phone","plan":"plan"}})"));
  run();
  EXPECT_EQ(4U, world_.receiver.holds.size());
  world_.people.fields[1]["email"] = "a1@example.com";
  world_.people.fields[1]["plan"] = "paid";
  run();
  EXPECT_EQ(5U, world_.receiver.order.size());
  EXPECT_NE("remove p1", world_.receiver.order[4]);
  world_.people.fields[2]["phone"] = "+49";
  run();
  EXPECT_EQ("remove p2", world_.receiver.order[5]);
}

// Removals go by mail alone, and they were sent with a phone: nobody is removed, nor counted so.
TEST_F(RemovalNames, WhoCannotBeNamedInARemovalIsOnlyAdded) {
  for (index::Ordinal i = 0; i < 4; ++i) {
    world_.people.fields[i]["phone"] = "+41" + std::to_string(i);
  }
  world_.people.fields[1].erase("email");
  ASSERT_TRUE(world_.exporter->put_destination(
      world_.pass, "crm",
      R"({"kind":"webhook","url":"https://hooks.example.com/in",)"
      R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)"
      R"("fields":{"mail":{},"phone":{}},"identify_by":["mail","phone"],"requests":{)"
      R"("add":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
      R"("member":{"id":"{{id}}","em":"{{mail}}","ph":"{{phone}}"}},)"
      R"("remove":{"identify_by":["mail"],)"
      R"("body":{"operation":"{{operation}}","members":["{{members}}"]},)"
      R"("member":{"id":"{{id}}","em":"{{mail}}"}}}})"));
  ASSERT_TRUE(world_.exporter->put_sync(
      world_.pass, "buyers",
      R"({"segment":"buyers","destination":"crm",)"
      R"("mapping":{"mail":"email","phone":"phone"}})"));
  run();
  ASSERT_EQ(4U, world_.receiver.holds.size());
  world_.people.fields[1]["phone"] = "+49";
  const auto preview = world_.exporter->preview(world_.pass, "buyers");
  ASSERT_TRUE(preview);
  EXPECT_EQ(0U, preview->removed);
  EXPECT_EQ(1U, preview->added + preview->changed);
  run();
  EXPECT_EQ(5U, world_.receiver.order.size());
  EXPECT_EQ(RunState::Finished, world_.newest().state);
}

// --- Random lives -------------------------------------------------------------------------------

void work(World& world, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (world.exporter->work_once()) continue;
    const auto due = world.exporter->next_due();
    if (!due) return;
    world.clock.set(std::max(*due, world.clock.now()));
  }
}

// Whether the address, as those below are made, is or was that person's.
bool is_of(const std::string& mail, index::Ordinal person) {
  const std::string tail = std::to_string(person) + "@example.com";
  return mail == "a" + tail || mail.ends_with("." + tail);
}

// People change their addresses and are erased while deliveries fail in every way; in the end the
// receiver has the newest address of everybody who is there, and of nobody else.
TEST(RemovalNameLives, NobodyWhoIsErasedIsLeftByAnyName) {
  muster::testing::Random random;
  for (int life = 0; life < 60; ++life) {
    const std::uint64_t seed = random();
    SCOPED_TRACE("life " + std::to_string(seed));
    World world(seed);
    SeededRandom dice(seed + 1);
    ByMail receiver(world);
    for (index::Ordinal i = 0; i < 12; ++i) {
      world.people.add(i, "a" + std::to_string(i) + "@example.com");
      world.people.segments["buyers"].add(i);
    }
    world.open();
    world.define(kByMail);
    bool is_faulty = true;
    receiver.answers = [&](const std::string&, const boost::json::value&) -> Receiver::Reaction {
      const std::uint64_t bits = is_faulty ? dice.next() % 6 : 5;
      if (bits == 0) return {.takes = false, .answer = {.kind = AnswerKind::Status, .status = 500}};
      if (bits < 3) return {.takes = bits == 1, .answer = {.kind = AnswerKind::Ambiguous}};
      return {};
    };
    std::set<index::Ordinal> erased;
    for (int round = 0; round < 6; ++round) {
      static_cast<void>(world.exporter->start_run(world.pass, "buyers").has_value());
      for (int i = 0; i < 3; ++i) {
        work(world, 1 + static_cast<int>(dice.next() % 12));
        const auto one = static_cast<index::Ordinal>(dice.next() % 12);
        if (!world.people.ids.contains(one)) continue;
        if (dice.next() % 3 != 0) {
          world.people.fields[one]["email"] =
              "r" + std::to_string(round * 3 + i) + "." + std::to_string(one) + "@example.com";
        } else if (erased.size() < 4) {
          erased.insert(one);
          world.erase(one);
        }
      }
      if (dice.next() % 4 == 0) world.restart();
    }
    is_faulty = false;
    for (int round = 0; round < 3; ++round) {
      static_cast<void>(world.exporter->start_run(world.pass, "buyers").has_value());
      work(world, 20'000);
    }
    for (const index::Ordinal one : erased) {
      for (const std::string& told : world.removals(one)) EXPECT_EQ("buyers confirmed", told);
      for (const std::string& mail : receiver.mails) EXPECT_FALSE(is_of(mail, one)) << mail;
    }
    for (const auto& [one, id] : world.people.ids) {
      EXPECT_TRUE(receiver.mails.contains(world.people.fields[one]["email"])) << id;
    }
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace muster::connect
