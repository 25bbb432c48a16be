// Whatever tree the parser can make: binding it ends in an answer or an error, and all ways to
// answer agree.
#include <gtest/gtest.h>

#include "query/language/language.h"
#include "tests/query/query_support.h"
#include "tests/support/random_tree.h"

namespace muster::testing {
namespace {

using query::Node;
using query::NodePtr;

// The same tree about names that exist in small_world().
class Renamer {
 public:
  explicit Renamer(Random& random) : random_(random) {}

  NodePtr renamed(const NodePtr& node) {
    if (!node) return node;
    auto made = std::make_shared<Node>(*node);
    for (NodePtr& child : made->children) child = renamed(child);
    if (!made->path.names.empty()) made->path = path();
    rename(made->events);
    for (query::SequenceStep& step : made->steps) {
      rename(step.events);
      if (step.without) rename(*step.without);
    }
    return made;
  }

 private:
  query::Path path() {
    static const std::vector<std::vector<std::string>> kPaths{
        {"age"},  {"country"}, {"vip"},    {"joined"},   {"tags"}, {"home"},
        {"size"}, {"amount"},  {"sku"},    {"ts"},       {"type"}, {"product", "price"},
        {"sku", "price"},      {"profile", "country"},   {"none_such"}};
    return {kPaths[random_.below(static_cast<std::uint32_t>(kPaths.size()))]};
  }

  void rename(query::Events& events) {
    for (std::string& name : events.names) name = random_.below(2) == 0 ? "buy" : "view";
    events.where = renamed(events.where);
    events.per = renamed(events.per);
    events.having = renamed(events.having);
  }

  Random& random_;
};

World small_world() {
  World world([](index::Schema& schema) {
    schema.entity_ids["product"] = "product_id";
    schema.references["buy.sku"] = "product";
    schema.fields["profiles.home"] = {.type = {.type = Type::Geo}, .declared = true};
    schema.fields["profiles.size"] = {.type = {.type = Type::Double}, .declared = true};
  });
  world.entity("product", "p1", {{"price", number("9.99")}});
  world.person("ana", {{"age", number("30")}, {"country", text("FR")}, {"vip", truth(true)},
                       {"joined", text("2024-01-01")}, {"tags", list({text("a"), text("b")})},
                       {"home", point(48, 11)}, {"size", real(1.5)}});
  world.person("bo", {{"age", number("1.25")}});
  world.event("ana", "buy", "2024-06-01T10:00:00Z",
              {{"amount", number("5.00")}, {"sku", text("p1")}});
  world.event("ana", "buy", "2024-06-09T10:00:00Z", {{"amount", number("7")}});
  world.event("bo", "view", "2024-06-01T10:00:00Z", {{"amount", number("1.5")}});
  world.allow_unknown();
  return world;
}

TEST(AnyTree, IsAnsweredOrRefused) {
  Random random;
  World world = small_world();
  int answered = 0;
  for (int round = 0; round < 6'000; ++round) {
    const NodePtr tree = Renamer(random).renamed(random_tree(random));
    const auto bound = world.bind(tree);
    if (!bound) {
      ASSERT_NE("", bound.error().message);
      continue;
    }
    query::warnings(**bound);
    query::plan_of(**bound);
    const auto members = query::members(**bound, {}, {});
    const auto counted = query::count(**bound, {}, {});
    ASSERT_EQ(members.has_value(), counted.has_value()) << query::print(tree);
    if (!members) continue;
    ++answered;
    ASSERT_EQ(members->count(), *counted) << query::print(tree);
    for (index::Ordinal ordinal = 0; ordinal < 2; ++ordinal) {
      const auto contained = query::contains(**bound, ordinal);
      ASSERT_TRUE(contained);
      ASSERT_EQ(members->contains(ordinal), *contained) << query::print(tree);
      ASSERT_TRUE(query::explain(**bound, ordinal));
    }
  }
  EXPECT_GT(answered, 100);
}

}  // namespace
}  // namespace muster::testing
