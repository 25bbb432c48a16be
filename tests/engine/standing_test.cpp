// Standing segments: after every step they are what a fresh question says, and the change stream,
// replayed from its first row, gives exactly the members; and whoever was in them at a moment
// before is still known. Every other life has a retention of changes, every
// third one of events.
//
// MUSTER_CASES=n takes n lives instead of 4; MUSTER_SEED plays a run again;
// MUSTER_SABOTAGE=skip-expiry or lose-late-event leaves such a row out of the replay.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/time.h"
#include "tests/engine/moving_world.h"
#include "tests/engine/standing_case.h"
#include "tests/support/run_length.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::ChangeRow;
using engine::Permission;
using storage::ChangeReason;

const int kLives = cases_of_run(4, 1);
constexpr int kLivesMax = 40, kStepsOfLife = 30;

const std::vector<std::string> kMoreConditions = {
    "everyone",
    "everyone top 20 by sum(amount of \"purchase\" in last 30d)",
    "did \"purchase\" in last 90d top 7 by count(\"view\") asc",
    "tile(4, sum(amount of \"purchase\" in last 90d) among (did \"purchase\")) = 4",
    "not in segment \"s0\" and in list \"vip\"",
    "in segment \"s2\" or in segment \"s4\"",
    "country = \"US\"",
    "not did \"purchase\"",
    "entered \"s0\" in last 30d",
    "left \"s2\" in last 60d and not entered \"s4\" before 3d ago",
    "entered \"m8\" in last 14d or left \"m1\" today",
};

// What became of the rows read so far.
class Replay {
 public:
  explicit Replay(std::string sabotage) : sabotage_(std::move(sabotage)) {}

  void take(const ChangeRow& row) {
    ASSERT_EQ(next_++, row.offset);
    if (is_sabotaged(row)) return;
    ASSERT_TRUE(row.profile_id);
    std::set<std::string>& members = members_[row.segment];
    const bool is_news =
        row.entered ? members.insert(*row.profile_id).second : members.erase(*row.profile_id) == 1;
    EXPECT_TRUE(is_news || !sabotage_.empty())
        << *row.profile_id << (row.entered ? " entered " : " left ") << row.segment << " twice";
    EXPECT_LE(row.happened, row.known);
    seen_.insert(row.reason);
  }

  std::uint64_t next() const { return next_; }
  std::vector<std::string> members(const std::string& segment) {
    const auto& members = members_[segment];
    return {members.begin(), members.end()};
  }
  const std::set<ChangeReason>& seen() const { return seen_; }

 private:
  // The first row that fits, and no other.
  bool is_sabotaged(const ChangeRow& row) {
    if (sabotage_.empty() || is_done_) return false;
    const bool is_late = row.reason == ChangeReason::Event && row.happened < row.known - kDay;
    const bool fits = sabotage_ == "skip-expiry" ? row.reason == ChangeReason::Expired : is_late;
    is_done_ = fits;
    return fits;
  }

  const std::string sabotage_;
  bool is_done_ = false;
  std::uint64_t next_ = 1;
  std::map<std::string, std::set<std::string>> members_;
  std::set<ChangeReason> seen_;
};

class StandingLife {
 public:
  explicit StandingLife(Random& random, const std::string& sabotage = "")
      : random_(random),
        world_(random, kMovingConditions, 10),
        has_retention_(random.below(2) == 0),
        replay_(sabotage) {
    if (has_retention_) world_.test().keep_changes_for(kDay * 20);
    if (random.below(3) == 0) world_.test().keep_events_for(kDay * (1 + random.below(120)));
    put_list();
    for (std::size_t i = 0; i < kMoreConditions.size(); ++i) {
      save("m" + std::to_string(i), kMoreConditions[i]);
    }
    world_.test().keep_checkpoints(checkpoints_);
    restart();
    read_stream();  // Before its rows may be past their retention.
  }

  void step() {
    switch (random_.below(8)) {
      case 0: restart(); break;
      case 1: EXPECT_TRUE(world_.test().take_checkpoint()); break;
      case 2: save("s0", world_.wheres()[random_.below(8)]); break;
      case 3: put_list(); break;
      default: world_.step();
    }
  }

