// Kept predicates: what is kept and shared, and that a set which is not brought up to date is
// found by comparing it with the events.
#include <gtest/gtest.h>

#include <map>

#include "base/time.h"
#include "query/language/language.h"
#include "query/plan/bound.h"
#include "tests/query/query_support.h"
#include "tests/support/random.h"

namespace muster::testing {
namespace {

using query::BoundQueryPtr;
using query::KeptBlock;
using query::KeptFound;
using query::KeptMade;
using query::KeptPredicate;

// Keeps everything, as the engine would for saved segments.
class Store {
 public:
  // A fault planted in what is handed out.
  enum class Fault { None, IgnoresTheClock, IgnoresNewEvents };

  explicit Store(Fault fault = Fault::None) : fault_(fault) {}

  std::uint64_t count(World& world, const std::string& where, const std::string& now) {
    const auto made_now = bind(world, where, now, false);
    const auto bound = bind(world, where, now, true, made_now.get());
    KeptMade made;
    const auto people = query::count(*bound, {}, {}, &made);
    EXPECT_TRUE(people);
    last_made_ = 0;
    for (const KeptMade::Leaf& leaf : made.leaves) {
      auto next = std::make_shared<KeptPredicate>();
      if (const auto known = kept_.find(leaf.key); known != kept_.end()) *next = *known->second;
      next->entities = leaf.entities;
      next->blocks.resize(leaf.blocks.size());
      for (std::size_t b = 0; b < leaf.blocks.size(); ++b) {
        if (!leaf.blocks[b]) continue;
        auto block = std::make_shared<KeptBlock>(*leaf.blocks[b]);
        if (asks_always_) block->made_ns = ~std::uint64_t{0};
        turned_ += block->turned.size();
        next->blocks[b] = std::move(block);
        ++last_made_;
      }
      kept_[leaf.key] = next;
    }
    return *people;
  }

  std::uint64_t fresh(World& world, const std::string& where, const std::string& now) {
    return query::count(*bind(world, where, now, false), {}, {}).value();
  }

  std::size_t size() const { return kept_.size(); }
  // From now on whatever is kept took long, and people are asked again however many they are.
  void ask_always() { asks_always_ = true; }
  // How many stood beside what was kept, of all counts.
  std::size_t turned() const { return turned_; }
  // Blocks made or brought up to date by the last count.
  std::size_t last_made() const { return last_made_; }

 private:
  BoundQueryPtr bind(World& world, const std::string& where, const std::string& now, bool finds,
                     const query::BoundQuery* now_made = nullptr) {
    query::BindContext context{.generation = world.generation(),
                               .now = parse_time(now, Zone()).value()};
    std::size_t leaf = 0;
    context.kept = [&](const std::string& key, bool) {
      const auto found = kept_.find(key);
      KeptFound answer{.predicate = found == kept_.end() ? nullptr : found->second,
                       .is_wanted = true};
      if (!finds) answer.predicate = nullptr;
      if (answer.predicate && fault_ != Fault::None) {
        answer.predicate = spoilt(*answer.predicate, now_made->kept[leaf]);
      }
      ++leaf;
      return answer;
    };
    return query::bind(query::parse(where).value(), context).value();
  }

  // The same people, said to be those of this moment, or of the events of now.
  query::KeptPredicatePtr spoilt(const KeptPredicate& kept, const query::KeptLeaf& now) const {
    auto made = std::make_shared<KeptPredicate>(kept);
    for (std::uint32_t b = 0; b < made->blocks.size(); ++b) {
      auto block = std::make_shared<KeptBlock>(*made->blocks[b]);
      if (fault_ == Fault::IgnoresTheClock) block->times = now.times;
      for (std::size_t t = 0; fault_ == Fault::IgnoresNewEvents && t < now.tables.size(); ++t) {
        const index::EventBlock* events = now.tables[t]->block(b);
        block->seen[t] = events == nullptr ? index::ChangeMark{} : events->changes.mark();
      }
      made->blocks[b] = block;
    }
    return made;
  }

