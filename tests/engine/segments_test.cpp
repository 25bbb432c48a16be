// Saved segments: versions, references, cycles, and documents kept for others.
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "engine/segment_document.h"
#include "query/language/language.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::Permission;

class Segments : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"country", text("FR")}},
                                {{"profile_id", text("b")}, {"country", text("DE")}},
                                {{"profile_id", text("c")}, {"country", text("US")}}}));
  }
  Result<engine::Document> put(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).key("name").text(id).end_object();
    return test_.engine().put_segment(pass<Permission::Define>(), id, json.str());
  }
  Result<engine::Document> remove(const std::string& id) {
    return test_.engine().delete_segment(pass<Permission::Define>(), id);
  }
  std::string members(const std::string& where) {
    const auto answer = test_.members(question(where));
    if (!answer) return answer.error().message;
    std::string out;
    for (const std::string& id : *answer) out += id;
    return out;
  }

  TestEngine test_{default_rows(), 1'718'452'800'000};
};

TEST_F(Segments, KeepTheirVersions) {
  const auto first = put("french", "country = \"FR\"");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(1U, first->version);
  const auto second = put("french", "country in (\"FR\", \"DE\")");
  ASSERT_TRUE(second);
  EXPECT_EQ(2U, second->version);
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ("ab", members("in segment \"french\""));
    EXPECT_EQ("a", members("in segment \"french\" @1"));
    EXPECT_EQ("ab", members("in segment \"french\" @2"));
    EXPECT_EQ(2U, test_.engine().versions("segment", "french").size());
    EXPECT_EQ(1U, test_.engine().documents("segment").size());
    EXPECT_EQ(first->json, test_.engine().document("segment", "french", 1)->json);
    ASSERT_TRUE(test_.restart());
  }
}

TEST_F(Segments, ReadTheSameMomentWhenNested) {
  ASSERT_TRUE(put("french", "country = \"FR\""));
  ASSERT_TRUE(put("others", "not in segment \"french\""));
  EXPECT_EQ("bc", members("in segment \"others\""));
  ASSERT_TRUE(put("french", "country = \"DE\""));
  EXPECT_EQ("ac", members("in segment \"others\"")) << "the newest version of the inner one";
}

TEST_F(Segments, RefuseCycles) {
  ASSERT_TRUE(put("a", "country = \"FR\""));
  ASSERT_TRUE(put("b", "in segment \"a\""));
  ASSERT_TRUE(put("c", "in segment \"b\""));
  const auto cycle = put("a", "in segment \"c\" or country = \"DE\"");
  ASSERT_FALSE(cycle);
  EXPECT_EQ(ErrorCode::Conflict, cycle.error().code);
  EXPECT_NE(std::string::npos, cycle.error().message.find("'c' -> 'b' -> 'a' -> 'c'"))
      << cycle.error().message;
  const auto itself = put("d", "in segment \"d\"");
  EXPECT_FALSE(itself);
  EXPECT_EQ("a", members("in segment \"c\"")) << "the refused version changed nothing";
}

TEST_F(Segments, CannotGoWhileOthersReferToThem) {
  ASSERT_TRUE(put("inner", "country = \"FR\""));
  ASSERT_TRUE(put("outer", "in segment \"inner\""));
  const auto refused = remove("inner");
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::Conflict, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("outer")) << refused.error().message;

  ASSERT_TRUE(remove("outer"));
  ASSERT_TRUE(remove("inner"));
  EXPECT_TRUE(test_.engine().documents("segment").empty());
  const auto gone = test_.count(question("in segment \"inner\""));
  ASSERT_FALSE(gone);
  ASSERT_TRUE(test_.restart());
  EXPECT_FALSE(test_.count(question("in segment \"inner\"")));
}

TEST_F(Segments, AreCheckedWhenSaved) {
  const auto wrong = put("bad", "contry = \"FR\"");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(ErrorCode::InvalidArgument, wrong.error().code);
  EXPECT_NE(std::string::npos, wrong.error().message.find("country")) << wrong.error().message;
  EXPECT_FALSE(test_.engine().put_segment(pass<Permission::Define>(), "bad", "{\"where\""));
  EXPECT_TRUE(test_.engine().documents("segment").empty());
}

TEST(SegmentDocuments, KeepTheJsonSpellingAsItWas) {
  std::string deep = "amount > 0.1";
  for (int i = 0; i < 50; ++i) deep = "not " + deep;
  for (const std::string& where : {std::string("amount > 0.5 and amount < 12.50"),
                                   std::string("amount = 1.0e3 or id = 9007199254740993"), deep}) {
    const query::NodePtr tree = query::parse(where).value();
    const auto read = engine::parse_segment("{\"where\": " + query::to_json(tree) + "}");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(query::print(tree), read->where);
  }
}

