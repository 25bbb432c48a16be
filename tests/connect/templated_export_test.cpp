// Whole runs to destinations that say what they are sent.
#include <gtest/gtest.h>

#include "connect/known_people.h"
#include "tests/connect/export_world.h"

namespace muster::connect {
namespace {

using testing::Receiver;
using testing::World;

// A body of its own form that the receiver of export_world.h still reads.
constexpr const char* kTemplates =
    R"(,"batch_size":8,"fields":{"mail":{"normalise":"email","hash":"sha256"}},)"
    R"("identify_by":["mail"],"requests":{)"
    R"("add":{"path":"/in/{{sync}}","headers":{"X-Run":"{{run}}"},)"
    R"("body":{"operation":"{{operation}}","members":["{{members}}"],"end":true},)"
    R"("member":{"id":"{{id}}","em":"{{mail}}"}},)"
    R"("remove":{"body":{"operation":"{{operation}}","members":["{{members}}"]},)"
    R"("member":{"id":"{{id}}","em":"{{mail}}"}}})";

class TemplatedExport : public ::testing::Test {
 protected:
  void SetUp() override {
    for (index::Ordinal i = 0; i < 20; ++i) {
      world_.people.add(i, " P" + std::to_string(i) + "@Example.com");
      world_.people.segments["buyers"].add(i);
    }
    world_.open();
  }
  void run() {
    ASSERT_TRUE(world_.exporter->start_run(world_.pass, "buyers"));
    world_.work();
  }
  const RunCounts& counts() {
    run_ = world_.newest();
    return run_.counts;
  }
  std::string body_of_removal() {
    std::string found;
    for (const auto& [id, message] : world_.receiver.messages) {
      if (message.body.find("\"remove\"") != std::string::npos) found = message.body;
    }
    return found;
  }

  World world_;
  RunView run_;
};

// sha256 of "p3@example.com".
constexpr const char* kHashOfP3 =
    "b7db63306d043a13688028213981245375d8e5448c88ea17f520c359b834de86";

TEST_F(TemplatedExport, SendsWhatTheTemplatesSay) {
  world_.define(kTemplates);
  run();
  EXPECT_EQ(20U, counts().sent);
  EXPECT_EQ(std::string(R"({"id":"p3","em":")") + kHashOfP3 + R"("})",
            world_.receiver.holds.at("p3"));
  run();
  EXPECT_EQ(20U, counts().already_there);
}

TEST_F(TemplatedExport, HalvesABatchAroundWhomItsReceiverRefuses) {
  world_.define(kTemplates);
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    for (const boost::json::value& member : body.at("members").as_array()) {
      if (member.at("id").as_string() != "p5") continue;
      return Receiver::Reaction{.takes = false,
                                .answer = {.kind = AnswerKind::Status, .status = 422}};
    }
    EXPECT_TRUE(body.at("end").as_bool());
    return Receiver::Reaction{};
  };
  run();
  EXPECT_EQ(19U, counts().sent);
  EXPECT_EQ(1U, counts().rejected);
}

TEST_F(TemplatedExport, RemovesPeopleByWhatWasSentOfThem) {
  world_.define(kTemplates);
  run();
  world_.people.fields[3]["email"] = "other@example.com";  // And then p3 leaves,
  world_.people.ids.erase(4);                              // and p4 is gone altogether.
  world_.people.fields.erase(4);
  auto& buyers = world_.people.segments["buyers"];
  buyers = subtract(buyers, index::Bitmap::from_sorted(std::vector<index::Ordinal>{3, 4}));
  run();
  EXPECT_EQ(2U, counts().removals_sent);
  const std::string body = body_of_removal();
  EXPECT_NE(std::string::npos, body.find(kHashOfP3)) << body;
  EXPECT_NE(std::string::npos, body.find(R"("id":"p4","em":")")) << body;
}

// Somebody who stays gets another address: the old one goes first, through a kill.
TEST_F(TemplatedExport, ANameThatChangesIsRemovedAndThenAdded) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed);
    World world;
    world.people.add_buyers(0, 10);
    world.open();
    world.define(kTemplates);
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    world.work();
    world.restart();
    const std::string before = world.receiver.holds.at("p3");
    world.people.fields[3]["email"] = "other@example.com";
    world.people.fields[5]["email"] = " P5@Example.com";  // The same, by its rule.
    const auto preview = world.exporter->preview(world.pass, "buyers");
    ASSERT_TRUE(preview);
    EXPECT_EQ(1U, preview->changed);
    EXPECT_EQ(0U, preview->removed);
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    while (world.receiver.order.back() != "remove p3") ASSERT_TRUE(world.exporter->work_once());
    if (killed) world.restart();
    world.work();
    EXPECT_EQ("remove p3", world.receiver.order[10]);
    EXPECT_EQ("add p3", world.receiver.order[11]);
    EXPECT_EQ(12U, world.receiver.order.size());
    EXPECT_NE(before, world.receiver.holds.at("p3"));
    const RunCounts counts = world.newest().counts;
    EXPECT_EQ(1U, counts.sent);
    EXPECT_EQ(1U, counts.removals_sent);
    EXPECT_EQ(9U, counts.already_there);
    EXPECT_EQ(RunState::Finished, world.newest().state);
    bool names_old = false;
    for (const auto& [id, message] : world.receiver.messages) {
      names_old = names_old || (message.body.find("\"remove\"") != std::string::npos &&
                                message.body.find(kHashOfP3) != std::string::npos);
    }
    EXPECT_TRUE(names_old);
    ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
    world.work();
    EXPECT_EQ(10U, world.newest().counts.already_there);
  }
}