  void compare() {
    engine::Engine& engine = world_.test().engine();
    ASSERT_TRUE(engine.keep_up(pass<Permission::Admin>()));
    read_stream();
    std::map<std::string, std::vector<std::string>> segments_of;  // By person.
    for (const auto& segment : engine.documents("segment")) {
      const auto fresh = world_.test().members(question("in segment \"" + segment.id + "\""));
      ASSERT_TRUE(fresh) << segment.json << "\n" << fresh.error().message;
      for (const std::string& id : *fresh) segments_of[id].push_back(segment.id);
      EXPECT_EQ(*fresh, replay_.members(segment.id))
          << segment.id << " " << segment.json << " at " << to_rfc3339(engine.now());
      const auto size = engine.segment_size(pass<Permission::Query>(), segment.id);
      ASSERT_TRUE(size);
      EXPECT_EQ(fresh->size(), size->members) << segment.json;
    }
    for (int i = 0; i < 5; ++i) look_up(world_.some_person(), segments_of);
  }

  // What is remembered of moments before, by offset and by time.
  void look_back() {
    engine::Engine& engine = world_.test().engine();
    Past now{replay_.next() - 1, engine.now(), {}};
    known_.clear();
    const auto everyone = world_.test().members(question("everyone"));
    ASSERT_TRUE(everyone);
    for (const std::string& id : *everyone) known_[id] = true;
    for (const auto& segment : engine.documents("segment")) {
      now.members[segment.id] = replay_.members(segment.id);
    }
    for (int i = 0; i < 3 && !past_.empty(); ++i) {
      const std::size_t which = random_.below(static_cast<std::uint32_t>(past_.size()));
      expect_past(past_[which], {{}, past_[which].offset});
      expect_past(past_[which], {past_[which].at, {}});
    }
    past_.push_back(std::move(now));
    world_.test().clock().advance(1);  // What comes is known later.
  }

  const Replay& replay() const { return replay_; }

 private:
  // What is said of one person is what is said of everybody.
  void look_up(const std::string& id,
               std::map<std::string, std::vector<std::string>>& segments_of) {
    const auto profile = world_.test().engine().profile(pass<Permission::Members>(), id);
    if (!profile) return;  // Erased, or nobody.
    const auto now = world_.test().engine().now();
    EXPECT_EQ(segments_of[profile->profile_id], profile->segments)
        << id << " at " << to_rfc3339(now);
  }

  struct Past {
    std::uint64_t offset = 0;
    TimeMs at = 0;
    std::map<std::string, std::vector<std::string>> members;
  };

  // Whether they, or whom they became, were not erased.
  bool is_known(const std::string& id) {
    const auto [at, is_new] = known_.try_emplace(id);
    if (is_new) {
      at->second = world_.test().engine().profile(pass<Permission::Members>(), id).has_value();
    }
    return at->second;
  }

  void expect_past(const Past& past, const engine::PastMoment& moment) {
    engine::Engine& engine = world_.test().engine();
    const engine::ChangesKept kept = engine.changes_kept();
    const bool is_kept = moment.at ? *moment.at >= kept.until : past.offset + 1 >= kept.first;
    for (const auto& [segment, then] : past.members) {
      if (random_.below(4) != 0) continue;
      const auto found = engine.members_at(pass<Permission::Members>(), segment, moment);
      ASSERT_EQ(is_kept, found.has_value());
      if (!found) {
        EXPECT_EQ(ErrorCode::NotFound, found.error().code);
        return;
      }
      const auto people = found->answer.members.to_vector();
      const auto rows = engine.rows(pass<Permission::Members>(), found->answer, people, {});
      ASSERT_TRUE(rows);
      std::set<std::string> ids, expected;
      for (const auto& row : *rows) ids.insert(row.profile_id);
      EXPECT_EQ(rows->size(), ids.size());
      for (const std::string& id : then) {
        if (is_known(id)) expected.insert(id);
      }
      EXPECT_EQ(expected, ids) << segment << " up to offset " << past.offset << " at "
                               << to_rfc3339(past.at);
    }
  }

  void save(const std::string& id, const std::string& where) { world_.save(id, where); }

  void put_list() {
    engine::ListRequest list;
    for (int i = 0; i < 20; ++i) list.members.push_back(world_.some_person());
    EXPECT_TRUE(world_.test().engine().put_list(pass<Permission::Define>(), "vip", list));
  }

  // From a checkpoint, or from the whole log; now and then the clock has gone on meanwhile.
  void restart() {
    // What ranks by then has not been asked as a whole.
    if (random_.below(2) == 0) world_.step();
    if (random_.below(2) == 0) world_.move_clock();
    const bool is_whole = random_.below(3) == 0;
    const auto whole = has_retention_ ? engine::Base::OldestCheckpoint : engine::Base::Nothing;
    world_.test().start_from(is_whole ? whole : engine::Base::NewestCheckpoint);
    const Status restarted = world_.test().restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
  }

