// Random segments asked of the engine and, as SQL, of SQLite.
//
// MUSTER_CASES=n asks n segments; MUSTER_SEED plays a run again; MUSTER_SABOTAGE=name plants a
// fault of tests/support/faults.h, which has to be found.
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "base/time.h"
#include "query/language/language.h"
#include "tests/support/faults.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"
#include "tests/support/sql_text.h"
#include "tests/support/sqlite_people.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

const int kCases = cases_of_run(3'000, 200);

TEST(Sqlite, NamesTheSamePeople) {
  Random random;
  const Fault* const fault = fault_of_run();
  int cases = 0, asked = 0;
  while (cases < kCases && !::testing::Test::HasFailure()) {
    const People people = random_people(random, {.people = 60});
    TestEngine test(default_rows(), kRandomNow);
    ASSERT_TRUE(test.load(people, Declare::Everything, 100));
    const NaiveContext context{
        .now = kRandomNow,
        .zone = people.timezone,
        .segments = {{"one", query::parse("points > 0 or did \"view\" in last 30d").value()}},
        .lists = {{"some", {"c1", "c5", "c8", "c21"}}}};
    for (const auto& [name, tree] : context.segments) {
      JsonWriter json;
      json.begin_object().key("where").text(query::print(tree)).key("name").text(name);
      json.end_object();
      ASSERT_TRUE(test.engine().put_segment(pass<engine::Permission::Define>(), name, json.str()));
    }
    ASSERT_TRUE(test.engine().put_list(pass<engine::Permission::Define>(), "some",
                                       {.members = context.lists.at("some")}));
    SqlitePeople sqlite(people, context);
    RandomSegment segments(random, people);
    segments.use({"one"}, {"some"});
    for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i, ++cases) {
      const std::string where = segments.segment(3);
      const auto tree = query::parse(where);
      ASSERT_TRUE(tree);
      const auto sql = sql_of(people, context, *tree);
      if (!sql) continue;
      ++asked;
      const auto understood = fault == nullptr ? *tree : with_fault(*tree, *fault);
      const auto members = test.members(question(query::print(understood)));
      ASSERT_TRUE(members) << where << "\n" << members.error().message;
      auto expected = sqlite.members(*sql);
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(expected, *members) << where << "\n" << *sql;
    }
  }
  std::printf("%d of %d segments translate to SQL: %d %%\n", asked, cases, 100 * asked / cases);
  EXPECT_GE(100 * asked, 40 * cases);
}

}  // namespace
}  // namespace muster::testing
