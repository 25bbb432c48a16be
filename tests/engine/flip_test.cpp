// What would flip an answer, tried on people who are changed that way and asked by the naive
// evaluator.
//
// MUSTER_CASES=n asks n times; MUSTER_SEED plays a run again.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/json_writer.h"
#include "base/time.h"
#include "query/flip.h"
#include "query/language/language.h"
#include "tests/support/naive.h"
#include "tests/support/random_people.h"
#include "tests/support/random_segment.h"
#include "tests/support/row_spelling.h"
#include "tests/support/run_length.h"
#include "tests/support/test_engine.h"

namespace muster::testing {
namespace {

const int kCases = cases_of_run(200, 20);

Value value_in(const boost::json::value& value) {
  if (value.is_bool()) return value.as_bool();
  if (!value.is_string()) {
    JsonWriter json;
    json.number(value.to_number<double>());
    return parse_decimal(json.str()).value();
  }
  const std::string text(value.as_string());
  if (const auto day = parse_date(text)) return *day;
  if (const auto time = parse_time(text, Zone())) return Instant{*time};
  return text;
}

// A list of objects out of its JSON, as random people have them.
PlainField objects_in(const std::string& text) {
  PlainField list{.list = true, .values = {}};
  const boost::json::value read = boost::json::parse(text);
  for (const boost::json::value& element : read.as_array()) {
    PlainFields object;
    for (const auto& [name, value] : element.as_object()) {
      object[std::string(name)] = {.list = false, .values = {value_in(value)}};
    }
    list.objects.push_back(std::move(object));
  }
  return list;
}

PlainField plain(const index::FieldValue& field) {
  if (field.type.type == Type::Json) return objects_in(std::get<std::string>(field.values.at(0)));
  return {.list = field.type.list, .values = field.values};
}

// Numbers alike at every scale.
std::string text_of(const Value& value) {
  const auto* number = std::get_if<Decimal>(&value);
  return number == nullptr ? to_display(value)
                           : std::to_string(mantissa_at(*number, kScaleMax).value());
}

std::set<std::string> texts_of(const PlainField& field) {
  std::set<std::string> texts;
  for (const Value& value : field.values) texts.insert(text_of(value));
  for (const PlainFields& object : field.objects) {
    std::string text = "{";
    for (const auto& [name, inner] : object) text += name + *texts_of(inner).begin() + ",";
    texts.insert(text);
  }
  return texts;
}

bool is_same(const PlainEvent& event, const index::EventRecord& record) {
  if (event.name != record.name || event.time != record.time) return false;
  std::size_t with_values = 0;
  for (const auto& [name, field] : event.properties) {
    if (field.values.empty() && field.objects.empty()) continue;
    ++with_values;
    const auto found = record.properties.find(name);
    if (found == record.properties.end()) return false;
    if (texts_of(field) != texts_of(plain(found->second))) return false;
  }
  return with_values == record.properties.size();
}

void change_person(const query::Change& change, Person& person) {
  switch (change.kind) {
    case query::ChangeKind::SetAttribute:
      person.attributes[change.name] = plain(change.value);
      break;
    case query::ChangeKind::RemoveAttribute: person.attributes.erase(change.name); break;
    case query::ChangeKind::AddEvent: {
      PlainEvent event{.id = "", .name = change.event.name, .time = change.event.time,
                       .properties = {}};
      for (const auto& [name, field] : change.event.properties) {
        event.properties[name] = plain(field);
      }
      person.events.push_back(std::move(event));
      break;
    }
    case query::ChangeKind::RemoveEvent: {
      const auto found =
          std::find_if(person.events.begin(), person.events.end(),
                       [&](const PlainEvent& event) { return is_same(event, change.event); });
      ASSERT_NE(person.events.end(), found) << query::to_display(change);
      person.events.erase(found);
      break;
    }
    case query::ChangeKind::JoinList:
    case query::ChangeKind::LeaveList: FAIL() << "there are no lists"; break;
  }
}

TEST(Flip, FlipsTheAnswer) {
  Random random;
  int told = 0, minimal = 0, cases = 0;
  std::map<std::string, int> reasons;
  while (cases < kCases && !::testing::Test::HasFailure()) {
    const People people = random_people(random, {});
    TestEngine test(default_rows(), kRandomNow);
    ASSERT_TRUE(test.load(people, Declare::Everything, 100));
    RandomSegment segments(random, people);
    const query::BindContext context = bind_context(test, people.timezone);
    for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i, ++cases) {
      const std::string where = segments.predicate(3);
      const Person& person = people.people[random.below(people.people.size())];
      SCOPED_TRACE(where + "\nof " + person.id);
      const auto tree = query::parse(where);
      ASSERT_TRUE(tree);
      const auto ordinal = context.generation->profiles.ids.find(person.id);
      ASSERT_TRUE(ordinal);
      const auto found = query::flip(*tree, context, *ordinal, {});
      ASSERT_TRUE(found) << found.error().message;
      if (found->changes.empty()) {
        ++reasons[found->unknown.substr(0, 400)];
        continue;
      }
      ++told;
      minimal += found->is_minimal ? 1 : 0;
      EXPECT_EQ("", found->unknown);
      const NaiveContext naive{.now = kRandomNow, .zone = people.timezone};
      const bool before = naive_contains(people, naive, *tree, person);
      People others = people;
      const auto same = std::find_if(others.people.begin(), others.people.end(),
                                     [&](const Person& p) { return p.id == person.id; });
      std::string said;
      for (const query::Change& change : found->changes) {
        said += query::to_display(change) + "\n";
        change_person(change, *same);
      }
      EXPECT_NE(before, naive_contains(others, naive, *tree, *same)) << said;
    }
  }
  std::printf("%d cases: told in %d, as few as can be in %d\n", cases, told, minimal);
  for (const auto& [reason, count] : reasons) std::printf("%6d %s\n", count, reason.c_str());
  EXPECT_GE(told, cases / 2);
}

TEST(Flip, SaysTheFewestChanges) {
  TestEngine test(default_rows(), 1'718'452'800'000);  // 2024-06-15T12:00:00Z
  ASSERT_TRUE(test.profiles({{{"profile_id", text("ana")}, {"country", text("FR")}},
                             {{"profile_id", text("bo")}, {"country", text("DE")}}}));
  ASSERT_TRUE(test.events({{{"profile_id", text("ana")}, {"type", text("order")},
                            {"ts", text("2024-06-10T08:00:00Z")}, {"sku", text("a1")}}}));
  ASSERT_TRUE(test.engine().put_list(pass<engine::Permission::Define>(), "staff",
                                     {.members = {"bo"}}));
  const auto said = [&](const std::string& where) {
    const auto explained =
        test.engine().explain(pass<engine::Permission::Members>(), question(where), "ana");
    if (!explained) return explained.error().message;
    const engine::FlipAnswer& flip = explained->flip;
    std::string all = flip.unknown;
    for (const auto& change : flip.changes) all += (all.empty() ? "" : "; ") + change.text;
    return all + (flip.is_minimal || flip.changes.empty() ? "" : " (perhaps fewer)");
  };
  EXPECT_EQ("country becomes \"DE\"", said("country = \"DE\""));
  EXPECT_EQ("country becomes \"DE\"", said("country = \"DE\" or count(\"order\") >= 3"));
  EXPECT_EQ("they did not \"order\" at 2024-06-10T08:00:00Z with sku \"a1\"",
            said("did \"order\" in last 7d"));
  const std::string ordered = "they did \"order\" at 2024-06-15T12:00:00Z";
  EXPECT_EQ("country becomes \"DE\"; " + ordered + " with sku \"b2\"",
            said("country = \"DE\" and did \"order\" where (sku = \"b2\")"));
  EXPECT_EQ(ordered + "; " + ordered, said("count(\"order\") >= 3"));
  EXPECT_EQ("they are in the list \"staff\"", said("in list \"staff\""));
  EXPECT_EQ("it cannot be flipped by 'sample 100%', which hangs on their id alone",
            said("sample 100%"));
  EXPECT_EQ("it cannot be flipped by 'tile(2, count(\"order\")) = 1', which hangs on other people, "
            "too",
            said("tile(2, count(\"order\")) = 1 and country = \"DE\""));
}

}  // namespace
}  // namespace muster::testing