// The same with the power failing at every append: nobody is left with two addresses, or none.
TEST(TemplatedRename, IsWholeWhereverThePowerFails) {
  int crashes = 0;
  for (const auto kind : {testing::Crash::BeforeAppend, testing::Crash::AfterFirstPayload,
                          testing::Crash::AfterAppend}) {
    for (int at = 1;; ++at) {
      SCOPED_TRACE(at);
      World world;
      world.people.add_buyers(0, 10);
      world.open();
      world.define(kTemplates);
      ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
      world.work();
      for (const index::Ordinal i : {3U, 9U}) {
        world.people.fields[i]["email"] = "other" + std::to_string(i) + "@example.com";
      }
      world.store.crash_at = world.store.appends + at;
      world.store.crash = kind;
      static_cast<void>(world.exporter->start_run(world.pass, "buyers").has_value());
      world.work();
      const bool crashed = world.store.down;
      world.store.crash_at = 0;
      if (crashed) world.restart();
      world.work();
      // A request that was not written before the power failed is made again; the last run finds
      // nothing to do.
      for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
        world.work();
      }
      const std::vector<std::string> order(world.receiver.order.begin() + 10,
                                           world.receiver.order.end());
      ASSERT_EQ((std::vector<std::string>{"remove p3", "remove p9", "add p3", "add p9"}), order);
      ASSERT_EQ(10U, world.newest().counts.already_there);
      ASSERT_EQ(0, world.receiver.changed_bodies + world.receiver.duplicates);
      if (!crashed) break;
      ++crashes;
    }
  }
  EXPECT_GT(crashes, 10);
}

TEST_F(TemplatedExport, WhoHasNoIdentifierIsUnidentifiable) {
  world_.people.fields[7]["email"] = "not an address";
  world_.define(kTemplates);
  run();
  EXPECT_EQ(1U, counts().unidentifiable);
  EXPECT_EQ(19U, counts().sent);
}

TEST_F(TemplatedExport, ReadsWhatA200SaysOfSinglePeople) {
  world_.define(std::string(kTemplates) +
                R"(,"answer":{"list":"/errors","index":"/index","message":"/why"})");
  world_.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{
        .answer = {.kind = AnswerKind::Status, .status = 200,
                   .body = R"({"errors":[{"index":1,"why":"bounced"},{"index":99}]})"}};
  };
  run();
  EXPECT_EQ(3U, counts().rejected);  // One of each of the three batches.
  EXPECT_EQ(17U, counts().sent);
  const auto person = world_.exporter->person(world_.pass, "buyers", "p1");
  EXPECT_EQ(PersonState::Rejected, person->state);
  EXPECT_EQ("HTTP 200: bounced", person->reason);
  world_.restart();
  EXPECT_EQ(3U, counts().rejected);
  world_.receiver.reacts = nullptr;
  run();  // Only they are sent again.
  EXPECT_EQ(3U, counts().sent);
  EXPECT_EQ(17U, counts().already_there);
}

