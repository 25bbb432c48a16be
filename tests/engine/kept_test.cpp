// Kept predicates: whatever is written and however the clock moves, a question answered with them
// names the same people as one that reads the events.
//
// MUSTER_CASES=n takes n steps a population instead of 25; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/json_writer.h"
#include "base/random.h"
#include "base/time.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

using engine::Permission;

constexpr TimeMs kDay = 86'400'000;

const int kStepsOfRun = cases_of_run(25, 8);

// Each kind of condition that is kept, and some that must not be.
const std::vector<std::string> kConditions = {
    "did \"purchase\" in last 30d",
    "did not \"purchase\" in last 7d",
    "count(\"purchase\" in last 90d) >= 2",
    "count(any event in last 14d) = 0",
    "count(\"purchase\" where (sku = \"a1\") in last 60d) >= 1",
    "count(\"purchase\" where (product.category = \"Bikes\")) >= 1",
    "count(\"view\" where (profile.age > 40) in last 30d) >= 1",
    "sum(amount of \"purchase\" in last 90d) > 20",
    "max(qty of \"purchase\" in last 2 calendar month) >= 3",
    "first(\"purchase\") in last 60d",
    "last(\"view\") before 7d ago",
    "last(sku of \"purchase\" in last 30d) = \"a2\"",
    "avg(qty of \"purchase\" between 90d and 7d ago) > 1",
    "sum(qty of \"purchase\" in last 30d) > count(\"view\" in last 30d)",
    "count(\"purchase\" in last 30d) = count(\"view\" in last 60d)",
    "distinct(sku of (\"purchase\" or \"view\") in last 30d) >= 2",
    "count(\"purchase\" per sku having (sum(qty) >= 3) in last 60d) >= 1",
    "sequence(\"view\" then within 20d \"purchase\") in last 60d",
    "sequence(a: \"view\" then \"purchase\" where (sku = a.sku)) within 30d in last 120d",
    "sequence(\"purchase\" then without (\"view\") \"Refund (partial)\") in last 90d",
    "count(\"purchase\" at first where (qty > 1)) >= 1",
    "days between last(\"purchase\") and now > 14",
    "count(\"purchase\" where (due in last 30d)) >= 1",
    "country = \"US\" and count(\"purchase\" in last 30d) >= 1 and not did \"view\" in last 14d",
    "age > 30 or did \"purchase\" today",
    "t_spend > 20",
    "t_last in last 60d or t_last before 90d ago",
    "t_idle > 14",
};

// Traits, and what they mean by turns.
const std::vector<std::pair<std::string, std::vector<std::string>>> kTraits = {
    {"t_spend", {"sum(amount of \"purchase\" in last 90d)", "sum(amount of \"purchase\") / 3"}},
    {"t_last", {"last(\"purchase\")", "first(\"purchase\")", "last(\"view\")"}},
    {"t_idle", {"days between t_last and now", "days between t_last and last(\"view\")"}},
};

class KeptWorld {
 public:
  explicit KeptWorld(Random& random)
      : random_(random),
        people_(random_people(random, {.people = 40 + random.below(200)})),
        test_(default_rows(), kRandomNow) {
    const Status loaded = test_.load(people_, Declare::Everything, 100);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    for (std::size_t i = 0; i < kTraits.size(); ++i) change_trait(i);
    RandomSegment segments(random, people_);
    wheres_ = kConditions;
    for (int i = 0; i < 15; ++i) wheres_.push_back(segments.predicate(2));
    for (std::size_t i = 0; i < wheres_.size(); i += 2) save("s" + std::to_string(i), wheres_[i]);
  }

  TestEngine& test() { return test_; }
  const std::vector<std::string>& wheres() const { return wheres_; }

