// Conditions over events that are answered without doing what they say: every way of asking must
// agree (World::ask), and so must another way of saying it that has no shortcut.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/query/query_support.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

// Events on few moments, so that many are at the same one; values and texts are missing now and
// then; they come in several batches, which makes several runs.
World shop(Random& random) {
  World world([](index::Schema& schema) {
    schema.fields["buy.amount"].type = {.type = Type::Decimal, .list = false, .scale = 2};
    schema.fields["view.amount"].type = {.type = Type::Decimal, .list = false, .scale = 1};
  });
  constexpr int kPeople = 150;
  for (int i = 0; i < kPeople; ++i) {
    World::Cells cells;
    if (random.below(4) != 0) cells["joined"] = text("2024-06-0" + std::to_string(1 + i % 9));
    if (random.below(4) != 0) {
      cells["seen"] = text("2024-06-10T0" + std::to_string(i % 10) + ":00:00Z");
    }
    world.person("p" + std::to_string(i), cells);
  }
  const char* const skus[] = {"a", "b", "c", "ß"};
  for (int batch = 0; batch < 4; ++batch) {
    for (int i = 0; i < 1'000 / (1 + batch); ++i) {
      World::Cells cells;
      if (random.below(4) != 0) {
        cells["amount"] = number(std::to_string(random.below(40)) + ".5");
      }
      if (random.below(4) != 0) cells["sku"] = text(skus[random.below(4)]);
      if (random.below(3) != 0) cells["basket"] = number(std::to_string(random.below(5)));
      const char* const names[] = {"view", "buy", "buy", "back"};
      world.event("p" + std::to_string(random.below(kPeople)), names[random.below(4)],
                  "2024-06-0" + std::to_string(1 + random.below(9)) + "T0" +
                      std::to_string(random.below(3)) + ":00:00Z",
                  cells);
    }
    world.generation();  // What came so far is in.
  }
  world.set_now("2024-06-10T12:00:00Z");
  return world;
}

struct Pair {
  const char* shortcut;
  const char* plain;  // Says the same in a way that has no shortcut.
};

TEST(Shortcuts, SayWhatTheLongWaySays) {
  Random random;
  World world = shop(random);
  const Pair pairs[] = {
      {"min(amount of \"buy\") >= 10.5", "min(amount + 0 * amount of \"buy\") >= 10.5"},
      {"max(amount of \"buy\" or \"view\") < 20.05",
       "max(amount + 0 * amount of \"buy\" or \"view\") < 20.05"},
      {"min(amount of \"buy\" where (sku = \"a\") in last 5d) between 3 and 30",
       "min(amount + 0 * amount of \"buy\" where (sku = \"a\") in last 5d) between 3 and 30"},
      {"avg(amount of \"buy\") > 17.25", "sum(amount of \"buy\") / count(\"buy\" where "
                                          "(amount is present)) > 17.25"},
      {"avg(amount of \"buy\") != 20.5", "avg(amount of \"buy\") < 20.5 or "
                                          "avg(amount of \"buy\") > 20.5"},
      {"17.25 >= avg(amount of \"buy\" where (basket > 1))",
       "avg(amount + 0 * amount of \"buy\" where (basket > 1)) <= 17.25"},
      {"sum(amount of \"buy\" where (amount > 10)) > 0.5 * sum(amount of \"buy\")",
       "sum(amount of \"buy\" where (amount > 10)) - 0.5 * sum(amount of \"buy\") > "
       "0 * distinct(amount + 0 * amount of \"buy\")"},
      {"sum(amount of \"buy\") / distinct(basket of \"buy\") between 20 and 60.5",
       "sum(amount + 0 * amount of \"buy\") / distinct(basket of \"buy\") between 20 and 60.5"},
      {"sum(amount of \"buy\" where (amount < 30)) / distinct(sku of \"view\" or \"buy\") > 17.25",
       "sum(amount + 0 * amount of \"buy\" where (amount < 30)) / "
       "distinct(sku of \"view\" or \"buy\") > 17.25"},
      {"sum(amount of \"buy\") + count(\"view\") between 30.5 and 90",
       "sum(amount + 0 * amount of \"buy\") + count(\"view\") between 30.5 and 90"},
      {"2 * distinct(sku of \"buy\") < count(\"buy\")",
       "2 * count(\"buy\" per sku having (count() + 0 >= 1)) < count(\"buy\")"},
      {"p50(amount of \"buy\") > 17.5", "p50(amount + 0 * amount of \"buy\") > 17.5"},
      {"p95(amount of \"buy\") <= 30.5", "p95(amount + 0 * amount of \"buy\") <= 30.5"},
      {"p50(amount of \"view\" or \"buy\") between 10 and 20.5",
       "p50(amount + 0 * amount of \"view\" or \"buy\") between 10 and 20.5"},
      {"count(\"buy\" per date(ts)) >= 3",
       "count(\"buy\" per date(ts) having (count() >= 1)) >= 3"},
      {"count(\"buy\" per basket having (sum(amount) >= 60.5 and count() <= 4)) = 1",
       "count(\"buy\" per basket having (sum(amount) + 0 >= 60.5 and count() <= 4)) = 1"},
      {"sum(amount of \"buy\" or \"view\" per sku having (count() >= 3)) > 150.5",
       "sum(amount of \"buy\" or \"view\" per sku having (count() + 0 >= 3)) > 150.5"},
      {"sum(amount of \"buy\" in last 6d per basket having (sum(amount) < 40)) between 1 and 55",
       "sum(amount of \"buy\" in last 6d per basket having (sum(amount) + 0 < 40)) "
       "between 1 and 55"},
      {"count(\"view\" per date(ts) having (sum(amount) > 70 and sum(amount) < 20)) >= 1",
       "count(\"view\" per date(ts) having (sum(amount) + 0 > 70 and sum(amount) < 20)) >= 1"},
      {"count(\"buy\" per sku) = 0", "count(\"buy\" per sku having (count() >= 1)) = 0"},
      {"days between first(\"buy\") and now >= 4.25",
       "days between first(\"buy\") and now - 4.25 >= 0"},
      {"days between joined and now not between 2 and 5",
       "days between joined and now - 2 < 0 or days between joined and now - 5 > 0"},
      {"days between 2024-06-04 and joined in (1, 3)",
       "days between 2024-06-04 and joined = 1 or days between 2024-06-04 and joined - 3 = 0"},
      {"days between seen and now != 0.25", "days between seen and now - 0.25 != 0"},
  };
  for (const Pair& pair : pairs) {
    EXPECT_EQ(world.ask(pair.plain), world.ask(pair.shortcut)) << pair.shortcut;
  }
}