TEST_F(TemplatedExport, HalvesABatchWhenTheAnswerNamesOnlySome) {
  world_.define(std::string(kTemplates) +
                R"(,"answer":{"list":"/samples","count":"/invalid"})");
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    bool has = false;
    for (const boost::json::value& member : body.at("members").as_array()) {
      has = has || member.at("em").as_string() == kHashOfP3;
    }
    const bool alone = body.at("members").as_array().size() == 1;
    const std::string samples = alone ? std::string("\"") + kHashOfP3 + R"(":"no such user")" : "";
    return Receiver::Reaction{
        .answer = {.kind = AnswerKind::Status, .status = 200,
                   .body = has ? R"({"invalid":1,"samples":{)" + samples + "}}" : "{}"}};
  };
  run();
  EXPECT_EQ(1U, counts().rejected);
  EXPECT_EQ(19U, counts().sent);
  EXPECT_EQ("HTTP 200: no such user",
            world_.exporter->person(world_.pass, "buyers", "p3")->reason);
}

// The errors of many are more than is read; what is cut names nobody, and is no word that all were
// taken.
TEST_F(TemplatedExport, HalvesABatchWhoseAnswerIsTooLong) {
  world_.define(std::string(kTemplates) + R"(,"answer":{"list":"/errors","index":"/index"})");
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    const auto& members = body.at("members").as_array();
    Receiver::Reaction reaction{.takes = members.size() == 1,
                                .answer = {.kind = AnswerKind::Status, .status = 200}};
    reaction.answer.cut = members.size() > 1;
    if (members.size() > 1) reaction.answer.body = R"({"errors":[{"index":0},{"in)";
    if (members.size() == 1) reaction.answer.body = R"({"errors":[]})";
    return reaction;
  };
  run();
  EXPECT_EQ(20U, counts().sent);
  EXPECT_EQ(20U, world_.receiver.holds.size());
}

// A page that somebody in between shows is no answer to the batch: it goes again, and in the end
// becomes a dead letter, never a rejection of its people.
TEST_F(TemplatedExport, SendsAgainWhatWasAnsweredWithAPage) {
  world_.define(std::string(kTemplates) + R"(,"max_attempts":2,"retry_schedule_ms":[1000],)"
                                          R"("answer":{"list":"/errors","index":"/index"})");
  int pages = 4;  // One batch of three has both of its attempts spoiled.
  world_.receiver.reacts = [&](const std::string&, const boost::json::value&) {
    const bool is_page = pages-- > 0;
    return Receiver::Reaction{.takes = !is_page,
                              .answer = {.kind = AnswerKind::Status, .status = 200,
                                         .body = is_page ? "<html>Please sign in" : "{}"}};
  };
  run();
  EXPECT_EQ(0U, counts().rejected);
  EXPECT_EQ(counts().sent, world_.receiver.holds.size());
  EXPECT_EQ(20U, counts().sent + counts().pending);
  const auto dead = world_.exporter->dead_letters(world_.pass, "buyers");
  ASSERT_EQ(1U, dead->size());
  EXPECT_NE(std::string::npos, dead->front().last_error.find("no JSON"))
      << dead->front().last_error;
  run();
  EXPECT_EQ(20U, world_.receiver.holds.size());
}

// A 200 that refuses somebody and does not say whom leaves them there, perhaps: they are taken back
// when they leave.
TEST_F(TemplatedExport, TakesBackWhomAnUnnamedErrorWasAbout) {
  world_.define(std::string(kTemplates) + R"(,"answer":{"list":"/samples","count":"/invalid"})");
  world_.receiver.reacts = [](const std::string&, const boost::json::value& body) {
    bool has = body.at("operation").as_string() == "add";
    bool is_about_p3 = false;
    for (const boost::json::value& member : body.at("members").as_array()) {
      is_about_p3 = is_about_p3 || member.at("em").as_string() == kHashOfP3;
    }
    has = has && is_about_p3;
    return Receiver::Reaction{.answer = {.kind = AnswerKind::Status, .status = 200,
                                         .body = has ? R"({"invalid":1})" : "{}"}};
  };
  run();
  EXPECT_EQ(1U, counts().rejected);
  ASSERT_TRUE(world_.receiver.holds.contains("p3"));
  world_.restart();
  world_.people.segments["buyers"].remove(3);
  run();
  EXPECT_EQ(1U, counts().removals_sent);
  EXPECT_FALSE(world_.receiver.holds.contains("p3"));
}

