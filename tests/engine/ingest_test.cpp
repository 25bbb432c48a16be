// What an acknowledged batch promises: visible at once, once only, whole or not at all.
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::IngestRequest;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

PlainField number(std::int64_t value) { return {.list = false, .values = {Decimal{value, 0}}}; }

Row person(const std::string& id, const std::string& country) {
  return {{"profile_id", text(id)}, {"country", text(country)}};
}

Row visit(const std::string& id, const std::string& event_id, const std::string& page) {
  return event_row(id, {.id = event_id, .name = "visit", .time = kNow - kDayMs,
                        .properties = {{"page", text(page)}}});
}

class Ingest : public ::testing::Test {
 protected:
  std::uint64_t count(const std::string& where) {
    const auto answer = test_.count(question(where));
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer ? *answer : ~0ULL;
  }
  engine::IngestReceipt take(const Result<engine::IngestReceipt>& receipt) {
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    return receipt ? *receipt : engine::IngestReceipt{};
  }
  Result<engine::IngestReceipt> send(IngestRequest request) {
    return test_.engine().ingest(pass<Permission::Ingest>(), request);
  }
  IngestRequest profiles(const std::vector<Row>& rows) const {
    return {.table = TableKind::Profiles, .bytes = test_.spelling().write(rows)};
  }

  TestEngine test_{default_rows(), kNow};
};

TEST_F(Ingest, AnAcknowledgedBatchIsInTheNextAnswer) {
  for (int i = 0; i < 50; ++i) {
    const auto receipt = take(test_.profiles({person("p" + std::to_string(i), "FR")}));
    const auto answer =
        test_.engine().count(pass<Permission::Query>(), question("country = \"FR\""));
    ASSERT_TRUE(answer);
    EXPECT_EQ(static_cast<std::uint64_t>(i + 1), answer->count);
    EXPECT_GE(answer->snapshot, receipt.sequence);
    EXPECT_EQ(answer->universe, static_cast<std::uint64_t>(i + 1));
  }
}

TEST_F(Ingest, AReceiptCountsWhatCameAndWhatIsNew) {
  const auto first = take(test_.profiles({person("a", "FR"), person("b", "DE")}));
  EXPECT_EQ(2U, first.accepted);
  EXPECT_EQ(2U, first.created);
  EXPECT_EQ(0U, first.rejected);

  const auto second = take(test_.profiles({person("b", "FR"), person("c", "DE")}));
  EXPECT_EQ(2U, second.accepted);
  EXPECT_EQ(1U, second.created);
  EXPECT_GT(second.sequence, first.sequence);
  EXPECT_EQ(2U, count("country = \"FR\""));
}

TEST_F(Ingest, BadRowsAreNamedAndGoodOnesTaken) {
  const auto first = take(test_.profiles({{{"profile_id", text("a")}, {"age", number(3)}}}));
  EXPECT_EQ(0U, first.rejected);
  const auto receipt = take(test_.profiles({person("b", "FR"),
                                            {{"profile_id", text("c")}, {"age", text("old")}},
                                            {{"country", text("FR")}},
                                            person("d", "FR")}));
  EXPECT_EQ(2U, receipt.accepted);
  EXPECT_EQ(2U, receipt.rejected);
  ASSERT_EQ(2U, receipt.errors.size());
  EXPECT_EQ(2U, receipt.errors[0].line);
  EXPECT_NE(std::string::npos, receipt.errors[0].reason.find("age")) << receipt.errors[0].reason;
  EXPECT_EQ(3U, receipt.errors[1].line);
  EXPECT_EQ(3U, count("everyone"));
  EXPECT_EQ(2U, count("country = \"FR\""));
}

TEST_F(Ingest, AnEventIdCountsOnce) {
  take(test_.events({visit("a", "e1", "home"), visit("a", "e1", "home")}));
  EXPECT_EQ(1U, count("count(\"visit\") = 1"));

  const auto again = take(test_.events({visit("a", "e1", "home"), visit("a", "e2", "home")}));
  EXPECT_EQ(1U, again.skipped);
  EXPECT_EQ(1U, count("count(\"visit\") = 2"));
}

TEST_F(Ingest, AnEventOfAStrangerMakesAProfile) {
  const auto receipt = take(test_.events({visit("stranger", "e1", "home")}));
  EXPECT_EQ(1U, receipt.created);
  EXPECT_EQ(1U, count("everyone"));
}

TEST_F(Ingest, AnIdempotencyKeyWorksOnce) {
  IngestRequest request = profiles({person("a", "FR")});
  request.idempotency_key = "key-1";
  const auto first = take(send(request));
  EXPECT_FALSE(first.repeated);

  const auto second = take(send(request));
  EXPECT_TRUE(second.repeated);
  EXPECT_EQ(first.sequence, second.sequence);
  EXPECT_EQ(first.accepted, second.accepted);

  IngestRequest other = profiles({person("b", "FR")});
  other.idempotency_key = "key-1";
  const auto refused = send(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::Conflict, refused.error().code);
  EXPECT_EQ(1U, count("everyone"));
}

