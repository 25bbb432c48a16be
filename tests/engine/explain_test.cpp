// What explain says, held against the naive evaluator: who is in it, and that the events it lists
// are reason enough.
//
// MUSTER_CASES=n asks n times; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/time.h"
#include "query/language/language.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

const int kCases = cases_of_run(10'000, 500);

// The person with those of their events that have the name and the moment of one listed.
Person only_with(const Person& person, const std::vector<std::string>& events) {
  std::set<std::pair<std::string, std::string>> listed;
  for (const std::string& event : events) {
    const boost::json::value read = boost::json::parse(event);
    listed.emplace(read.at("name").as_string(), read.at("time").as_string());
  }
  Person alone = person;
  std::erase_if(alone.events, [&](const PlainEvent& event) {
    return !listed.contains({event.name, to_rfc3339(event.time)});
  });
  return alone;
}

// A clause that an event more can only help, unless it says `without`.
bool is_positive(const query::Node& node) {
  return (node.kind == query::NodeKind::Did && !node.negated) ||
         node.kind == query::NodeKind::Sequence;
}

// Whether `since` leans on events that the clause does not list.
bool leans_on_others(const query::Node& node) {
  const auto is_aggregate = [](const std::optional<query::Window>& window) {
    return window && window->since && window->since->kind == query::NodeKind::Aggregate;
  };
  return is_aggregate(node.window) || is_aggregate(node.events.window);
}

// Counts the clauses whose events were tried.
int check_events(const query::ExplainedNode& node, const People& people,
                 const NaiveContext& context, const Person& person) {
  int tried = 0;
  const auto clause = query::parse(node.text);
  if (node.holds && clause && is_positive(**clause) && !leans_on_others(**clause)) {
    EXPECT_FALSE(node.events.empty()) << node.text;
    EXPECT_TRUE(naive_contains(people, context, *clause, only_with(person, node.events)))
        << node.text << ::testing::PrintToString(node.events);
    ++tried;
  }
  for (const query::ExplainedNode& child : node.children) {
    tried += check_events(child, people, context, person);
  }
  return tried;
}

TEST(Explain, SaysWhoIsInItAndListsEventsThatAreReasonEnough) {
  Random random;
  int cases = 0, tried = 0;
  while (cases < kCases && !::testing::Test::HasFailure()) {
    const People people = random_people(random, {});
    TestEngine test(default_rows(), kRandomNow);
    ASSERT_TRUE(test.load(people, Declare::Everything, 100));
    const query::BindContext context = bind_context(test, people.timezone);
    const NaiveContext naive{.now = kRandomNow, .zone = people.timezone};
    RandomSegment segments(random, people);
    for (int i = 0; i < 200 && !::testing::Test::HasFailure(); ++i, ++cases) {
      const std::string where = segments.segment(3);
      const Person& person = people.people[random.below(people.people.size())];
      SCOPED_TRACE(where + "\nof " + person.id);
      const auto tree = query::parse(where);
      ASSERT_TRUE(tree);
      const auto bound = query::bind(*tree, context);
      ASSERT_TRUE(bound) << bound.error().message;
      const auto ordinal = context.generation->profiles.ids.find(person.id);
      const auto explained = query::explain(**bound, *ordinal);
      ASSERT_TRUE(explained) << explained.error().message;
      EXPECT_EQ(naive_contains(people, naive, *tree, person), explained->holds);
      tried += check_events(*explained, people, naive, person);
    }
  }
  std::printf("%d people explained, %d clauses with events\n", cases, tried);
  EXPECT_GE(tried, cases / 20);
}

}  // namespace
}  // namespace muster::testing
