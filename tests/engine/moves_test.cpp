// `entered` and `left`: who moved in or out of a segment, by when it became known.
//
// MUSTER_CASES=n takes n lives instead of 20; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "base/time.h"
#include "engine/standing/segment_histories.h"
#include "tests/engine/standing_case.h"
#include "tests/support/run_length.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Permission;

class Moves : public StandingCase {
 protected:
  // "gold" is who has the plan.
  void gold(const std::string& who) { has(who, "plan", text("gold")); }
  void no_longer(const std::string& who) { has(who, "plan", text("free")); }
  void save_gold() {
    declare(R"({"fields": {"profiles.plan": {"type": "string"}}})");
    save("gold", "plan = \"gold\"");
  }

  std::vector<std::string> who(const std::string& where) {
    const auto found = test_.members(question(where));
    EXPECT_TRUE(found) << where << "\n" << (found ? "" : found.error().message);
    return found ? *found : std::vector<std::string>{"?"};
  }
  bool is_followed(const std::string& segment) {
    const auto found = test_.engine().members(pass<Permission::Members>(), question("everyone"));
    EXPECT_TRUE(found);
    return found && engine::history_since(*found->generation, segment).has_value();
  }
  // Somebody who is gold becomes one with somebody who is not.
  void expect_no_move_by_joining() {
    gold("young");
    has("old", "plan", text("free"));
    test_.clock().advance(kDay);
    const Row row{{"profile", text("old")}, {"anonymous", text("young")}};
    ASSERT_TRUE(test_.engine().ingest(
        pass<Permission::Ingest>(),
        {.table = storage::TableKind::Identities, .bytes = test_.spelling().write({row})}));
    expect_everywhere("entered \"gold\" before 12h ago", {"old"});
    expect_everywhere("entered \"gold\" in last 12h or left \"gold\" in last 7d", {});
  }
  // Saved or asked, now or after a start: it is the same.
  void expect_everywhere(const std::string& where, const std::vector<std::string>& expected) {
    EXPECT_EQ(expected, who(where)) << where;
    ASSERT_TRUE(test_.restart());
    EXPECT_EQ(expected, who(where)) << where << ", after a start";
  }
};

using Ids = std::vector<std::string>;

TEST_F(Moves, AreKnownFromTheFirstTimeThatTheSegmentWasSaved) {
  gold("before");
  save_gold();
  test_.clock().advance(10 * kDay);
  gold("after");
  no_longer("before");
  test_.clock().advance(kDay);
  // Nobody has asked so far: the rows of the stream are the history.
  expect_everywhere("entered \"gold\" in last 7d", {"after"});
  expect_everywhere("entered \"gold\" before 7d ago", {"before"});
  expect_everywhere("left \"gold\" in last 7d", {"before"});
  expect_everywhere("entered \"gold\" in last 30d and not left \"gold\" in last 30d", {"after"});
}

TEST_F(Moves, AreSeenByTheNextQuestionAndByOtherSegmentsInTheSameCommit) {
  save_gold();
  save("new", "entered \"gold\" in last 7d");
  save("new_new", "entered \"new\" in last 7d");
  save("lost", "left \"gold\" in last 7d and not in segment \"gold\"");
  gold("p");
  EXPECT_EQ(1U, members_at_once("new"));
  EXPECT_EQ(1U, members_at_once("new_new"));
  no_longer("p");
  EXPECT_EQ(1U, members_at_once("lost"));
  EXPECT_EQ(1U, members_at_once("new"));
  gold("p");
  EXPECT_EQ(0U, members_at_once("lost"));
}

TEST_F(Moves, LeaveTheirWindowByThemselves) {
  save_gold();
  save("new", "entered \"gold\" in last 7d");
  gold("p");
  test_.clock().advance(6 * kDay);
  EXPECT_EQ(1U, members("new"));
  test_.clock().advance(kDay + 1);
  EXPECT_EQ(0U, members("new"));
  const auto rows = test_.engine().changes(pass<Permission::Members>(), {.segment = "new"});
  ASSERT_TRUE(rows);
  ASSERT_EQ(2U, rows->rows.size());
  EXPECT_EQ(storage::ChangeReason::Expired, rows->rows.back().reason);
}

TEST_F(Moves, WhoEntersOftenHasEachTime) {
  save_gold();
  for (int i = 0; i < 3; ++i) {
    gold("p");
    test_.clock().advance(kDay);
    no_longer("p");
    test_.clock().advance(kDay);
  }
  expect_everywhere("entered \"gold\" between 7d and 5d ago", {"p"});
  expect_everywhere("entered \"gold\" between 5d and 4d ago", {});
  expect_everywhere("did \"$entered gold\" in last 30d", {"p"});
  expect_everywhere("count(\"$left gold\" in last 30d) = 3", {"p"});
  expect_everywhere("did any event", {});
}

