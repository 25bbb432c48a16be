// Breakdowns of random people against plain counts over the same people.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/engine/erased_world.h"

namespace muster::testing {
namespace {

using engine::Permission;
using query::BreakdownCount;
using query::BreakdownField;
using query::BreakdownRow;
using query::FieldBreakdown;

// Texts, bools, numbers, dates, times and lists of random people.
const std::vector<std::string> kFields{"country", "plan",   "vip",  "age",   "points", "income",
                                       "score",   "joined", "seen", "tags",  "sizes",  "prices",
                                       "days",    "home"};

const std::map<std::string, std::vector<std::string>> kBands{
    {"age", {"18", "18.5", "65"}},
    {"points", {"-10000", "0", "1e9"}},
    {"income", {"-0.5", "0", "19.99", "20"}},
    {"score", {"-1.25", "0", "1e1"}},
    {"joined", {"2024-01-01", "2024-02-29"}},
    {"seen", {"2024-02-01", "2024-03-09T23:30:00-05:00"}}};

FieldBreakdown breakdown(ErasedWorld& world, const std::string& where, const BreakdownField& field,
                         std::size_t rows_max = 1'000) {
  const auto answer = world.engine().break_down(
      pass<Permission::Query>(),
      {.question = question(where), .fields = {field}, .rows_max = rows_max});
  EXPECT_TRUE(answer) << field.field << (answer ? "" : "\n" + answer.error().message);
  if (!answer) return {};
  EXPECT_EQ(world.members(where).size(), answer->count.count);
  EXPECT_EQ(world.people().people.size(), answer->count.universe);
  return answer->fields.at(0);
}

// The different values that a person has of a field.
std::vector<NaiveValue> values_of(const Person& person, const std::string& field) {
  std::vector<NaiveValue> values;
  const auto found = person.attributes.find(field);
  if (found == person.attributes.end()) return values;
  std::set<std::string> seen;
  for (const Value& value : found->second.values) {
    if (seen.insert(to_display(naive_value(value))).second) values.push_back(naive_value(value));
  }
  return values;
}

// Counts the people of whom `has` is true.
template <typename Has>
BreakdownCount counted(const ErasedWorld& world, const std::set<std::string>& members,
                       const Has& has) {
  BreakdownCount count;
  for (const Person& person : world.people().people) {
    if (!has(person)) continue;
    ++count.everyone;
    count.people += members.count(person.id);
  }
  return count;
}

void expect_same(const BreakdownCount& expected, const BreakdownCount& got) {
  EXPECT_EQ(expected.people, got.people);
  EXPECT_EQ(expected.everyone, got.everyone);
}

void expect_values(const ErasedWorld& world, const std::set<std::string>& members,
                   const FieldBreakdown& told) {
  std::set<std::string> values, shown;
  for (const Person& person : world.people().people) {
    for (const auto& value : values_of(person, told.field)) values.insert(to_display(value));
  }
  for (const BreakdownRow& row : told.rows) {
    const std::string value = to_display(naive_value(row.value));
    SCOPED_TRACE(value);
    EXPECT_TRUE(shown.insert(value).second);
    expect_same(counted(world, members, [&](const Person& person) {
      return std::ranges::any_of(values_of(person, told.field),
                                 [&](const auto& has) { return to_display(has) == value; });
    }), row.count);
  }
  EXPECT_EQ(values, shown);
  EXPECT_EQ(0U, told.other_values);
  EXPECT_TRUE(std::ranges::is_sorted(told.rows, std::greater<>(), [](const BreakdownRow& row) {
    return std::pair(row.count.people, row.count.everyone);
  }));
}

void expect_bands(const ErasedWorld& world, const std::set<std::string>& members,
                  const FieldBreakdown& told) {
  const NaiveZone zone(world.people().timezone);
  BreakdownCount sum;
  for (std::size_t i = 0; i < told.rows.size(); ++i) {
    const BreakdownRow& row = told.rows[i];
    SCOPED_TRACE("band from " + to_display(row.from) + " to " + to_display(row.to));
    EXPECT_EQ(i == 0, is_missing(row.from));
    EXPECT_EQ(i + 1 == told.rows.size(), is_missing(row.to));
    expect_same(counted(world, members, [&](const Person& person) {
      const auto values = values_of(person, told.field);
      if (values.empty()) return false;
      return naive_order(values[0], naive_value(row.from), zone).value_or(0) >= 0 &&
             naive_order(values[0], naive_value(row.to), zone).value_or(-1) < 0;
    }), row.count);
    sum.people += row.count.people;
    sum.everyone += row.count.everyone;
  }
  expect_same({members.size(), world.people().people.size()},
              {sum.people + told.missing.people, sum.everyone + told.missing.everyone});
}

// Where bands begin that are found: at j tenths of everyone's values.
void expect_tenths(const ErasedWorld& world, const FieldBreakdown& told) {
  std::vector<NaiveValue> values;
  for (const Person& person : world.people().people) {
    for (const auto& value : values_of(person, told.field)) values.push_back(value);
  }
  std::ranges::sort(values, naive_less);
  std::vector<std::string> expected{to_display(values.at(0))};
  for (std::size_t j = 1; j < 10; ++j) {
    const std::string begin = to_display(values[j * values.size() / 10]);
    if (begin != expected.back()) expected.push_back(begin);
  }
  std::vector<std::string> begins{expected[0]};
  for (std::size_t i = 1; i < told.rows.size(); ++i) {
    begins.push_back(to_display(naive_value(told.rows[i].from)));
  }
  EXPECT_EQ(expected, begins);
}

TEST(Breakdown, CountsAsAPlainLoopDoes) {
  Random random;
  for (int set = 0; set < 4; ++set) {
    ErasedWorld world(random, set % 2 == 0 ? 30 : 300);
    for (int i = 0; i < 8; ++i) {
      const std::string where = i == 0 ? "everyone" : i == 1 ? "nobody" : world.some_segment();
      const auto members = world.members(where);
      for (const std::string& field : kFields) {
        SCOPED_TRACE(field + " of " + where);
        const FieldBreakdown told = breakdown(world, where, {field, {}});
        expect_same(counted(world, members, [&](const Person& person) {
          return values_of(person, field).empty();
        }), told.missing);
        if (!told.by_bands) expect_values(world, members, told);
        else expect_bands(world, members, told);
        if (told.by_bands) expect_tenths(world, told);
      }
    }
  }
}

TEST(Breakdown, CutsWhereItIsTold) {
  Random random;
  ErasedWorld world(random, 200);
  for (const auto& [field, bands] : kBands) {
    SCOPED_TRACE(field);
    std::vector<std::string> given = bands;
    if (field == "points") given[2] = "1000000000";  // No exponents in whole numbers.
    if (field == "age") given.erase(given.begin());
    const std::string where = world.some_segment();
    const FieldBreakdown told = breakdown(world, where, {"profiles." + field, given});
    EXPECT_EQ(field, told.field);
    ASSERT_EQ(given.size() + 1, told.rows.size());
    expect_bands(world, world.members(where), told);
  }
}

TEST(Breakdown, AddsUpWhatIsBeyondTheLimit) {
  Random random;
  ErasedWorld world(random, 200);
  for (const std::string field : {"country", "tags"}) {
    const FieldBreakdown all = breakdown(world, "age > 20", {field, {}});
    const FieldBreakdown some = breakdown(world, "age > 20", {field, {}}, 2);
    ASSERT_EQ(2U, some.rows.size());
    EXPECT_EQ(all.rows.size() - 2, some.other_values);
    BreakdownCount sum;
    for (std::size_t i = 0; i < all.rows.size(); ++i) {
      if (i < 2) {
        expect_same(all.rows[i].count, some.rows[i].count);
        continue;
      }
      sum.people += all.rows[i].count.people;
      sum.everyone += all.rows[i].count.everyone;
    }
    expect_same(sum, some.other);
  }
}

TEST(Breakdown, SaysWhatIsWrong) {
  Random random;
  ErasedWorld world(random, 50);
  struct Case {
    std::vector<BreakdownField> fields;
    std::string message;
  };
  const Case cases[] = {
      {{}, "a breakdown is by 1 to 20 fields, and 0 are named"},
      {{{"contry", {}}},
       "profiles have no field 'contry'; did you mean 'country'? to break down by"},
      {{{"country", {"1"}}},
       "bands are for numbers, dates and times, and 'country' is string; leave them out"},
      {{{"age", {"x"}}},
       "a band of 'age' cannot begin at 'x': a number was expected, as 'age' is int64"},
      {{{"age", {"30", "20"}}},
       "the bands of 'age' must ascend: '20' leaves nothing between itself and '30'"},
      {{{"age", std::vector<std::string>(101, "1")}},
       "'age' is to be cut at 101 places; at most 100 are allowed"}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    const auto answer = world.engine().break_down(
        pass<Permission::Query>(), {.question = question("everyone"), .fields = c.fields});
    ASSERT_FALSE(answer);
    EXPECT_EQ(c.message, answer.error().message);
  }
}

}  // namespace
}  // namespace muster::testing