// What a shortcut cannot say is left to the long way.
TEST(Shortcuts, LeaveWhatTheyCannotSay) {
  World world;
  world.allow_unknown();
  for (int i = 0; i < 100; ++i) {
    const std::string id = "p" + std::to_string(i);
    world.person(id, {{"joined", text("2011-12-30")}});
    world.event(id, "buy", "2011-06-01T00:00:00Z", {{"amount", number("10")}});
  }
  world.set_now("2012-01-01T00:00:00Z");
  const auto everybody = world.ask("joined is present");
  for (const char* never :
       {"days between nothing and joined > 5", "days between first(\"buy\") and nothing > 5",
        "sum(amount of \"buy\") / (0 * count(\"buy\")) >= 0",
        "sum(amount of \"buy\") / -count(\"buy\") >= 0"}) {
    EXPECT_EQ("nobody", world.ask(never)) << never;
  }
  EXPECT_EQ(everybody, world.ask("sum(amount of \"buy\") / -count(\"buy\") < 0"));
  // The day that Samoa left out begins when the next one does.
  world.set_zone("Pacific/Apia");
  EXPECT_EQ(everybody, world.ask("days between joined and 2011-12-31T00:00:00+14:00 = 0"));
}

// In Newfoundland clocks were set back at one minute past midnight: the new day came, went for 59
// minutes, and came again.
TEST(Shortcuts, KnowThatADayMayComeBack) {
  World world;
  for (int i = 0; i < 100; ++i) world.person("p" + std::to_string(i));
  for (const char* id : {"p1", "p2"}) world.event(id, "visit", "2010-11-06T20:00:00Z");
  world.event("p3", "visit", "2010-11-07T02:30:30Z");
  world.event("p1", "visit", "2010-11-07T02:45:00Z");
  world.set_now("2010-11-08T00:00:00Z");
  world.set_zone("America/St_Johns");
  EXPECT_EQ("p1 p2 p3", world.ask("count(\"visit\" per date(ts)) = 1"));
  EXPECT_EQ("nobody", world.ask("count(\"visit\" per date(ts)) >= 2"));
  world.event("p2", "visit", "2010-11-07T12:00:00Z");
  EXPECT_EQ("p2", world.ask("count(\"visit\" per date(ts)) >= 2"));
}