TEST_F(Moves, AnExplanationSaysWhen) {
  save_gold();
  gold("p");
  const auto explained = test_.engine().explain(
      pass<Permission::Members>(), question("entered \"gold\" in last 7d"), "p",
      engine::LookForFlip::Yes);
  ASSERT_TRUE(explained) << explained.error().message;
  EXPECT_TRUE(explained->member);
  EXPECT_EQ("entered \"gold\" in last 7d", explained->root.text);
  ASSERT_EQ(1U, explained->root.events.size());
  EXPECT_EQ(kRandomNow + 7 * kDay + 1, explained->until);
}

TEST_F(Moves, OfWhoBecameSomebodyElseAreThoseOfThatPerson) {
  save_gold();
  expect_no_move_by_joining();
}

TEST_F(Moves, OfWhoBecameSomebodyElseWhileTheyAreFollowed) {
  save_gold();
  who("entered \"gold\" today");
  expect_no_move_by_joining();
}

// Nobody has asked by the word: the name of the events is as good.
TEST_F(Moves, AreCountedByTheNameOfTheirEvents) {
  save_gold();
  gold("p");
  expect_everywhere("count(\"$entered gold\" in last 90d) = 1", {"p"});
  const auto unknown = test_.count(question("did \"$entered golf\""));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(ErrorCode::NotFound, unknown.error().code);
  const auto circle = test_.engine().put_segment(
      pass<Permission::Define>(), "gold",
      R"json({"where": "count(\"$entered gold\") = count(\"$left gold\")"})json");
  ASSERT_FALSE(circle);
  EXPECT_EQ(ErrorCode::Conflict, circle.error().code);
  save("new", "did \"$left gold\" today");
  EXPECT_FALSE(test_.engine().delete_segment(pass<Permission::Define>(), "gold"));
}

// Twice a level: each is bound once all the same.
TEST_F(Moves, MayBeAskedForThroughManySegments) {
  save_gold();
  std::string below = "gold";
  for (int level = 0; level < 14; ++level) {
    const std::string id = "level" + std::to_string(level);
    save(id, "entered \"" + below + "\" today and not left \"" + below + "\" before 2d ago");
    below = id;
  }
  gold("p");
  EXPECT_EQ(1U, members_at_once(below));
}

TEST_F(Moves, AreNotAmongWhatAPersonDid) {
  save_gold();
  gold("p");
  EXPECT_EQ((Ids{"p"}), who("entered \"gold\" today"));
  const auto profile = test_.engine().profile(pass<Permission::Members>(), "p");
  ASSERT_TRUE(profile);
  EXPECT_TRUE(profile->events.empty());
  EXPECT_EQ(1U, test_.engine().catalog(pass<Permission::Query>()).tables.size());
}

TEST_F(Moves, OfErasedPeopleAreNobodys) {
  save_gold();
  gold("p");
  gold("q");
  EXPECT_EQ((Ids{"p", "q"}), who("entered \"gold\" today"));
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "p"));
  expect_everywhere("entered \"gold\" today or left \"gold\" today", {"q"});
}

TEST_F(Moves, AreInCheckpoints) {
  const TemporaryFolder folder;
  const storage::CheckpointStore store(folder.path());
  test_.keep_checkpoints(store);
  ASSERT_TRUE(test_.restart());
  save_gold();
  gold("p");
  EXPECT_EQ((Ids{"p"}), who("entered \"gold\" in last 7d"));
  ASSERT_TRUE(test_.take_checkpoint());
  gold("q");
  expect_everywhere("entered \"gold\" in last 7d", {"p", "q"});
  gold("r");
  expect_everywhere("entered \"gold\" in last 7d", {"p", "q", "r"});
}

TEST_F(Moves, ThatArePastTheirRetentionAreToldOf) {
  const TemporaryFolder folder;
  const storage::CheckpointStore store(folder.path());
  test_.keep_checkpoints(store);
  test_.keep_changes_for(20 * kDay);
  ASSERT_TRUE(test_.restart());
  save_gold();
  gold("p");
  test_.clock().advance(30 * kDay);
  gold("q");
  ASSERT_TRUE(test_.take_checkpoint());
  EXPECT_EQ((Ids{"q"}), who("entered \"gold\" in last 60d"));
  const auto checked = test_.engine().check(pass<Permission::Query>(),
                                            question("entered \"gold\" in last 60d"));
  ASSERT_EQ(1U, checked.warnings.size());
  EXPECT_EQ("who entered 'gold' is known since " + to_rfc3339(kRandomNow) +
                ", and the window reaches back further",
            checked.warnings[0]);
  // From now on they are kept.
  test_.clock().advance(30 * kDay);
  ASSERT_TRUE(test_.take_checkpoint());
  expect_everywhere("entered \"gold\" in last 60d", {"q"});
}