  void read_stream() {
    const engine::Engine& engine = world_.test().engine();
    for (;;) {
      const auto read = engine.changes(pass<Permission::Members>(), {.from = replay_.next()});
      ASSERT_TRUE(read) << read.error().message;
      for (const ChangeRow& row : read->rows) replay_.take(row);
      if (read->next >= read->end) break;
    }
    EXPECT_EQ(engine.next_change(), replay_.next());
  }

  Random& random_;
  MovingWorld world_;
  const bool has_retention_;
  Replay replay_;
  std::vector<Past> past_;
  std::map<std::string, bool> known_;  // As of this step.
  TemporaryFolder folder_;
  storage::CheckpointStore checkpoints_{folder_.path()};
};

TEST(Standing, IsWhatAFreshQuestionSays) {
  const char* const word = std::getenv("MUSTER_SABOTAGE");
  const std::set<ChangeReason> all{ChangeReason::Event,      ChangeReason::Attribute,
                                   ChangeReason::Expired,    ChangeReason::Definition,
                                   ChangeReason::Merge,      ChangeReason::Erased,
                                   ChangeReason::Rank};
  std::set<ChangeReason> seen;
  // A short run goes on until every reason has been told once.
  for (int life = 0; life < kLives || (seen != all && life < kLivesMax); ++life) {
    Random random(seed_of_run() + static_cast<std::uint64_t>(life));
    StandingLife standing(random, word == nullptr ? "" : word);
    for (int step = 0; step < kStepsOfLife && !::testing::Test::HasFailure(); ++step) {
      standing.step();
      standing.compare();
      if (word == nullptr) standing.look_back();
    }
    seen.insert(standing.replay().seen().begin(), standing.replay().seen().end());
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(all, seen);
}

// A life of one segment, whose people are told at once.
class OneSegment : public StandingCase {
 protected:
  void signup(const std::string& who, TimeMs at, TimeMs trial_end) {
    did(who, "signup", at, {{"trial_end", {false, {Instant{trial_end}}}}});
  }

  std::vector<std::string> segments_of(const std::string& who) {
    const auto profile = test_.engine().profile(pass<Permission::Members>(), who);
    EXPECT_TRUE(profile) << profile.error().message;
    return profile ? profile->segments : std::vector<std::string>();
  }
};

TEST_F(OneSegment, FollowsTimesOfEventsThatWereOnlyDeclaredWhenItWasSaved) {
  declare(R"({"fields": {"signup.trial_end": {"type": "timestamp"}}})");
  signup("early", kRandomNow - kDay, kRandomNow - kDay);
  save("ending", "did \"signup\" where (trial_end in next 7d)");
  signup("late", kRandomNow, kRandomNow + 10 * kDay);
  EXPECT_EQ(0U, members("ending"));
  test_.clock().advance(4 * kDay);
  EXPECT_EQ(1U, members("ending"));
  test_.clock().advance(7 * kDay);
  EXPECT_EQ(0U, members("ending"));
}

TEST_F(OneSegment, SinceAFieldEndsNowInUtcToo) {
  declare(R"({"fields": {"profiles.joined": {"type": "timestamp"},
                         "signup.trial_end": {"type": "timestamp"}}})");
  Person person{.id = "p", .attributes = {}, .events = {}};
  person.attributes["joined"] = {false, {Instant{kRandomNow - kDay}}};
  ASSERT_TRUE(test_.profiles({profile_row(person)}));
  signup("p", kRandomNow, kRandomNow + kDay);
  save("ended", "did \"signup\" where (trial_end since profile.joined)");
  EXPECT_EQ(0U, members("ended"));
  test_.clock().advance(2 * kDay);
  EXPECT_EQ(1U, members("ended"));
}

// A declaration takes away what it names, a start finds it broken, and another gives it back.
TEST_F(OneSegment, ThatWasBrokenIsKeptAgain) {
  const std::string with = R"({"entities": {"plan": {"id": "plan_id"}},
                               "references": {"profiles.plan_id": "plan"}})";
  declare(with);
  ASSERT_TRUE(test_.entities("plan", {entity_row("plan", "a", {{"size", text("large")}})}));
  const auto join = [&](const std::string& id) {
    Person person{.id = id, .attributes = {}, .events = {}};
    person.attributes["plan_id"] = text("a");
    ASSERT_TRUE(test_.profiles({profile_row(person)}));
  };
  join("p");
  save("those", "plan.size = \"large\"");
  EXPECT_EQ(1U, members("those"));
  declare(R"({"entities": {"plan": {"id": "plan_id"}}})");
  ASSERT_TRUE(test_.restart());
  ASSERT_TRUE(test_.engine().keep_up(pass<Permission::Admin>()));
  const auto broken = test_.engine().segment_size(pass<Permission::Query>(), "those");
  ASSERT_TRUE(broken);
  EXPECT_NE("", broken->failure);
  EXPECT_EQ(0U, broken->members);
  EXPECT_EQ(std::vector<std::string>(), segments_of("p"));
  declare(with);
  EXPECT_EQ(1U, members("those"));
  EXPECT_EQ(std::vector<std::string>{"those"}, segments_of("p"));
  join("q");
  EXPECT_EQ(2U, members("those"));
}

