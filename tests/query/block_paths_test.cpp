// The ways in which a whole block of people is asked at once, held to asking one person after the
// other; how often each way was gone is counted, for a way that is never gone is never wrong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/execute/distinct_days.h"
#include "query/execute/edge_tests.h"
#include "query/execute/group_sums.h"
#include "query/execute/select_sums.h"
#include "tests/query/query_support.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

using query::kBlockWords;

// Events of several batches, which makes several runs: mostly each batch is later than the one
// before, now and then an event is late, and some are at one moment.
World shop(Random& random, int people, int events) {
  World world([](index::Schema& schema) {
    schema.fields["buy.amount"].type = {.type = Type::Decimal, .list = false, .scale = 2};
    schema.fields["view.amount"].type = {.type = Type::Decimal, .list = false, .scale = 1};
  });
  for (int i = 0; i < people; ++i) world.person("p" + std::to_string(i));
  const char* const skus[] = {"a", "b", "c", "ß"};
  const char* const names[] = {"view", "buy", "buy"};
  const int batches = 1 + static_cast<int>(random.below(4));
  for (int batch = 0; batch < batches; ++batch) {
    for (int i = 0; i < events / (1 + batch); ++i) {
      World::Cells cells;
      if (random.below(4) != 0) cells["amount"] = number(std::to_string(random.below(40)) + ".5");
      if (random.below(4) != 0) cells["sku"] = text(skus[random.below(4)]);
      if (random.below(3) != 0) cells["basket"] = number(std::to_string(random.below(5)));
      const bool is_late = random.below(200) == 0;
      const auto day = is_late ? random.below(8) : static_cast<std::uint32_t>(2 * batch) +
                                                       random.below(2);
      const std::string time =
          random.below(50) == 0
              ? fmt::format("2024-06-{:02}T12:00:00Z", 1 + day)
              : fmt::format("2024-06-{:02}T{:02}:{:02}:{:02}.{:03}Z", 1 + day, random.below(24),
                            random.below(60), random.below(60), random.below(1'000));
      const bool is_busy = random.below(8) == 0;  // One person does much.
      const auto who = is_busy ? 0 : random.below(static_cast<std::uint32_t>(people));
      world.event("p" + std::to_string(who), names[random.below(3)], time, cells);
    }
    world.generation();  // What came so far is in.
  }
  world.set_now("2024-06-10T12:00:00Z");
  return world;
}

struct Way {
  std::array<std::uint64_t, kBlockWords> words;
  std::vector<std::uint16_t> unsure;
  bool is_gone = false;
};

// Asks one way of the plan of a condition, which is one test, and everybody by themselves.
void expect_agreement(World& world, const std::string& where, int& gone, const auto& ask) {
  SCOPED_TRACE(where);
  const auto bound = world.bind(where);
  ASSERT_TRUE(bound) << bound.error().message;
  const query::BoundQuery& query = **bound;
  ASSERT_EQ(query::BoundKind::AggregateTest, query.plan->kind);
  Way way;
  ask(query, way);
  if (!way.is_gone) return;
  ++gone;
  for (index::Ordinal who = 0; who < query.generation->profiles.ids.size(); ++who) {
    if (std::find(way.unsure.begin(), way.unsure.end(), who) != way.unsure.end()) continue;
    const auto expected = query::contains(query, who, {});
    ASSERT_TRUE(expected);
    ASSERT_EQ(*expected, query::has_bit(way.words, who)) << "p" << who;
  }
  world.ask(where);  // And as a whole.
}

TEST(BlockPaths, TellWhatWasFirstAndLast) {
  Random random;
  int gone = 0, asked = 0;
  query::EdgeTests tests;
  for (int round = 0; round < 12; ++round) {
    World world = shop(random, 200, 1'500);
    for (const char* where :
         {"last(sku of \"view\") = \"a\"", "first(sku of \"buy\") in (\"b\", \"ß\")",
          "last(amount of \"buy\" or \"view\") >= 20.05", "first(amount of \"view\") < 7",
          "last(sku of \"buy\" or \"view\" where (amount > 10) in last 7d) != \"c\"",
          "did \"buy\" at first where (sku = \"a\")",
          "count((\"buy\" or \"view\") at last where (amount between 3 and 20 or "
          "sku = \"b\")) >= 1",
          "count(\"buy\" at first where (not (sku in (\"a\", \"b\")))) = 0",
          "did \"view\" at last where (basket is present) in last 6d"}) {
      ++asked;
      expect_agreement(world, where, gone, [&](const query::BoundQuery& query, Way& way) {
        const auto answer = tests.select(*query.plan, *query.generation, 0, way.words);
        if (!answer) return;
        way.unsure.assign(answer->unsure.begin(), answer->unsure.end());
        way.is_gone = true;
      });
    }
  }
  EXPECT_GT(gone, asked / 2) << asked;
}

TEST(BlockPaths, CountDays) {
  Random random;
  int gone = 0, asked = 0;
  query::DistinctDays days;
  for (int round = 0; round < 12; ++round) {
    World world = shop(random, 200, 1'500);
    if (random.below(2) == 0) world.set_zone("America/New_York");
    for (const char* where :
         {"count(\"view\" per date(ts)) >= 2", "count(\"buy\" or \"view\" per date(ts)) in (1, 3)",
          "count(\"buy\" where (sku = \"a\") per date(ts) in last 8d) != 2",
          "count(\"buy\" where (amount > 12.5) per date(ts)) = 0",
          "distinct(year(ts) of \"view\") >= 1"}) {
      ++asked;
      expect_agreement(world, where, gone, [&](const query::BoundQuery& query, Way& way) {
        way.is_gone = days.select(*query.plan, *query.generation, 0, way.words).has_value();
      });
    }
  }
  EXPECT_EQ(asked, gone);
}

TEST(BlockPaths, AddUpGroups) {
  Random random;
  int gone = 0, asked = 0;
  query::RowsByPerson rows;
  query::GroupTotals totals;
  for (int round = 0; round < 12; ++round) {
    World world = shop(random, 200, 1'500);
    for (const char* where :
         {"count(\"buy\" per basket having (sum(amount) >= 60.5)) >= 1",
          "count(\"buy\" per sku having (count() >= 2)) between 1 and 2",
          "sum(amount of \"buy\" per basket having (count() >= 3)) > 50.5",
          "sum(amount of \"buy\" or \"view\" per sku having (sum(amount) < 90)) != 0",
          "sum(amount of \"buy\" where (sku != \"a\") per basket in last 8d) <= 40.5",
          "count(\"buy\" or \"view\" per date(ts) having (sum(amount) >= 60)) = 0"}) {
      ++asked;
      expect_agreement(world, where, gone, [&](const query::BoundQuery& query, Way& way) {
        const query::BoundAggregate& aggregate = *query.plan->aggregate;
        way.is_gone = query::total_groups(aggregate, *query.generation,
                                          {.block = 0, .count = query::kBlockSize}, rows, totals);
        if (!way.is_gone) return;
        if (aggregate.kind == query::AggregateKind::Count) {
          query::select_sums<std::uint32_t>(totals.counts, query.plan->ranges, way.words);
        } else {
          query::select_sums<std::int64_t>(totals.sums, query.plan->ranges, way.words);
        }
      });
    }
  }
  EXPECT_EQ(asked, gone);
}

}  // namespace
}  // namespace muster::testing