// A number that has no room among the keys fails nothing where its event is not asked about.
TEST(Shortcuts, FailForNoEventThatIsLeftOut) {
  World world([](index::Schema& schema) {
    schema.fields["buy.amount"].type = {.type = Type::Decimal, .list = false, .scale = 2};
    schema.fields["import.amount"].type = {.type = Type::Int};
  });
  for (int i = 0; i < 100; ++i) world.person("p" + std::to_string(i));
  world.event("p1", "buy", "2011-06-01T00:00:00Z", {{"amount", number("1.25")}});
  world.event("p1", "import", "2011-06-01T00:00:00Z", {{"amount", number("100000000000000000")}});
  world.set_now("2012-01-01T00:00:00Z");
  EXPECT_EQ("p1", world.ask("count((\"buy\" or \"import\") where (amount < 1000) per amount "
                            "having (count() >= 1)) >= 1"));
}

// One pass over the block against one person at a time.
TEST(Shortcuts, SequencesInOnePassAreThoseOfEachPerson) {
  Random random;
  World world = shop(random);
  for (const char* sequence :
       {"sequence(\"view\" then \"buy\")", "sequence(\"buy\" then within 1d \"buy\")",
        "sequence(\"view\" then \"buy\" then \"back\")",
        "sequence(\"buy\" then \"back\") within 36h",
        "sequence(\"view\" then within 3d without (\"back\") \"buy\")",
        "sequence(\"view\" where (sku = \"a\") "
        "then within 5d without (\"view\") \"back\") in last 7d",
        "sequence((\"view\" or \"back\") then within 2d \"buy\" where (amount > 9) then \"view\")",
        "sequence(\"buy\" at first then without (any event where (amount > 30)) \"back\")"}) {
    ASSERT_TRUE(world.bind(sequence)) << sequence;
    EXPECT_NE("nobody", world.ask(sequence)) << sequence;
  }
}

// Few people with much to do within seconds: their events meet in one slice of time, out of several
// runs, and some are at one moment.
TEST(Shortcuts, SequencesInOnePassAreThoseOfEachPersonWhenTheyAreBusy) {
  Random random;
  World world;
  for (int i = 0; i < 40; ++i) world.person("p" + std::to_string(i));
  for (int batch = 0; batch < 4; ++batch) {
    for (int i = 0; i < 1'200 >> batch; ++i) {
      const char* const names[] = {"view", "view", "buy", "back"};
      const std::string who = std::to_string(random.below(40));
      const std::string time = fmt::format("2024-06-05T00:{:02}:{:02}Z", random.below(60),
                                           random.below(60));
      world.event("p" + who, names[random.below(4)], time, {{"sku", number(who)}});
    }
    world.generation();
  }
  world.set_now("2024-06-10T12:00:00Z");
  for (const char* sequence :
       {"sequence(\"view\" then within 10s \"buy\")", "sequence(\"buy\" then within 8s \"buy\")",
        "sequence(\"back\" then within 90s \"view\" then within 1m \"buy\")",
        "sequence(\"back\" then within 2m without (\"view\") \"buy\")",
        "sequence(\"view\" then within 2m \"view\" then within 3m without (\"back\") \"buy\" "
        "then within 3m without (\"view\" or \"buy\") \"back\")",
        "sequence(\"buy\" where (sku > 20) then within 9s (\"view\" or \"back\"))"}) {
    ASSERT_TRUE(world.bind(sequence)) << sequence;
    EXPECT_NE("nobody", world.ask(sequence)) << sequence;
    EXPECT_NE(world.ask("count(any) > 0"), world.ask(sequence)) << sequence;
  }
}

// `a.sku is present` says nothing new, but makes of a key a condition like any other.
TEST(Shortcuts, SequencesWithAKeyAreThoseWithTheConditionTried) {
  Random random;
  World world = shop(random);
  const char* const shapes[] = {
      "sequence(a: \"view\" then \"buy\" where (%))",
      "sequence(a: \"view\" then within 2d \"buy\" where (%))",
      "sequence(a: \"view\" then \"buy\" where (%) then \"back\" where (%))",
      "sequence(a: \"view\" then \"buy\" where (% and amount > 9)) within 3d",
      "sequence(a: (\"view\" or \"buy\") then without (\"back\" where (%)) \"buy\" where (%))",
      "sequence(a: \"buy\" then \"buy\" where (%) then within 4d \"buy\" where (%))",
  };
  for (const std::string shape : shapes) {
    const auto with = [&](const std::string& condition) {
      std::string asked = shape;
      for (std::size_t at = 0; (at = asked.find('%')) != std::string::npos;) {
        asked.replace(at, 1, condition);
      }
      return world.ask(asked);
    };
    const std::string members = with("sku = a.sku");
    EXPECT_EQ("p", members.substr(0, 1)) << members;
    EXPECT_EQ(with("sku = a.sku and a.sku is present"), members) << shape;
    EXPECT_NE("nobody", members) << shape;
  }
}

}  // namespace
}  // namespace muster::testing