// Nobody sends anything between the two look-ups.
TEST_F(OneSegment, OfAnEventOfTheFutureIsSeenByLookUpsWhenItsTimeHasCome) {
  did("p", "buy", kRandomNow + kDay, {{"n", {false, {Decimal{2, 0}}}}});
  save("several", "count(\"buy\" where (n > 1)) >= 1");
  has("p", "plan", text("pro"));
  save("pro", "plan = \"pro\"");
  EXPECT_EQ(std::vector<std::string>{"pro"}, segments_of("p"));
  test_.clock().advance(2 * kDay);
  EXPECT_EQ((std::vector<std::string>{"pro", "several"}), segments_of("p"));
}

// A number that nobody can calculate with leaves the window, and no data come.
TEST_F(OneSegment, ThatFailedIsAskedAgainAsTimePasses) {
  PlainEvent event{.id = "e", .name = "buy", .time = kRandomNow, .properties = {}};
  event.properties["n"] = {false, {Decimal{9'000'000'000'000'000'000, 0}}};
  ASSERT_TRUE(test_.events({event_row("p", event)}));
  event = {.id = "f", .name = "buy", .time = kRandomNow + 2 * kDay, .properties = {}};
  event.properties["n"] = {false, {Decimal{2, 0}}};
  ASSERT_TRUE(test_.events({event_row("p", event)}));
  save("large", "max(n * n * n of \"buy\" in last 1d) > 1");
  const auto size = [this] {
    return test_.engine().segment_size(pass<Permission::Query>(), "large").value();
  };
  EXPECT_NE("", size().failure);
  // Nor is anybody told that nothing can be said of the person.
  save("any", "did \"buy\"");
  EXPECT_EQ(std::vector<std::string>{"any"}, segments_of("p"));
  test_.clock().advance(2 * kDay);
  EXPECT_EQ(1U, members("large"));
  EXPECT_EQ((std::vector<std::string>{"any", "large"}), segments_of("p"));
  test_.clock().advance(2 * kDay);
  EXPECT_EQ(0U, members("large"));
}

TEST_F(OneSegment, TakesMemoryThatIsCounted) {
  std::vector<Row> rows;
  for (int i = 0; i < 5'000; ++i) rows.push_back({{"profile_id", text("p" + std::to_string(i))}});
  ASSERT_TRUE(test_.profiles(rows));
  const std::uint64_t before = memory_bytes(test_.engine());
  for (int i = 0; i < 50; ++i) save("s" + std::to_string(i), "everyone");
  // A bit each for 65,536 people.
  EXPECT_GE(memory_bytes(test_.engine()), before + 50 * 8'192);
}

// Put in for each other, such names would be a million conditions and more.
TEST_F(OneSegment, NamesThatDoubleFromSegmentToSegmentAreNotUnfolded) {
  ASSERT_TRUE(test_.profiles({profile_row({.id = "p", .attributes = {}, .events = {}})}));
  save("s0", "everyone");
  for (int i = 1; i <= 9; ++i) {
    const std::string before = "in segment \"s" + std::to_string(i - 1) + "\"";
    save("s" + std::to_string(i), before + " and not " + before + " or " + before);
  }
  EXPECT_EQ(1U, members("s9"));
  std::string large = "nobody";
  for (int i = 1; i <= 90; ++i) large += " or sample " + std::to_string(i) + "% salt \"x\"";
  signup("q", kRandomNow, kRandomNow);
  save("s0", large);
  const std::uint64_t before = members("s9");
  save("s0", large + " or did \"signup\"");
  EXPECT_GE(members("s9"), std::max<std::uint64_t>(before, 1));
  signup("r", kRandomNow, kRandomNow);
  EXPECT_EQ(test_.count(question("in segment \"s9\"")).value(), members("s9"));
}

}  // namespace
}  // namespace muster::testing
