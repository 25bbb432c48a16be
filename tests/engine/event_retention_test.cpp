// Events are forgotten when they are past their retention: every answer is the one that there would
// be without them, and whoever was in a segment for one of them leaves it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "query/language/language.h"
#include "storage/checkpoint_store.h"
#include "tests/engine/count_of.h"
#include "tests/engine/standing_case.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::Permission;

class EventRetention : public StandingCase {
 protected:
  void SetUp() override {
    test_.keep_checkpoints(checkpoints_);
    keep(30 * kDay);
  }

  void keep(std::optional<TimeMs> how_long) {
    test_.keep_events_for(how_long);
    ASSERT_TRUE(test_.restart());
  }

  // What an hour or a checkpoint does.
  void look() { ASSERT_TRUE(test_.take_checkpoint()); }

  void bought(const std::string& who, int days_ago) {
    did(who, "buy", test_.clock().now() - days_ago * kDay, {{"n", {false, {Decimal{1, 0}}}}});
  }

  std::vector<std::string> warnings(const std::string& where) {
    return test_.engine().check(pass<Permission::Query>(), question(where)).warnings;
  }

  std::map<std::string, Hash128> fingerprint() {
    return *test_.engine().fingerprint(pass<Permission::Admin>());
  }

  TemporaryFolder folder_;
  const storage::CheckpointStore checkpoints_{folder_.path()};
};

TEST_F(EventRetention, WhoeverLosesAnEventLeavesAndEntersForThat) {
  bought("old", 50);
  bought("old", 10);
  bought("older", 40);
  save("buyers", "did \"buy\"");
  save("others", "did not \"buy\"");
  save("first", "count(\"buy\") >= 2");
  const std::uint64_t before = test_.engine().next_change();
  look();
  EXPECT_EQ(1U, members("buyers"));
  EXPECT_EQ(1U, members("others"));
  EXPECT_EQ(0U, members("first"));
  const auto rows = test_.engine().changes(pass<Permission::Members>(), {.from = before});
  ASSERT_TRUE(rows);
  ASSERT_EQ(3U, rows->rows.size());
  for (const auto& row : rows->rows) {
    EXPECT_EQ(storage::ChangeReason::Expired, row.reason);
    EXPECT_EQ(row.segment == "first" ? "old" : "older", row.profile_id);
  }
  const auto live = fingerprint();
  test_.start_from(engine::Base::Nothing);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(live, fingerprint());
}

TEST_F(EventRetention, WhatComesLateIsRefusedAndWhatIsKnownIsPassedOver) {
  did("b", "other", test_.clock().now(), {});
  const PlainEvent known{.id = "e", .name = "buy", .time = kRandomNow - 40 * kDay,
                         .properties = {}};
  ASSERT_TRUE(test_.events({event_row("a", known)}));
  look();
  EXPECT_EQ(0U, count_of(test_, "did \"buy\""));
  const auto again = test_.events({event_row("a", known)});
  ASSERT_TRUE(again);
  EXPECT_EQ(1U, again->skipped);
  PlainEvent late = known;
  late.id = "f";
  const auto refused = test_.events({event_row("a", late)});
  ASSERT_TRUE(refused);
  ASSERT_EQ(1U, refused->errors.size());
  EXPECT_NE(std::string::npos, refused->errors.front().reason.find("are not kept"));
  // Also by another process, which has it from a checkpoint, and without a retention from now on.
  keep({});
  EXPECT_EQ(1U, test_.events({event_row("a", late)})->rejected);
  late.time = kRandomNow - 29 * kDay;
  EXPECT_EQ(0U, test_.events({event_row("a", late)})->rejected);
  EXPECT_EQ(1U, count_of(test_, "did \"buy\""));
}