  Fault fault_;
  std::map<std::string, query::KeptPredicatePtr> kept_;
  std::size_t last_made_ = 0, turned_ = 0;
  bool asks_always_ = false;
};

// Two people with an event each, a minute apart.
void put_two_events(World& world) {
  world.person("a", {{"age", number("30")}});
  world.person("b");
  world.person("c");
  world.event("a", "buy", "2024-05-01T12:00:00Z", {{"qty", number("1")}});
  world.event("b", "buy", "2024-05-01T12:01:00Z", {{"qty", number("2")}});
}

constexpr char kBuyers[] = "did \"buy\" in last 30d";

TEST(Kept, WindowsEndToTheMillisecond) {
  World world;
  put_two_events(world);
  Store store;
  EXPECT_EQ(2U, store.count(world, kBuyers, "2024-05-20T00:00:00Z"));
  EXPECT_EQ(1U, store.last_made());
  // 30 days after the first event, then a millisecond later; and back.
  EXPECT_EQ(2U, store.count(world, kBuyers, "2024-05-31T12:00:00Z"));
  EXPECT_EQ(0U, store.last_made()) << "no end of the window has passed an event";
  EXPECT_EQ(1U, store.count(world, kBuyers, "2024-05-31T12:00:00.001Z"));
  EXPECT_EQ(1U, store.last_made());
  EXPECT_EQ(2U, store.count(world, kBuyers, "2024-05-31T12:00:00Z"));
  EXPECT_EQ(1U, store.count(world, kBuyers, "2024-05-01T12:00:30Z"));
  EXPECT_EQ(0U, store.count(world, kBuyers, "2024-08-01T00:00:00Z"));
}

TEST(Kept, AConditionOnATimeMovesWithTheClock) {
  World world;
  put_two_events(world);
  Store store;
  const std::string where = "last(\"buy\") before 7d ago";
  EXPECT_EQ(0U, store.count(world, where, "2024-05-01T13:00:00Z"));
  EXPECT_EQ(1U, store.count(world, where, "2024-05-08T12:00:30Z"));
  EXPECT_EQ(2U, store.count(world, where, "2024-05-20T00:00:00Z"));
}

TEST(Kept, EventsComeLateAndFromTheFuture) {
  World world;
  put_two_events(world);
  Store store;
  const std::string now = "2024-05-20T00:00:00Z";
  EXPECT_EQ(2U, store.count(world, kBuyers, now));
  world.event("c", "buy", "2024-05-02T00:00:00Z");
  EXPECT_EQ(3U, store.count(world, kBuyers, now));
  world.event("d", "buy", "2024-05-20T00:00:01Z");
  EXPECT_EQ(3U, store.count(world, kBuyers, now));
  EXPECT_EQ(4U, store.count(world, kBuyers, "2024-05-20T00:00:01Z"));
  world.erase("a");
  EXPECT_EQ(3U, store.count(world, kBuyers, "2024-05-20T00:00:01Z"));
  EXPECT_EQ(1U, store.count(world, "not (did \"buy\" in last 30d) or did \"buy\" in last 1d",
                            "2024-05-20T00:00:01Z"));
}

TEST(Kept, PeopleWithoutEventsAreInItFromTheirFirstDay) {
  World world;
  put_two_events(world);
  Store store;
  const std::string now = "2024-05-20T00:00:00Z";
  const std::string none = "did not \"buy\" in last 30d";
  const std::string alike = "count(\"buy\" in last 30d) = count(\"buy\" in last 1d)";
  EXPECT_EQ(1U, store.count(world, none, now));
  EXPECT_EQ(1U, store.count(world, alike, now));
  world.person("new");
  EXPECT_EQ(2U, store.count(world, none, now));
  EXPECT_EQ(2U, store.count(world, alike, now));
  EXPECT_EQ(0U, store.last_made());
}

TEST(Kept, AMomentOfAPersonMayChangeComeAndGo) {
  World world([](index::Schema& schema) {
    schema.fields["profiles.joined"].type = {.type = Type::Timestamp};
  });
  put_two_events(world);
  Store store;
  const std::string now = "2024-05-20T00:00:00Z", where = "count(\"buy\" since joined) >= 1";
  EXPECT_EQ(0U, store.count(world, where, now));
  EXPECT_EQ(1U, store.size());
  world.person("a", {{"joined", text("2024-05-01T12:00:00Z")}});
  EXPECT_EQ(1U, store.count(world, where, now));
  EXPECT_EQ(1U, store.count(world, where, now));
  EXPECT_EQ(0U, store.last_made());
  world.person("b", {{"joined", text("2024-05-01T12:01:00.001Z")}});
  EXPECT_EQ(1U, store.count(world, where, now));
  world.event("b", "buy", "2024-05-02T00:00:00Z");
  EXPECT_EQ(2U, store.count(world, where, now));
  world.person("a", {{"joined", text("2024-05-03T00:00:00Z")}});
  EXPECT_EQ(1U, store.count(world, where, now));
  world.event("c", "buy", "2024-05-04T00:00:00Z");
  EXPECT_EQ(1U, store.count(world, where, now));
  world.person("c", {{"joined", text("2024-05-04T00:00:00Z")}});
  EXPECT_EQ(2U, store.count(world, where, now));
}

// Who turns stands beside the set, until they are many; a question that does more than count puts
// them in.
TEST(Kept, PeopleTurnOneByOneAndInCrowds) {
  constexpr std::uint64_t kTurned = 100;
  Random random;
  World world;
  for (int i = 0; i < 5'000; ++i) world.person("p" + std::to_string(i));
  for (int i = 0; i < 4'000; i += 1 + static_cast<int>(random.below(3))) {
    world.event("p" + std::to_string(i), "buy", "2024-05-01T12:00:00Z");
  }
  Store store;
  store.ask_always();
  const std::string now = "2024-05-20T00:00:00Z", odd = "count(\"buy\" in last 30d) = 1";
  for (int round = 0; round < 60 || (store.turned() <= kTurned && round < 2'000); ++round) {
    const auto fresh = random.below(4) == 0 ? 100 : 1 + random.below(5);
    for (std::uint64_t i = 0; i < fresh; ++i) {
      world.event("p" + std::to_string(random.below(5'000)), "buy", "2024-05-19T12:00:00Z");
    }
    const std::string where = random.below(3) == 0 ? "not (" + odd + ")"
                              : random.below(3) == 0 ? odd + " or did \"buy\" in last 1d"
                                                     : odd;
    ASSERT_EQ(store.fresh(world, where, now), store.count(world, where, now)) << round;
  }
  EXPECT_GT(store.turned(), kTurned) << "hardly anybody turned: nothing has been compared";
}

TEST(Kept, MergedRunsAreOldAcquaintances) {
  World world;
  put_two_events(world);
  Store store;
  for (int i = 0; i < 200; ++i) {
    const std::string minute = (i % 60 < 10 ? "0" : "") + std::to_string(i % 60);
    world.event("p" + std::to_string(i % 70), "buy", "2024-05-0" + std::to_string(2 + i / 60) +
                                                         "T03:" + minute + ":00Z");
    const std::string now = "2024-06-0" + std::to_string(1 + i / 60) + "T03:" + minute + ":00Z";
    ASSERT_EQ(store.fresh(world, kBuyers, now), store.count(world, kBuyers, now)) << i;
  }
}

TEST(Kept, WhatIsNotBroughtUpToDateIsFound) {
  for (const auto fault : {Store::Fault::IgnoresTheClock, Store::Fault::IgnoresNewEvents}) {
    World world;
    put_two_events(world);
    Store store(fault);
    const std::string now = "2024-05-20T00:00:00Z", later = "2024-05-31T12:00:30Z";
    EXPECT_EQ(2U, store.count(world, kBuyers, now));
    if (fault == Store::Fault::IgnoresNewEvents) world.event("c", "buy", "2024-05-15T00:00:00Z");
    EXPECT_NE(store.fresh(world, kBuyers, later), store.count(world, kBuyers, later));
  }
}

TEST(Kept, OneForEqualConditionsAndNoneForWhatElseDecides) {
  World world;
  put_two_events(world);
  Store store;
  const std::string now = "2024-05-20T00:00:00Z";
  store.count(world, "did \"buy\" where (qty = 1 and qty < 3) in last 2w", now);
  store.count(world, "age > 3 and did \"buy\" where (qty < 3.0 and qty = 1) in last 14d", now);
  EXPECT_EQ(1U, store.size());
  store.count(world, "did \"buy\" where (qty = 1 and qty < 3) in last 15d", now);
  EXPECT_EQ(2U, store.size());
  for (const char* other : {"age > 3", "count(\"buy\") > age",
                            "did \"buy\" where (profile.age > 3)",
                            "days between last(\"buy\") and now > age", "sample 50%"}) {
    store.count(world, other, now);
    EXPECT_EQ(2U, store.size()) << other;
  }
}

}  // namespace
}  // namespace muster::testing