TEST_F(Ingest, AnIdempotencyKeySurvivesARestart) {
  IngestRequest request{.table = TableKind::Events,
                        .bytes = test_.spelling().write({visit("a", "", "home")}),
                        .idempotency_key = "key-1"};
  take(send(request));
  ASSERT_TRUE(test_.restart());
  EXPECT_TRUE(take(send(request)).repeated);
  EXPECT_EQ(1U, count("count(\"visit\") = 1"));
}

TEST_F(Ingest, AReplaceTakesAwayWhoIsAbsentAllAtOnce) {
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(person("p" + std::to_string(i), "FR"));
  take(test_.profiles(rows));

  rows.erase(rows.begin());
  IngestRequest first = profiles({rows.begin(), rows.begin() + 5});
  first.replace_id = "night-1";
  take(send(first));
  EXPECT_EQ(10U, count("everyone")) << "nothing goes before the last part";

  IngestRequest last = profiles({rows.begin() + 5, rows.end()});
  last.replace_id = "night-1";
  last.replace_last = true;
  const auto receipt = take(send(last));
  EXPECT_EQ(1U, receipt.removed);
  EXPECT_EQ(9U, count("everyone"));
  EXPECT_EQ(9U, count("country = \"FR\""));

  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(9U, count("everyone"));
}

TEST_F(Ingest, AReplaceThatLosesAFifthNeedsForce) {
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(person("p" + std::to_string(i), "FR"));
  take(test_.profiles(rows));

  IngestRequest request = profiles({rows.begin(), rows.begin() + 7});
  request.replace_id = "night-1";
  request.replace_last = true;
  const auto refused = send(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::Conflict, refused.error().code);
  EXPECT_EQ(10U, count("everyone"));

  request.replace_id = "night-2";
  request.force = true;
  EXPECT_EQ(3U, take(send(request)).removed);
  EXPECT_EQ(7U, count("everyone"));
}

TEST_F(Ingest, ADryRunChangesNothing) {
  IngestRequest request = profiles({person("a", "FR")});
  request.dry_run = true;
  EXPECT_EQ(1U, take(send(request)).accepted);
  EXPECT_EQ(0U, count("everyone"));
  EXPECT_EQ(0U, test_.memory_log().last_sequence());
}

TEST_F(Ingest, AnErasedPersonIsGoneAlsoAfterARestart) {
  take(test_.profiles({person("a", "FR"), person("b", "FR")}));
  take(test_.events({visit("a", "e1", "home")}));
  const auto receipt = test_.engine().erase(pass<Permission::Define>(), "a");
  ASSERT_TRUE(receipt) << receipt.error().message;
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_EQ(0U, count("did \"visit\""));
    EXPECT_FALSE(test_.engine().profile(pass<Permission::Members>(), "a"));
    ASSERT_TRUE(test_.restart());
  }
  const auto unknown = test_.engine().erase(pass<Permission::Define>(), "nobody");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(ErrorCode::NotFound, unknown.error().code);
}

// docs/decisions/0002-who-is-it.md: who was erased is not brought back by a late file.
TEST_F(Ingest, AnErasedPersonStaysRefused) {
  take(test_.profiles({person("a", "FR"), person("b", "FR")}));
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "a"));
  for (int life = 0; life < 2; ++life) {
    SCOPED_TRACE(life);
    const auto again = take(test_.profiles({person("a", "DE"), person("b", "DE")}));
    EXPECT_EQ(1U, again.accepted);
    EXPECT_EQ(1U, again.rejected);
    ASSERT_EQ(1U, again.errors.size());
    EXPECT_EQ(1U, again.errors[0].line);
    EXPECT_NE(std::string::npos, again.errors[0].reason.find("erased")) << again.errors[0].reason;
    EXPECT_EQ(1U, take(test_.events({visit("a", "", "home")})).rejected);
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_EQ(0U, count("did \"visit\""));
    ASSERT_TRUE(test_.restart());
  }
}

TEST_F(Ingest, UserInfoJoinsOnADeclaredIdentifier) {
  ASSERT_TRUE(test_.declare(R"({"identifiers": {"email": {"normalise": "email"}},
      "userinfo": {"crm": {"key": "mail", "identifier": "email"}}})"));
  take(test_.profiles({{{"profile_id", text("a")}, {"email", text("Ana@Example.com")}}}));
  const Row info{{"mail", text(" ana@example.com")}, {"tier", text("gold")}};
  const auto receipt = take(send({.table = TableKind::UserInfo,
                                  .name = "crm",
                                  .bytes = test_.spelling().write({info})}));
  EXPECT_EQ(0U, receipt.created);
  EXPECT_EQ(1U, count("everyone"));
  EXPECT_EQ(1U, count("crm.tier = \"gold\""));
}

TEST_F(Ingest, UnknownTablesAreRefusedWhole) {
  const auto refused = test_.entities("product", {{{"product_id", text("p1")}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::InvalidArgument, refused.error().code);
  EXPECT_EQ(0U, test_.memory_log().last_sequence());
}

}  // namespace
}  // namespace muster::testing