TEST_F(Moves, NameASegmentThatIsThereAndNotThemselves) {
  save_gold();
  const auto unknown = test_.count(question("entered \"golf\" today"));
  ASSERT_FALSE(unknown);
  EXPECT_NE(std::string::npos, unknown.error().message.find("gold")) << unknown.error().message;
  did("p", "a", kRandomNow);
  const auto inside = test_.count(question("count(\"a\" where (left \"gold\" today)) > 1"));
  ASSERT_FALSE(inside);
  EXPECT_NE(std::string::npos, inside.error().message.find("'left' asks about people"));
  const auto circle = test_.engine().put_segment(
      pass<Permission::Define>(), "gold", R"({"where": "not entered \"gold\" in last 7d"})");
  ASSERT_FALSE(circle);
  EXPECT_EQ(ErrorCode::Conflict, circle.error().code);
  save("new", "entered \"gold\" in last 7d");
  const auto gone = test_.engine().delete_segment(pass<Permission::Define>(), "gold");
  ASSERT_FALSE(gone);
  EXPECT_EQ(ErrorCode::Conflict, gone.error().code);
}

TEST_F(Moves, EndWithTheirSegmentAndBeginAgainWithIt) {
  save_gold();
  gold("p");
  EXPECT_EQ((Ids{"p"}), who("entered \"gold\" in last 7d"));
  EXPECT_TRUE(is_followed("gold"));
  ASSERT_TRUE(test_.engine().delete_segment(pass<Permission::Define>(), "gold"));
  EXPECT_FALSE(is_followed("gold"));
  ASSERT_TRUE(test_.restart());
  EXPECT_FALSE(is_followed("gold"));
  test_.clock().advance(kDay);
  save_gold();
  EXPECT_FALSE(is_followed("gold"));
  gold("q");
  expect_everywhere("entered \"gold\" in last 12h", {"p", "q"});  // p came back with it.
  expect_everywhere("entered \"gold\" before 12h ago", {"p"});
  expect_everywhere("left \"gold\" in last 7d", {"p"});
}

TEST_F(Moves, ThatAnOldVersionAsksForStay) {
  save_gold();
  gold("p");
  save("new", "entered \"gold\" in last 7d");
  save("new", "plan = \"gold\"");
  ASSERT_TRUE(test_.engine().delete_segment(pass<Permission::Define>(), "gold"));
  EXPECT_TRUE(is_followed("gold"));
  save_gold();
  expect_everywhere("in segment \"new\" @ 1", {"p"});
}

