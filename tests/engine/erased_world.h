// Random people in an engine, some of them erased, and who of them is in a segment as the naive
// evaluator says.
//
// Thread safety: one thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "query/language/language.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/test_engine.h"

namespace muster::testing {

class ErasedWorld {
 public:
  ErasedWorld(Random& random, std::uint32_t people)
      : people_(random_people(random, {.people = people})),
        test_(private_rows(), kRandomNow, nullptr, 1 + random.below(2)),
        segments_(random, people_) {
    EXPECT_TRUE(test_.load(people_, Declare::Everything));
    for (std::uint32_t i = 0; i < people_.people.size(); ++i) {
      if (random.below(12) != 0) continue;
      EXPECT_TRUE(test_.engine().erase(pass<engine::Permission::Define>(), people_.people[i].id));
      people_.people.erase(people_.people.begin() + i);
    }
  }

  const People& people() const { return people_; }
  engine::Engine& engine() { return test_.engine(); }
  std::string some_segment() { return segments_.predicate(2); }

  std::set<std::string> members(const std::string& where) const {
    const auto tree = query::parse(where);
    EXPECT_TRUE(tree) << where;
    const NaiveContext context{.now = kRandomNow, .zone = people_.timezone};
    const auto ids = naive_members(people_, context, *tree);
    return {ids.begin(), ids.end()};
  }

 private:
  People people_;
  TestEngine test_;
  RandomSegment segments_;
};

}  // namespace muster::testing