TEST_F(TemplatedExport, RefusesSyncsItHasNoPlaceFor) {
  world_.define(kTemplates);
  const auto unknown = world_.exporter->put_sync(
      world_.pass, "x", R"({"segment":"buyers","destination":"crm","mapping":{"mial":"email"}})");
  ASSERT_FALSE(unknown);
  EXPECT_EQ("/mapping: at the destination there is no field 'mial'; did you mean 'mail'?",
            unknown.error().message);
  ASSERT_TRUE(world_.exporter->put_destination(
      world_.pass, "only-in",
      R"({"kind":"webhook","url":"https://x.example.com","requests":{"add":{"path":"/{{id}}"}}})"));
  const auto diff = world_.exporter->put_sync(
      world_.pass, "x", R"({"segment":"buyers","destination":"only-in"})");
  ASSERT_FALSE(diff);
  EXPECT_TRUE(diff.error().message.starts_with("/mode: ")) << diff.error().message;
  EXPECT_TRUE(world_.exporter->put_sync(
      world_.pass, "x", R"({"segment":"buyers","destination":"only-in","mode":"append"})"));
}

// Whatever is durable of a write during which the power fails: nobody is lost, and what is tried
// again is what was tried before.
TEST(TemplatedCrash, AtAnyWriteLosesNobody) {
  for (const auto crash : {testing::Crash::BeforeAppend, testing::Crash::AfterFirstPayload,
                           testing::Crash::AfterAppend}) {
    for (int at = 3; at < 24; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(crash)) + " at " + std::to_string(at));
      World world;
      world.people.add_buyers(0, 20);
      world.open();
      world.define(std::string(kTemplates) +
                   R"(,"answer":{"list":"/errors","index":"/index"})");
      world.receiver.reacts = [](const std::string&, const boost::json::value& body) {
        const bool has = body.at("members").as_array()[0].at("id").as_string() == "p0";
        return Receiver::Reaction{
            .answer = {.kind = AnswerKind::Status, .status = 200,
                       .body = has ? R"({"errors":[{"index":0}]})" : "{}"}};
      };
      world.store.crash = crash;
      world.store.crash_at = at;
      if (world.exporter->start_run(world.pass, "buyers")) world.work();
      if (world.store.down) world.restart();
      if (world.exporter->runs(world.pass, "buyers")->empty()) {
        ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
      }
      world.work();
      EXPECT_EQ(19U, world.newest().counts.sent);
      EXPECT_EQ(1U, world.newest().counts.rejected);
      EXPECT_EQ(20U, world.receiver.holds.size());
      EXPECT_EQ(0, world.receiver.changed_bodies);
    }
  }
}

// Settled batches forget what they knew of somebody who was erased, and nothing of others.
TEST_F(TemplatedExport, ForgetsWhoWasErased) {
  world_.define(kTemplates);
  run();
  world_.people.ids.erase(4);
  world_.people.fields.erase(4);
  auto& buyers = world_.people.segments["buyers"];
  const index::Bitmap erased = index::Bitmap::from_sorted(std::vector<index::Ordinal>{4});
  buyers = subtract(buyers, erased);
  run();
  const engine::EraseOutcome erase = world_.exporter->eraser(erased);
  int forgotten = 0;
  int known = 0;
  for (std::string& payload : world_.store.streams["sync:buyers"]) {
    const auto done = erase("sync:buyers", payload);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_FALSE(done->is_needed);
    if (done->payload) payload = *done->payload;
    const OutcomeRecord record = *decode_outcome(payload);
    const auto* const batch = std::get_if<BatchPlanned>(&record);
    if (batch == nullptr || batch->operation == Operation::Remove) continue;
    const auto people = known_people(*batch);
    ASSERT_TRUE(people) << people.error().message;
    for (const auto& person : *people) ++(person ? known : forgotten);
  }
  EXPECT_EQ(1, forgotten);
  EXPECT_EQ(19, known);
  world_.restart();
  run();
  EXPECT_EQ(19U, counts().already_there);
}

// Losing a value is no change, and the destination is later told of others without it.
TEST_F(TemplatedExport, KeepsWhatSomebodyLost) {
  world_.define("", R"(,"nulls":"keep","mapping":{"mail":"email","plan":"plan"})");
  world_.people.fields[2]["plan"] = "pro";
  run();
  world_.people.fields[2].erase("email");
  run();
  EXPECT_EQ(20U, counts().already_there);
  world_.people.fields[2]["plan"] = "free";
  run();
  EXPECT_EQ(1U, counts().sent);
  EXPECT_EQ(R"({"id":"p2","plan":"free"})", world_.receiver.holds.at("p2"));
  run();
  EXPECT_EQ(20U, counts().already_there);
}

}  // namespace
}  // namespace muster::connect