  void step() {
    if (random_.below(4) == 0) change_trait(random_.below(3));
    switch (random_.below(9)) {
      case 0:
      case 1: add_events(1 + random_.below(6)); break;
      case 2: repeat_events(); break;
      case 3: change_people(); break;
      case 4: (void)test_.engine().erase(pass<Permission::Define>(), some_person()); break;
      case 5: change_products(); break;
      case 6:
        for (int i = 0; i < 30; ++i) add_events(1);
        break;
      case 7: if (random_.below(8) == 0) add_events(2'500); [[fallthrough]];
      default: move_clock(); break;
    }
  }

  // The moments a step is asked about: the present, and now and then another one.
  std::vector<std::optional<TimeMs>> moments() {
    std::vector<std::optional<TimeMs>> asked{std::nullopt};
    const TimeMs now = test_.engine().now();
    if (random_.below(3) == 0) asked.push_back(kRandomNow - 3 * kDay);
    if (random_.below(3) == 0) asked.push_back(now - some_while());
    if (random_.below(6) == 0) asked.push_back(now + some_while());
    if (asked.size() > 1) asked.push_back(std::nullopt);
    return asked;
  }

 private:
  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).key("name").text(id).end_object();
    const auto put = test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
    EXPECT_TRUE(put) << where << (put ? "" : "\n" + put.error().message);
  }

  void change_trait(std::size_t which) {
    const auto& [id, values] = kTraits[which];
    JsonWriter json;
    const auto by_turns = random_.below(static_cast<std::uint32_t>(values.size()));
    json.begin_object().key("value").text(values[by_turns]).end_object();
    EXPECT_TRUE(test_.engine().put_trait(pass<Permission::Define>(), id, json.str())) << id;
  }

  // One millisecond to several months.
  TimeMs some_while() {
    constexpr TimeMs kOnes[] = {1, 1'000, 3'600'000, kDay, 30 * kDay};
    return kOnes[random_.below(5)] * (1 + random_.below(random_.below(2) == 0 ? 3 : 30));
  }
  std::string some_person() { return "c" + std::to_string(random_.below(260)); }

  void move_clock() { test_.clock().advance(some_while()); }

  // Late ones, some of this millisecond, some of the future.
  void add_events(std::uint32_t number) {
    std::vector<Row> rows;
    const TimeMs now = test_.engine().now();
    for (std::uint32_t i = 0; i < number; ++i) {
      TimeMs time = now - some_while();
      if (random_.below(4) == 0) time = now + static_cast<TimeMs>(random_.below(3)) - 1;
      if (random_.below(5) == 0) time = now + some_while();
      if (random_.below(4) == 0) time = kRandomNow - some_while();
      const bool is_view = random_.below(3) == 0;
      PlainEvent event{.id = "n" + std::to_string(next_id_++),
                       .name = is_view ? "view" : "purchase",
                       .time = time,
                       .properties = {}};
      const char* const skus[] = {"a1", "a2", "b1", "c7"};
      event.properties["sku"] = {false, {std::string(skus[random_.below(4)])}};
      event.properties["product_id"] = {false, {"p" + std::to_string(1 + random_.below(5))}};
      if (!is_view) {
        event.properties["qty"] = {false, {Decimal{static_cast<int>(random_.below(5)), 0}}};
        event.properties["amount"] = {false, {Decimal{static_cast<int>(random_.below(4'000)), 2}}};
      }
      rows.push_back(event_row(some_person(), event));
    }
    last_rows_ = rows;
    ASSERT_TRUE(test_.events(rows));
  }

  void repeat_events() {
    if (last_rows_.empty()) return;
    ASSERT_TRUE(test_.events(last_rows_));
  }

  void change_people() {
    std::vector<Row> rows;
    for (int i = 0; i < 5; ++i) {
      Person person{.id = some_person(), .attributes = {}, .events = {}};
      person.attributes["age"] = {false, {Decimal{static_cast<int>(random_.below(90)), 0}}};
      person.attributes["country"] = {false, {std::string(random_.below(2) == 0 ? "US" : "DE")}};
      rows.push_back(profile_row(person));
    }
    ASSERT_TRUE(test_.profiles(rows));
  }

  void change_products() {
    const std::string id = "p" + std::to_string(1 + random_.below(5));
    const char* const category = random_.below(2) == 0 ? "Bikes" : "Shoes";
    const PlainFields fields = {{"category", {false, {std::string(category)}}}};
    ASSERT_TRUE(test_.entities("product", {entity_row("product", id, fields)}));
  }

  Random& random_;
  People people_;
  TestEngine test_;
  std::vector<std::string> wheres_;
  std::vector<Row> last_rows_;
  std::uint64_t next_id_ = 0;
};

std::uint64_t kept_nodes(const engine::PlanNode& node) {
  std::uint64_t found = node.method == "kept predicate" ? 1 : 0;
  for (const engine::PlanNode& child : node.children) found += kept_nodes(child);
  return found;
}

TEST(Kept, AnswersAsTheEventsDo) {
  Random random;
  std::uint64_t kept = 0;
  for (int world = 0; world < 4; ++world) {
    KeptWorld pair(random);
    for (int step = 0; step < kStepsOfRun && !::testing::Test::HasFailure(); ++step) {
      pair.step();
      const auto moments = pair.moments();
      for (std::size_t i = 0; i < pair.wheres().size(); ++i) {
        engine::Question asked = question(pair.wheres()[i]);
        if (i % 2 == 0 && random.below(2) == 0) {
          asked.where = "in segment \"s" + std::to_string(i) + "\"";
        }
        for (const auto& as_of : moments) {
          asked.as_of = as_of;
          engine::Question fresh = asked;
          fresh.from_kept = false;
          const auto members = pair.test().members(asked), expected = pair.test().members(fresh);
          const auto count = pair.test().count(asked);
          ASSERT_TRUE(members && expected && count)
              << asked.where << "\n" << pair.wheres()[i] << "\n"
              << (members ? "" : members.error().message);
          EXPECT_EQ(*expected, *members)
              << pair.wheres()[i] << "\nstep " << step << " of world " << world << ", as of "
              << (as_of ? to_rfc3339(*as_of) : "now, " + to_rfc3339(pair.test().engine().now()));
          EXPECT_EQ(expected->size(), *count) << pair.wheres()[i];
        }
      }
    }
    for (const std::string& where : pair.wheres()) {
      const auto plan = pair.test().engine().plan(pass<Permission::Query>(), question(where));
      ASSERT_TRUE(plan) << where;
      kept += kept_nodes(plan->root);
    }
  }
  EXPECT_GT(kept, 60U) << "hardly anything was kept: nothing has been compared";
}

// Beside a writer and a moving clock every answer is one that some moment had: everybody is an
// old hand or has been seen within the last hour, never both and never neither.
TEST(Kept, ReadersBesideAWriterAndTheClock) {
  constexpr int kSteps = 40, kReaders = 3;
  SeededRandom random(seed_of_run());
  SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed_of_run()));
  TestEngine test(private_rows(), kRandomNow);
  std::atomic<std::uint64_t> next_id = 0;
  const auto write_once = [&] {
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i) {
      const TimeMs time = test.engine().now() - static_cast<TimeMs>(random.below(7'200'000));
      rows.push_back(event_row("p" + std::to_string(random.below(300)),
                               {.id = "e" + std::to_string(next_id++),
                                .name = "visit",
                                .time = time,
                                .properties = {}}));
    }
    ASSERT_TRUE(test.events(rows));
    test.clock().advance(static_cast<TimeMs>(random.below(60'000)));
  };
  const auto count = [&](const std::string& where, engine::CountAnswer* whole = nullptr) {
    const auto answer = test.engine().count(pass<Permission::Query>(), question(where));
    EXPECT_TRUE(answer) << where;
    if (whole != nullptr && answer) *whole = *answer;
    return answer ? answer->count : 0;
  };
  const auto read_once = [&] {
    engine::CountAnswer all;
    const std::string seen = "did \"visit\" in last 1h", gone = "last(\"visit\") before 1h ago";
    const std::string never = "count(\"visit\") = 0";
    EXPECT_EQ(count(seen + " or " + gone + " or " + never, &all), all.universe);
    EXPECT_EQ(0U, count("(" + seen + ") and " + gone));
    EXPECT_EQ(0U, count("(" + seen + " or " + gone + ") and " + never));
    EXPECT_EQ(0U, count("sequence(\"visit\" then \"visit\") and count(\"visit\") < 2"));
  };
  write_once();
  std::atomic<bool> done = false;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < kReaders; ++i) {
      readers.emplace_back([&] {
        while (!done) read_once();
      });
    }
    for (int step = 0; step < kSteps; ++step) write_once();
    done = true;
  }
  read_once();
  engine::Question fresh = question("did \"visit\" in last 1h");
  const auto kept = test.count(fresh);
  fresh.from_kept = false;
  EXPECT_EQ(test.count(fresh).value(), kept.value());
}

}  // namespace
}  // namespace muster::testing