TEST_F(EventRetention, CheckSaysWhatReachesBackFurther) {
  bought("a", 40);
  did("b", "x", test_.clock().now(), {});
  EXPECT_TRUE(warnings("did \"buy\" in last 29d").empty());
  look();
  for (const char* const where :
       {"did \"buy\"", "count(any event in last 60d) = 1", "did \"buy\" at first in last 3d",
        "sequence(\"buy\" then \"buy\") in last 90d", "last(\"buy\") in last 3d"}) {
    const auto found = warnings(where);
    const bool is_said = std::any_of(found.begin(), found.end(), [](const std::string& sentence) {
      return sentence.find("events are kept from") != std::string::npos;
    });
    EXPECT_TRUE(is_said) << where;
  }
  for (const char* const where :
       {"did \"buy\" in last 29d", "sequence(\"buy\" then without (\"x\") \"buy\") in last 9d"}) {
    for (const std::string& sentence : warnings(where)) {
      EXPECT_EQ(std::string::npos, sentence.find("events are kept")) << where;
    }
  }
}

// Whoever has lost their first events is not new for that.
TEST_F(EventRetention, NobodyIsNewForWhatWasForgotten) {
  bought("a", 40);
  bought("a", 10);
  const auto says_new = [&](const std::string& where) {
    const auto found = warnings(where);
    return std::any_of(found.begin(), found.end(), [](const std::string& sentence) {
      return sentence.find("they are new") != std::string::npos;
    });
  };
  did("b", "x", test_.clock().now() - 3 * kDay, {});
  EXPECT_TRUE(says_new("did not \"x\" in last 45d"));
  look();
  EXPECT_FALSE(says_new("did not \"x\" in last 45d"));
  EXPECT_TRUE(says_new("did not \"x\" in last 15d"));
}

TEST_F(EventRetention, RowsThatWaitForTheirProfileGoToo) {
  ASSERT_TRUE(test_.declare(R"({"unknown": "hold"})"));
  bought("late", 40);
  bought("both", 40);
  bought("both", 10);
  look();
  const auto live = fingerprint();
  test_.start_from(engine::Base::Nothing);
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(live, fingerprint());
  EXPECT_FALSE(test_.engine().erase(pass<Permission::Define>(), "late"));
  EXPECT_TRUE(test_.engine().erase(pass<Permission::Define>(), "both"));
}

