// People, segments and traits that keep changing under a clock that jumps: what everything that is
// kept beside the data has to follow.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {

inline constexpr TimeMs kDay = 86'400'000;

// Each kind of condition that follows events, the clock or things.
inline const std::vector<std::string> kMovingConditions = {
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
    "count(\"purchase\" since joined) >= 1",
    "count(\"view\" since seen) >= 2",
    "sum(qty of \"purchase\" since first(\"view\")) > 3",
    "days between last(\"purchase\") and now > 14",
    "count(\"purchase\" where (due in last 30d)) >= 1",
    "country = \"US\" and count(\"purchase\" in last 30d) >= 1 and not did \"view\" in last 14d",
    "age > 30 or did \"purchase\" today",
    "t_spend > 20",
    "t_last in last 60d or t_last before 90d ago",
    "t_idle > 14",
};

// Traits, and what they mean by turns.
inline const std::vector<std::pair<std::string, std::vector<std::string>>> kTraits = {
    {"t_spend", {"sum(amount of \"purchase\" in last 90d)", "sum(amount of \"purchase\") / 3"}},
    {"t_last", {"last(\"purchase\")", "first(\"purchase\")", "last(\"view\")"}},
    {"t_idle", {"days between t_last and now", "days between t_last and last(\"view\")"}},
};

class MovingWorld {
 public:
  // `conditions` and `more` random ones; every other one is a saved segment.
  MovingWorld(Random& random, const std::vector<std::string>& conditions, int more)
      : random_(random),
        people_(random_people(random, {.people = 40 + random.below(200)})),
        test_(default_rows(), kRandomNow) {
    const Status loaded = test_.load(people_, Declare::Everything, 100);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    for (std::size_t i = 0; i < kTraits.size(); ++i) change_trait(i);
    RandomSegment segments(random, people_);
    wheres_ = conditions;
    for (int i = 0; i < more; ++i) wheres_.push_back(segments.predicate(2));
    for (std::size_t i = 0; i < wheres_.size(); i += 2) save("s" + std::to_string(i), wheres_[i]);
  }

  TestEngine& test() { return test_; }
  const std::vector<std::string>& wheres() const { return wheres_; }

  void step() {
    if (random_.below(4) == 0) change_trait(random_.below(3));
    if (random_.below(4) == 0) join_people();
    switch (random_.below(9)) {
      case 0:
      case 1: add_events(1 + random_.below(6)); break;
      case 2: repeat_events(); break;
      case 3: change_people(); break;
      case 4: (void)test_.engine().erase(pass<engine::Permission::Define>(), some_person()); break;
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

  void save(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).key("name").text(id).end_object();
    const auto put = test_.engine().put_segment(pass<engine::Permission::Define>(), id, json.str());
    EXPECT_TRUE(put) << where << (put ? "" : "\n" + put.error().message);
  }

  void change_trait(std::size_t which) {
    const auto& [id, values] = kTraits[which];
    JsonWriter json;
    const auto by_turns = random_.below(static_cast<std::uint32_t>(values.size()));
    json.begin_object().key("value").text(values[by_turns]).end_object();
    EXPECT_TRUE(test_.engine().put_trait(pass<engine::Permission::Define>(), id, json.str())) << id;
  }

  // One millisecond to several months.
  TimeMs some_while() {
    constexpr TimeMs kOnes[] = {1, 1'000, 3'600'000, kDay, 30 * kDay};
    return kOnes[random_.below(5)] * (1 + random_.below(random_.below(2) == 0 ? 3 : 30));
  }
  std::string some_person() { return "c" + std::to_string(random_.below(260)); }

  void move_clock() { test_.clock().advance(some_while()); }

 private:
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

  void join_people() {
    const Row row{{"profile", text(some_person())}, {"anonymous", text(some_person())}};
    ASSERT_TRUE(test_.engine().ingest(
        pass<engine::Permission::Ingest>(),
        {.table = storage::TableKind::Identities, .bytes = test_.spelling().write({row})}));
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

}  // namespace muster::testing
