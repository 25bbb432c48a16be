// Rows of several tables in one commit: in their order, all or none, and nothing for what is known.
#include <gtest/gtest.h>

#include "tests/engine/count_of.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::IngestReceipt;
using engine::IngestRequest;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

Row person(const std::string& id, const std::string& plan) {
  return {{"profile_id", text(id)}, {"plan", text(plan)}};
}

Row visit(const std::string& who, const std::string& id, const std::string& page) {
  return {{"event_id", text(id)},
          {"profile_id", text(who)},
          {"type", text("visit")},
          {"ts", text("2024-06-01T00:00:00Z")},
          {"page", text(page)}};
}

Row call(const std::string& id, const std::string& who) {
  return {{"call", text(id)}, {"profile", text(who)}};
}

class IngestTogether : public ::testing::Test {
 protected:
  IngestRequest part(TableKind table, const std::vector<Row>& rows) {
    return {.table = table, .bytes = test_.spelling().write(rows), .event_id_is_enough = true};
  }
  Result<std::vector<IngestReceipt>> send(std::vector<IngestRequest> parts) {
    return test_.engine().ingest_together(pass<Permission::Ingest>(), names(), std::move(parts));
  }
  engine::RowNames names() { return test_.engine().row_names(pass<Permission::Ingest>()); }
  std::uint64_t count(const std::string& where) { return count_of(test_, where); }

  TestEngine test_{default_rows(), kNow};
};

TEST_F(IngestTogether, TakesTheTablesInTheirOrder) {
  ASSERT_TRUE(test_.declare(R"({"unknown": "reject"})"));
  const auto receipts = send({part(TableKind::Profiles, {person("ana", "pro")}),
                              part(TableKind::Events, {visit("ana", "1", "x")})});
  ASSERT_TRUE(receipts) << receipts.error().message;
  EXPECT_EQ(1U, (*receipts)[0].accepted);
  EXPECT_EQ(1U, (*receipts)[1].accepted);
  EXPECT_EQ((*receipts)[0].sequence + 1, (*receipts)[1].sequence);
  EXPECT_EQ(1U, count("plan = \"pro\" and did \"visit\""));
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(1U, count("plan = \"pro\" and did \"visit\""));
}

TEST_F(IngestTogether, PassesOverWhatAKnownCallSays) {
  const auto first = send({part(TableKind::Identities, {call("m", "ana")}),
                           part(TableKind::Profiles, {person("ana", "free")})});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(test_.profiles({person("ana", "pro")}));
  for (int life = 0; life < 2; ++life) {
    const std::uint64_t before = test_.memory_log().last_sequence();
    const auto again = send({part(TableKind::Identities, {call("m", "ana")}),
                             part(TableKind::Profiles, {person("ana", "free")}),
                             part(TableKind::Events, {})});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(1U, (*again)[0].skipped);
    EXPECT_EQ(1U, (*again)[1].skipped);
    EXPECT_EQ(1U, count("plan = \"pro\""));
    EXPECT_EQ(before, test_.memory_log().last_sequence()) << "it said nothing new";
    ASSERT_TRUE(test_.restart());
  }
}

TEST_F(IngestTogether, AnEventKnownByItsIdIsTheSameWhateverItSays) {
  ASSERT_TRUE(send({part(TableKind::Events, {visit("ana", "1", "x")})}));
  const auto again = send({part(TableKind::Events, {visit("ana", "1", "y")})});
  ASSERT_TRUE(again);
  EXPECT_EQ(1U, (*again)[0].skipped);
  EXPECT_EQ(0U, (*again)[0].rejected);
  EXPECT_EQ(1U, count("count(\"visit\") = 1 and did \"visit\" where (page = \"x\")"));
  const auto other = test_.events({visit("ana", "1", "y")});
  ASSERT_TRUE(other);
  EXPECT_EQ(1U, other->rejected) << "of all others it has to say the same";
}

TEST_F(IngestTogether, ListsWhatTheWriterRefused) {
  IngestRequest request = part(TableKind::Events, {visit("ana", "1", "x")});
  request.refused = {{7, "is no call"}};
  ASSERT_TRUE(send({request}));
  const auto check = [&] {
    const auto rejected = test_.engine().rejected(pass<Permission::Query>(), 10);
    ASSERT_EQ(1U, rejected.size());
    EXPECT_EQ(7U, rejected[0].line);
    EXPECT_EQ("is no call", rejected[0].reason);
    EXPECT_EQ(1U, count("did \"visit\""));
  };
  check();
  ASSERT_TRUE(test_.restart());
  check();
}

TEST_F(IngestTogether, RefusesRowsForAnotherDeclaration) {
  const engine::RowNames before = names();
  ASSERT_TRUE(test_.declare(R"({"profiles": {"id": "key"}})"));
  EXPECT_NE(before, names());
  const auto late = test_.engine().ingest_together(
      pass<Permission::Ingest>(), before, {part(TableKind::Profiles, {person("ana", "pro")})});
  ASSERT_FALSE(late);
  EXPECT_EQ(ErrorCode::Conflict, late.error().code);
  EXPECT_EQ(0U, count("everyone"));
}

TEST_F(IngestTogether, RefusesWhatIsNoPlainBatch) {
  IngestRequest keyed = part(TableKind::Profiles, {person("ana", "pro")});
  keyed.idempotency_key = "k";
  IngestRequest dry = part(TableKind::Profiles, {person("ana", "pro")});
  dry.dry_run = true;
  for (const IngestRequest& request : {keyed, dry}) {
    const auto refused = send({part(TableKind::Events, {visit("ana", "1", "x")}), request});
    ASSERT_FALSE(refused);
    EXPECT_EQ(ErrorCode::Unsupported, refused.error().code);
  }
  EXPECT_EQ(0U, count("everyone"));
}

}  // namespace
}  // namespace muster::testing