TEST_F(Segments, CheckTellsErrorsAsAnAnswer) {
  const auto good = test_.engine().check(pass<Permission::Query>(), question("country = 'FR'"));
  EXPECT_TRUE(good.valid);
  EXPECT_EQ("country = \"FR\"", good.canonical);
  EXPECT_FALSE(good.json.empty());
  const auto same = test_.engine().check(pass<Permission::Query>(), question(good.json));
  EXPECT_EQ(good.hash, same.hash) << "the JSON spelling is the same segment";

  const auto bad = test_.engine().check(pass<Permission::Query>(), question("country ="));
  EXPECT_FALSE(bad.valid);
  ASSERT_EQ(1U, bad.errors.size());
  ASSERT_FALSE(bad.errors[0].details.empty());
  EXPECT_EQ(1U, bad.errors[0].details[0].line);
  EXPECT_EQ(10U, bad.errors[0].details[0].column);
}

TEST(Check, WarnsOfNewcomersInDidNot) {
  TestEngine test(default_rows(), 1'718'452'800'000);  // 2024-06-15T12:00:00Z
  const auto event = [](const char* who, const char* name, const char* time) {
    return Row{{"profile_id", text(who)}, {"type", text(name)}, {"ts", text(time)}};
  };
  ASSERT_TRUE(test.events({event("old", "visit", "2024-01-01T00:00:00Z"),
                           event("old", "visit", "2024-06-10T00:00:00Z"),
                           event("new", "visit", "2024-06-10T00:00:00Z"),
                           event("buyer", "order", "2024-06-10T00:00:00Z")}));
  ASSERT_TRUE(test.profiles({{{"profile_id", text("quiet")}}}));
  const auto warnings = [&](const std::string& where) {
    return test.engine().check(pass<Permission::Query>(), question(where)).warnings;
  };
  const std::vector<std::string> one = {
      "1 of those in 'did not \"order\" in last 30d' did their first event of all within its "
      "window: they are new"};
  EXPECT_EQ(one, warnings("did not \"order\" in last 30d"));
  EXPECT_EQ(one, warnings("did not \"order\" in last 30d and did \"visit\""));
  EXPECT_TRUE(warnings("did not \"order\"").empty());
  EXPECT_TRUE(warnings("did not \"order\" in last 1d").empty());
  EXPECT_TRUE(warnings("did not \"order\" before 30d ago").empty());
}

TEST_F(Segments, ExplainSaysWhatAPersonHas) {
  const auto why = test_.engine().explain(pass<Permission::Members>(),
                                          question("country = \"FR\" or country = \"DE\""), "b");
  ASSERT_TRUE(why) << why.error().message;
  EXPECT_TRUE(why->member);
  ASSERT_EQ(2U, why->root.children.size());
  EXPECT_FALSE(why->root.children[0].holds);
  EXPECT_TRUE(why->root.children[1].holds);
  EXPECT_NE(std::string::npos, why->root.children[1].value.find("DE"))
      << why->root.children[1].value;
  EXPECT_FALSE(test_.engine().explain(pass<Permission::Members>(), question("everyone"), "zz"));
}

TEST_F(Segments, ListsHoldWhoIsKnown) {
  const auto receipt =
      test_.engine().put_list(pass<Permission::Define>(), "staff", {.members = {"a", "x", "c"}});
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(2U, receipt->matched);
  EXPECT_EQ(1U, receipt->unmatched);
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ("ac", members("in list \"staff\""));
    EXPECT_EQ("b", members("not in list \"staff\""));
    ASSERT_TRUE(test_.restart());
  }
}

TEST_F(Segments, DocumentsAreWrittenOverOnlyByWhoSawTheNewest) {
  engine::Engine& engine = test_.engine();
  const auto admin = pass<Permission::Activate>();
  ASSERT_TRUE(engine.put_document(admin, {.kind = "sync", .id = "s", .json = "{\"a\":1}"}));
  const auto seen = engine.put_document(
      admin, {.kind = "sync", .id = "s", .json = "{\"a\":2}", .expected_version = 1});
  ASSERT_TRUE(seen) << seen.error().message;
  const auto late = engine.put_document(
      admin, {.kind = "sync", .id = "s", .json = "{\"a\":3}", .expected_version = 1});
  ASSERT_FALSE(late);
  EXPECT_EQ(ErrorCode::Conflict, late.error().code);
  EXPECT_EQ("{\"a\":2}", engine.document("sync", "s")->json);
}

TEST_F(Segments, OutcomesComeBackInOrderAfterARestart) {
  ASSERT_TRUE(test_.engine().record_outcome(pass<Permission::Activate>(), "s1", {"one", "two"}));
  ASSERT_TRUE(test_.engine().record_outcome(pass<Permission::Activate>(), "s2", {"other"}));
  ASSERT_TRUE(test_.engine().record_outcome(pass<Permission::Activate>(), "s1", {"three"}));
  ASSERT_TRUE(test_.restart());
  std::string seen;
  ASSERT_TRUE(test_.engine().outcomes(pass<Permission::Activate>(), "s1",
                                      [&seen](std::string_view payload) -> Status {
                                        seen += std::string(payload) + " ";
                                        return Ok();
                                      }));
  EXPECT_EQ("one two three ", seen);
}

TEST(Pass, IsRefusedWithoutTheScope) {
  const engine::Access reader("reader", engine::Scopes().with(Permission::Query));
  EXPECT_TRUE(reader.require<Permission::Query>());
  const auto refused = reader.require<Permission::Ingest>();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::PermissionDenied, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("ingest")) << refused.error().message;
}

}  // namespace
}  // namespace muster::testing