// A clock that is wrong once is not what all events end by.
TEST_F(EventRetention, AMomentThatWouldTakeAllIsSaidInstead) {
  bought("a", 10);
  test_.clock().advance(3'650 * kDay);
  const std::uint64_t before = test_.memory_log().last_sequence();
  look();
  look();
  EXPECT_EQ(1U, count_of(test_, "did \"buy\""));
  EXPECT_EQ(kTimeMin, test_.engine().health().events_since);
  EXPECT_EQ(before, test_.memory_log().last_sequence());
  const auto notices = test_.notices();
  ASSERT_FALSE(notices.empty());
  EXPECT_NE(std::string::npos, notices.back().find("look whether the clock"));
  did("b", "buy", test_.engine().now(), {});
  look();
  EXPECT_EQ(1U, count_of(test_, "did \"buy\""));
  EXPECT_LT(kTimeMin, test_.engine().health().events_since);
}

TEST_F(EventRetention, AnInterruptedPassIsGoneOnWith) {
  bought("a", 40);
  bought("b", 20);
  // As a process leaves it that is killed behind its first record.
  const TimeMs before = kRandomNow - 30 * kDay;
  const std::string record =
      storage::encode({kRandomNow, 0, storage::EventsHorizon{before, 0, 0}});
  ASSERT_TRUE(test_.memory_log().append({&record, 1}));
  keep(10'000 * kDay);
  EXPECT_EQ(2U, count_of(test_, "did \"buy\""));
  look();
  EXPECT_EQ(1U, count_of(test_, "did \"buy\""));
  const std::uint64_t last = test_.memory_log().last_sequence();
  look();
  EXPECT_EQ(last, test_.memory_log().last_sequence());
}

TEST_F(EventRetention, MemoryIsGivenBack) {
  std::vector<Row> rows;
  for (int i = 0; i < 20'000; ++i) {
    const PlainEvent event{.id = "", .name = "buy", .time = kRandomNow - 90 * kDay + i,
                           .properties = {{"n", {false, {Decimal{i * 7'919, 0}}}}}};
    rows.push_back(event_row("p" + std::to_string(i % 100), event));
  }
  ASSERT_TRUE(test_.events(rows));
  did("p1", "other", test_.clock().now(), {});
  const auto bytes = [this] {
    for (const auto& part : test_.engine().memory()) {
      if (part.part == "events") return part.bytes;
    }
    return std::uint64_t{0};
  };
  const std::uint64_t before = bytes();
  look();
  EXPECT_EQ(0U, count_of(test_, "did \"buy\""));
  EXPECT_LT(bytes(), before / 4);
}

// From when on events are kept; INT64_MIN where none would be.
TimeMs moment_of(const People& people, TimeMs now, TimeMs keep) {
  const TimeMs step_ms = keep >= 10 * kDay ? kDay : 3'600'000;
  const TimeMs exact = now - keep;
  const TimeMs moment = exact - ((exact % step_ms) + step_ms) % step_ms;
  for (const Person& person : people.people) {
    for (const PlainEvent& event : person.events) {
      if (event.time >= moment) return moment;
    }
  }
  return INT64_MIN;
}

// Lives of random people who do more, while time passes and events age.
TEST(EventRetentionRandom, AnswersAreThoseOfTheEventsThatAreKept) {
  for (int life = 0; life < 12; ++life) {
    Random random(seed_of_run() + static_cast<std::uint64_t>(life));
    People people = random_people(random, {.people = 60});
    RandomSegment segments(random, people);
    TemporaryFolder folder;
    const storage::CheckpointStore checkpoints(folder.path());
    TestEngine test(default_rows(), kRandomNow);
    test.keep_checkpoints(checkpoints);
    const TimeMs keep = kDay * (1 + random.below(200));
    test.keep_events_for(keep);
    ASSERT_TRUE(test.restart());
    ASSERT_TRUE(test.load(people, Declare::Everything));
    TimeMs horizon = INT64_MIN;
    int next_id = 0;
    for (int step = 0; step < 25; ++step) {
      SCOPED_TRACE(step);
      if (random.below(2) == 0) test.clock().advance(kDay * random.below(20));
      for (std::uint32_t i = 0; i < random.below(5); ++i) {
        Person& person = people.people[random.below(60)];
        if (person.events.empty()) continue;
        PlainEvent event = person.events.front();
        event.id = "again-" + std::to_string(++next_id);
        event.time = test.clock().now() - kDay * random.below(300);
        const auto receipt = test.events({event_row(person.id, event)});
        ASSERT_TRUE(receipt);
        EXPECT_EQ(event.time < horizon ? 1U : 0U, receipt->rejected);
        if (event.time >= horizon) person.events.push_back(event);
      }
      if (random.below(2) == 0) {
        ASSERT_TRUE(test.take_checkpoint());
        horizon = std::max(horizon, moment_of(people, test.engine().now(), keep));
        for (Person& person : people.people) {
          std::erase_if(person.events,
                        [&](const PlainEvent& event) { return event.time < horizon; });
        }
      }
      if (random.below(5) == 0) {
        test.start_from(random.below(2) == 0 ? engine::Base::Nothing
                                             : engine::Base::NewestCheckpoint);
        ASSERT_TRUE(test.restart());
      }
      for (int i = 0; i < 8; ++i) {
        const std::string where = segments.predicate(2);
        SCOPED_TRACE(where);
        const auto tree = query::parse(where);
        ASSERT_TRUE(tree);
        const NaiveContext context{.now = test.engine().now(), .zone = people.timezone};
        const auto is = test.members(question(where));
        ASSERT_TRUE(is) << is.error().message;
        ASSERT_EQ(naive_members(people, context, *tree), *is);
      }
    }
  }
}

}  // namespace
}  // namespace muster::testing