TEST_F(Moves, GiveTheirPlaceToOthersWhenNobodyAsksForThem) {
  constexpr std::size_t kMost = 20;
  test_.follow_at_most(kMost);
  ASSERT_TRUE(test_.restart());
  save_gold();
  gold("p");
  save("new", "did \"$\\u0065ntered gold\" in last 7d");
  const auto id = [](std::size_t i) { return "s" + std::to_string(i); };
  for (std::size_t i = 0; i <= kMost; ++i) save(id(i), "plan = \"gold\"");
  for (std::size_t i = 0; i + 1 < kMost; ++i) {
    EXPECT_EQ((Ids{"p"}), who("entered \"" + id(i) + "\" in last 7d"));
  }
  test_.clock().advance(1'000);
  EXPECT_EQ((Ids{"p"}), who("entered \"s0\" in last 7d"));
  EXPECT_TRUE(is_followed("s1"));
  const std::string last = id(kMost);
  const auto full = test_.count(question("entered \"" + last + "\" in last 7d"));
  ASSERT_FALSE(full);
  EXPECT_EQ("who entered and left is followed for 20 segments, and each of them was asked about "
            "within the last hour, or saved segments and traits ask for it; ask later, or delete "
            "some",
            full.error().message);
  test_.clock().advance(7'200'000);
  EXPECT_EQ((Ids{"p"}), who("entered \"" + last + "\" in last 7d"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(is_followed("gold"));
    EXPECT_TRUE(is_followed("s0"));
    EXPECT_TRUE(is_followed(last));
    EXPECT_FALSE(is_followed("s1"));
    ASSERT_TRUE(test_.restart());
  }
  test_.clock().advance(7'200'000);
  expect_everywhere("entered \"s1\" in last 7d", {"p"});
  test_.clock().advance(7'200'000);
  for (std::size_t i = 0; i <= kMost; ++i) {
    const auto put = test_.engine().put_segment(
        pass<Permission::Define>(), "t" + std::to_string(i),
        R"({"where": "entered \")" + id(i) + R"(\" in last 7d"})");
    ASSERT_EQ(i + 1 < kMost, put.has_value()) << i;  // One is "gold", for "new".
    if (put) continue;
    EXPECT_NE(std::string::npos, put.error().message.find("saved segments and traits ask for it"));
  }
}

TEST_F(Moves, AreNotReadForAQuestionWhoseTimeIsOver) {
  save_gold();
  gold("p");
  engine::Question late = question("entered \"gold\" today");
  late.deadline = std::chrono::milliseconds(0);
  const auto asked = test_.count(late);
  ASSERT_FALSE(asked);
  EXPECT_EQ(ErrorCode::LimitExceeded, asked.error().code);
  EXPECT_FALSE(is_followed("gold"));
}

TEST_F(Moves, OfMoreSegmentsThanAreFollowedAreNotAskedForAtOnce) {
  std::string where = "entered \"s0\" today";
  for (std::size_t i = 1; i <= 1'000; ++i) {
    where += " or entered \"s" + std::to_string(i) + "\" today";
  }
  const auto asked = test_.count(question(where));
  ASSERT_FALSE(asked);
  EXPECT_NE(std::string::npos, asked.error().message.find("this one names 1001"))
      << asked.error().message;
}

// Lives of people who come and go, against a list of when they did.
class MovesOfAll {
 public:
  explicit MovesOfAll(Random& random) : random_(random) {
    EXPECT_TRUE(test_.declare(R"({"fields": {"profiles.plan": {"type": "string"}}})"));
    EXPECT_TRUE(test_.engine().put_segment(pass<Permission::Define>(), "gold",
                                           R"({"where": "plan = \"gold\""})"));
    if (random_.below(2) == 0) follow();
  }

  void step() {
    test_.clock().advance(random_.below(3) * kDay / 2 + random_.below(5));
    if (random_.below(12) == 0) follow();
    if (random_.below(12) == 0) save_anew();
    if (random_.below(10) == 0) {
      ASSERT_TRUE(test_.restart());
    }
    std::vector<Row> rows;
    for (int person = 0; person < kPeople; ++person) {
      if (random_.below(4) != 0) continue;
      const bool is_in = random_.below(2) == 0;
      const std::string id = "p" + std::to_string(person);
      Person row{.id = id, .attributes = {}, .events = {}};
      row.attributes["plan"] = text(is_in ? "gold" : "free");
      rows.push_back(profile_row(row));
      if (is_in != is_in_[id]) moves_[is_in][id].push_back(test_.engine().now());
      is_in_[id] = is_in;
    }
    ASSERT_TRUE(test_.profiles(rows));
  }

  void compare() {
    const TimeMs now = test_.engine().now();
    for (const bool entered : {true, false}) {
      const TimeMs from = now - random_.below(20) * kDay, to = now - random_.below(3) * kDay;
      const std::string where = std::string(entered ? "entered" : "left") + " \"gold\" from " +
                                to_rfc3339(from) + " to " + to_rfc3339(to);
      std::vector<std::string> expected;
      for (const auto& [id, times] : moves_[entered]) {
        const auto is_inside = [&](TimeMs time) { return from <= time && time < to; };
        if (std::any_of(times.begin(), times.end(), is_inside)) expected.push_back(id);
      }
      const auto found = test_.members(question(where));
      ASSERT_TRUE(found) << where << "\n" << found.error().message;
      EXPECT_EQ(expected, *found) << where;
    }
  }

 private:
  static constexpr int kPeople = 9;

  // Whoever is in it leaves, and comes back.
  void save_anew() {
    ASSERT_TRUE(test_.engine().delete_segment(pass<Permission::Define>(), "gold"));
    for (const auto& [id, is_in] : is_in_) {
      if (is_in) moves_[false][id].push_back(test_.engine().now());
    }
    if (random_.below(2) == 0) test_.clock().advance(kDay);
    ASSERT_TRUE(test_.engine().put_segment(pass<Permission::Define>(), "gold",
                                           R"({"where": "plan = \"gold\""})"));
    for (const auto& [id, is_in] : is_in_) {
      if (is_in) moves_[true][id].push_back(test_.engine().now());
    }
  }

  void follow() { EXPECT_TRUE(test_.count(question("left \"gold\" today"))); }

  Random& random_;
  TestEngine test_{default_rows(), kRandomNow};
  std::map<std::string, bool> is_in_;
  std::map<bool, std::map<std::string, std::vector<TimeMs>>> moves_;
};

TEST(MovesOfLives, AreWhatALedgerSays) {
  const int lives = cases_of_run(20, 3);
  for (int life = 0; life < lives && !::testing::Test::HasFailure(); ++life) {
    Random random(seed_of_run() + static_cast<std::uint64_t>(life));
    MovesOfAll all(random);
    for (int step = 0; step < 30 && !::testing::Test::HasFailure(); ++step) {
      all.step();
      if (random.below(3) == 0) all.compare();
    }
  }
}

}  // namespace
}  // namespace muster::testing
