// Lists of objects: how they are taken apart, and what is asked of them.
#include <gtest/gtest.h>

#include "query/plan/objects.h"
#include "tests/query/query_support.h"

namespace muster::testing {
namespace {

using query::ObjectStore;
using query::ObjectTable;

std::shared_ptr<const ObjectTable> table_of(std::initializer_list<const char*> texts) {
  index::DictionaryWriter writer;
  for (const char* text : texts) writer.add(text);
  ObjectStore store;
  return store.of(writer.snapshot(), Zone());
}

index::FieldType type_of(const ObjectTable& table, const std::string& name) {
  return table.columns.at(name)->type;
}

TEST(ObjectTables, HaveARowForEachElementAndAColumnForEachPath) {
  const auto table = table_of({R"([{"sku":"a","size":{"width":2}},{"sku":"b"}])", "[]",
                               R"([{"size":{"width":3.25}}])"});
  EXPECT_EQ((std::vector<std::uint32_t>{0, 2, 2, 3}), table->first);
  ASSERT_EQ(2U, table->columns.size());
  EXPECT_EQ((index::FieldType{Type::String}), type_of(*table, "sku"));
  EXPECT_EQ((index::FieldType{Type::Decimal, false, 2}), type_of(*table, "size.width"));
  EXPECT_EQ((std::vector<std::int64_t>{200, 0, 325}), table->columns.at("size.width")->keys);
  EXPECT_EQ((std::vector<std::uint64_t>{0b101}), table->columns.at("size.width")->present);
}

TEST(ObjectTables, InferTypesAsColumnsDo) {
  const auto table = table_of({R"([{"n":1,"d":"2024-06-01","t":"2024-06-01","x":1e3,"b":true}])",
                               R"([{"n":2,"d":"2024-07-01","t":"2024-06-01T10:00:00Z","x":2}])"});
  EXPECT_EQ(Type::Int, type_of(*table, "n").type);
  EXPECT_EQ(Type::Date, type_of(*table, "d").type);
  EXPECT_EQ(Type::Timestamp, type_of(*table, "t").type);
  EXPECT_EQ(Type::Double, type_of(*table, "x").type);
  EXPECT_EQ(Type::Bool, type_of(*table, "b").type);
}

TEST(ObjectTables, HaveNoTypeForWhatHasNone) {
  const auto table = table_of({R"([{"mixed":1,"list":[1,2],"digits":1234567890123456789.25}])",
                               R"([{"mixed":"one","list":null}])"});
  for (const char* name : {"mixed", "list", "digits"}) {
    EXPECT_EQ(Type::Json, type_of(*table, name).type) << name;
  }
}

TEST(ObjectTables, CountWhatIsNoObjectAndTakeTheLastOfTwoNames) {
  const auto table = table_of({R"([1,"x",{"n":1,"n":7},null])", R"([{"n":1,"n":null}])"});
  EXPECT_EQ(4U, table->elements_of(0));
  EXPECT_EQ(7, table->columns.at("n")->keys[2]);
  EXPECT_EQ((std::vector<std::uint64_t>{0b100}), table->columns.at("n")->present);
}

TEST(ObjectStores, ReadOnlyWhatIsNew) {
  index::DictionaryWriter writer;
  writer.add(R"([{"n":1}])");
  ObjectStore store;
  const index::Dictionary early = writer.snapshot();
  const auto first = store.of(early, Zone());
  EXPECT_EQ(first, store.of(early, Zone()));
  writer.add(R"([{"n":1.5},{"m":2}])");
  const auto second = store.of(writer.snapshot(), Zone());
  EXPECT_EQ(1U, first->texts());
  EXPECT_EQ(2U, second->texts());
  EXPECT_EQ((std::vector<std::int64_t>{10, 15, 0}), second->columns.at("n")->keys);
  // An older snapshot is served by the longer table.
  EXPECT_EQ(second, store.of(early, Zone()));
}

TEST(Objects, OfMixedKindsAreRefusedByName) {
  World world;
  PlainField items{.list = true, .values = {}, .objects = {{{"n", number("1")}}}};
  world.person("ana", {{"items", items}});
  items.objects[0]["n"] = text("one");
  world.person("bo", {{"items", items}});
  EXPECT_NE(std::string::npos,
            world.ask("any items where (n = 1)").find("values of different kinds"));
  EXPECT_EQ("ana bo", world.ask("size(items) = 1"));
}

TEST(Objects, AreSeenInWhateverWayTheyAreAsked) {
  World world;
  const auto item = [](const char* sku, const char* qty) {
    return PlainFields{{"sku", text(sku)}, {"qty", number(qty)}};
  };
  world.person("ana", {{"items", {true, {}, {item("a", "1"), item("b", "5")}}}});
  world.person("bo", {{"items", {true, {}, {item("a", "5")}}}});
  world.person("cy");
  EXPECT_EQ("bo", world.ask("any items where (sku = \"a\" and qty = 5)"));
  EXPECT_EQ("ana bo", world.ask("any items where (sku = \"a\") and any items where (qty = 5)"));
  EXPECT_EQ("ana cy", world.ask("none items where (sku = \"a\" and qty = 5)"));
  EXPECT_EQ("ana bo", world.ask("all items where (qty between 1 and 5)"));
  EXPECT_EQ("cy", world.ask("items is missing"));
}

}  // namespace
}  // namespace muster::testing
