// Sequences with a key in common, of a whole block at once, held to asking one person after the
// other.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/execute/keyed_block.h"
#include "query/execute/slots.h"
#include "tests/query/query_support.h"
#include "tests/support/random.h"
#include "tests/support/run_length.h"

namespace muster::testing {
namespace {

const std::vector<std::string> kSequences = {
    R"(sequence(a: "view" then "cart" where (sku = a.sku) then "buy" where (sku = a.sku)))",
    R"(sequence(a: "view" then within 2h "cart" where (sku = a.sku) )"
    R"(then within 3h "buy" where (sku = a.sku)))",
    R"(sequence(a: "view" then within 5h "buy" where (sku = a.sku)) in last 2d)",
    R"(sequence(a: "view" where (qty > 2) then "buy" where (sku = a.sku)) within 6h)",
    R"(sequence(a: "buy" then "buy" where (sku = a.sku) then "buy" where (sku = a.sku)))",
    R"(sequence(a: ("view" or "cart") then "buy" where (sku = a.sku)))",
    R"(sequence(a: "view" then without ("cart" where (sku = a.sku)) "buy" where (sku = a.sku)))",
    R"(sequence(a: "cart" then "buy" where (qty = a.qty)))",
    R"(sequence(a: "view" then "refund" where (sku = a.sku)))",
};

// Events in several batches, which makes several runs, some late, and many at one moment.
void do_something(World& world, Random& random, const std::vector<std::string>& people, int events,
                  std::uint32_t skus) {
  const char* const names[] = {"view", "view", "cart", "buy"};
  for (int batch = 0; batch < 3; ++batch) {
    for (int i = 0; i < events; ++i) {
      World::Cells cells;
      if (random.below(8) != 0) cells["sku"] = text("s" + std::to_string(random.below(skus)));
      if (random.below(4) != 0) cells["qty"] = number(std::to_string(random.below(5)));
      const bool is_late = random.below(10) == 0;
      const int hour = static_cast<int>(is_late ? random.below(24) : random.below(3)) +
                       (is_late ? 0 : 6 * (1 + batch));
      const auto who = random.below(5) == 0 ? 0 : random.below(people.size());
      world.event(people[who], names[random.below(4)],
                  fmt::format("2024-06-01T{:02}:{:02}:00Z", hour, 10 * random.below(6)), cells);
    }
    world.generation();
  }
  world.set_now("2024-06-02T12:00:00Z");
}

// Returns how many blocks were answered.
int expect_agreement(World& world, const std::string& where,
                     const std::vector<std::string>& asked) {
  SCOPED_TRACE(where);
  const auto bound = world.bind(where);
  EXPECT_TRUE(bound) << bound.error().message;
  const query::BoundQuery& query = **bound;
  if (query.plan->kind != query::BoundKind::Sequence ||
      !query::KeyedBlock::takes(*query.plan->sequence)) {
    return 0;
  }
  query::KeyedBlock keyed;
  const std::uint32_t blocks = query.generation->profiles.blocks();
  for (std::uint32_t block = 0; block < blocks; ++block) {
    const auto answer = keyed.answer(*query.plan->sequence, *query.generation, block, nullptr);
    EXPECT_FALSE(answer.failed);
    for (const std::string& id : asked) {
      const index::Ordinal who = world.ordinal_of(id);
      if (who / index::kBlockSize != block) continue;
      EXPECT_EQ(query::contains(query, who).value(),
                query::has_bit(answer.bits, who % index::kBlockSize))
          << id;
    }
  }
  return static_cast<int>(blocks);
}

TEST(KeyedBlock, AnswersAsEverybodyByThemselves) {
  Random random;
  int answered = 0;
  for (int round = 0; round < cases_of_run(40, 10) && !HasFailure(); ++round) {
    World world;
    std::vector<std::string> people;
    const auto count = 1 + random.below(60);
    for (std::uint64_t i = 0; i < count; ++i) people.push_back("p" + std::to_string(i));
    for (const std::string& id : people) world.person(id);
    do_something(world, random, people, static_cast<int>(20 + random.below(150)),
                 static_cast<std::uint32_t>(1 + random.below(30)));
    world.allow_unknown();
    for (const std::string& where : kSequences) answered += expect_agreement(world, where, people);
  }
  EXPECT_GT(answered, 50) << "hardly any block was asked at once: nothing has been compared";
}

TEST(KeyedBlock, KnowsTheFirstAndTheLastOfABlock) {
  Random random;
  World world;
  for (std::uint32_t i = 0; i < 2 * index::kBlockSize + 2; ++i) world.person(std::to_string(i));
  // The second block has nobody with events but its last.
  const std::vector<std::string> people = {"0", "65535", "131071", "131072"};
  do_something(world, random, people, 60, 4);
  world.allow_unknown();
  for (const std::string& where : kSequences) expect_agreement(world, where, people);
}

}  // namespace
}  // namespace muster::testing
