// The catalogue: what there is, how much of it, and who uses it.
#include <gtest/gtest.h>

#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::Permission;

const engine::CatalogField* field_of(const engine::Catalog& catalog, const std::string& key) {
  for (const auto& table : catalog.tables) {
    for (const auto& field : table.fields) {
      if (field.key == key) return &field;
    }
  }
  return nullptr;
}

TEST(Catalog, NamesFieldsWithTypesValuesAndTheSegmentsThatUseThem) {
  TestEngine test(default_rows(), 1'718'452'800'000);
  ASSERT_TRUE(test.profiles({{{"profile_id", text("a")}, {"country", text("FR")}},
                             {{"profile_id", text("b")}, {"country", text("FR")}},
                             {{"profile_id", text("c")}, {"country", text("DE")}},
                             {{"profile_id", text("d")}, {"plan", text("pro")}}}));
  ASSERT_TRUE(test.events({{{"profile_id", text("a")},
                            {"type", text("visit")},
                            {"ts", text("2024-06-01T00:00:00Z")},
                            {"page", text("home")}}}));
  ASSERT_TRUE(test.engine().put_segment(
      pass<Permission::Define>(), "french",
      "{\"where\": \"country = 'FR' and did 'visit' where (page = 'home' "
      "and profile.plan is missing)\"}"));

  const engine::Catalog catalog = test.engine().catalog(pass<Permission::Query>());
  const auto* country = field_of(catalog, "profiles.country");
  ASSERT_NE(nullptr, country);
  EXPECT_EQ("string", country->type);
  EXPECT_EQ(3U, country->present);
  EXPECT_EQ(2U, country->distinct);
  ASSERT_EQ(2U, country->top.size());
  EXPECT_EQ(2U, country->top[0].second);
  const std::vector<std::string> french = {"french"};
  EXPECT_EQ(french, country->used_by);
  EXPECT_EQ(french, field_of(catalog, "profiles.plan")->used_by);
  EXPECT_EQ(french, field_of(catalog, "visit.page")->used_by);
}

TEST(Catalog, SaysWhatEveryPartTakes) {
  TestEngine test(default_rows(), 1'718'452'800'000);
  ASSERT_TRUE(test.profiles({{{"profile_id", text("a")}, {"country", text("FR")}},
                             {{"profile_id", text("b")}, {"plan", text("pro")}}}));
  ASSERT_TRUE(test.events({{{"profile_id", text("a")},
                            {"type", text("visit")},
                            {"ts", text("2024-06-01T00:00:00Z")}}}));
  const engine::Catalog catalog = test.engine().catalog(pass<Permission::Query>());
  ASSERT_EQ(2U, catalog.tables.size());
  const engine::MemoryParts& people = catalog.tables[0].memory;
  EXPECT_GT(people.ids, 0U);
  EXPECT_GT(people.columns, 0U);
  EXPECT_GT(people.bitmaps, 0U);
  EXPECT_GT(people.dictionaries, 0U);
  EXPECT_EQ(0U, people.events);
  EXPECT_EQ(people.ids + people.columns + people.bitmaps + people.dictionaries, people.total());
  EXPECT_GT(catalog.tables[1].memory.events, 0U);
}

}  // namespace
}  // namespace muster::testing
