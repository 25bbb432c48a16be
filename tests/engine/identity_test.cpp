// Who is it: rows join on any declared identifier, and the declaration says what to do with
// people nobody knows.
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/engine/count_of.h"
#include "tests/support/row_spelling.h"

namespace muster::testing {
namespace {

using engine::IngestReceipt;
using engine::IngestRequest;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

PlainField number(Decimal value) { return {.list = false, .values = {value}}; }

Row visit(const std::string& key, const std::string& who, Decimal amount) {
  return {{key, text(who)},
          {"type", text("visit")},
          {"ts", text("2024-06-01T00:00:00Z")},
          {"amount", number(amount)}};
}

class Identity : public ::testing::Test {
 protected:
  void declare(const std::string& json) {
    const auto declared = test_.declare(json);
    ASSERT_TRUE(declared) << declared.error().message;
  }
  Result<IngestReceipt> send(TableKind table, const std::string& name,
                             const std::vector<Row>& rows) {
    return test_.engine().ingest(
        pass<Permission::Ingest>(),
        {.table = table, .name = name, .bytes = test_.spelling().write(rows)});
  }
  std::uint64_t count(const std::string& where) { return count_of(test_, where); }

  TestEngine test_{default_rows(), kNow};
};

TEST_F(Identity, EventsJoinOnADeclaredIdentifierInAnySpelling) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}},
              "events": {"profile": "who", "identifier": "email"}})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"email", text("Ana@Example.com")}}}));
  const auto receipt = test_.events({visit("who", " ana@example.COM", {5, 0})});
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(0U, receipt->created);
  EXPECT_EQ(1U, count("did \"visit\" and email = \"Ana@Example.com\""));
}

TEST_F(Identity, AnUnknownIdentifierCreatesAProfileThatHoldsIt) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}},
              "events": {"profile": "who", "identifier": "email"}})");
  const auto receipt =
      test_.events({visit("who", "new@example.com", {5, 0}),
                    visit("who", "new@example.com", {6, 0})});
  ASSERT_TRUE(receipt);
  EXPECT_EQ(1U, receipt->created);
  EXPECT_EQ(1U, count("count(\"visit\") = 2 and email = \"new@example.com\""));
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(1U, count("count(\"visit\") = 2 and email = \"new@example.com\""));
}

TEST_F(Identity, AnIdentifierBelongsToOneProfile) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}}})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"email", text("x@example.com")}}}));
  const auto receipt =
      test_.profiles({{{"profile_id", text("b")}, {"email", text("X@example.com")}},
                      {{"profile_id", text("c")}, {"email", text("c@example.com")}},
                      {{"profile_id", text("d")}, {"email", text("c@example.com")}}});
  ASSERT_TRUE(receipt);
  EXPECT_EQ(1U, receipt->accepted);
  ASSERT_EQ(2U, receipt->rejected);
  EXPECT_EQ(1U, receipt->errors[0].line);
  EXPECT_EQ(3U, receipt->errors[1].line);
  EXPECT_EQ(2U, count("everyone"));
}

TEST_F(Identity, AnIdentifierGivenUpCanBeTakenByAnother) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}}})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"email", text("x@example.com")}}}));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"email", text("y@example.com")}}}));
  const auto receipt =
      test_.profiles({{{"profile_id", text("b")}, {"email", text("x@example.com")}}});
  ASSERT_TRUE(receipt);
  EXPECT_EQ(0U, receipt->rejected);
}

TEST_F(Identity, UserInfoJoinsAndStandsUnderItsSource) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}},
              "userinfo": {"crm": {"key": "mail", "identifier": "email"}}})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"email", text("a@example.com")}}}));
  const auto receipt = send(TableKind::UserInfo, "crm",
                            {{{"mail", text("A@example.com")}, {"tier", text("gold")}}});
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(0U, receipt->created);
  EXPECT_EQ(1U, count("crm.tier = \"gold\""));
  const auto unknown = send(TableKind::UserInfo, "erp", {{{"mail", text("a@example.com")}}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(ErrorCode::InvalidArgument, unknown.error().code);
}

TEST_F(Identity, UnknownPeopleAreRejectedWhenTheDeclarationSaysSo) {
  declare(R"({"unknown": "reject"})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}}}));
  const auto receipt =
      test_.events({visit("profile_id", "a", {5, 0}), visit("profile_id", "b", {5, 0})});
  ASSERT_TRUE(receipt);
  EXPECT_EQ(1U, receipt->accepted);
  EXPECT_EQ(1U, receipt->rejected);
  EXPECT_EQ(1U, count("did \"visit\""));
  EXPECT_EQ(1U, count("everyone"));
}

TEST_F(Identity, HeldRowsCountOnceTheirProfileComes) {
  declare(R"({"unknown": "hold"})");
  ASSERT_TRUE(test_.events({visit("profile_id", "a", {5, 0}), visit("profile_id", "b", {7, 0})}));
  // A wider scale meanwhile: what waits is brought to it.
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("c")}}}));
  ASSERT_TRUE(test_.events({visit("profile_id", "c", {125, 2})}));
  EXPECT_EQ(1U, count("everyone"));
  EXPECT_EQ(1U, count("did \"visit\""));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}}}));
  EXPECT_EQ(1U, count("sum(amount of \"visit\") = 5"));
  EXPECT_EQ(2U, count("did \"visit\""));
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(2U, count("did \"visit\""));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("b")}}}));
  EXPECT_EQ(1U, count("sum(amount of \"visit\") = 7"));
  EXPECT_EQ(1U, count("sum(amount of \"visit\") = 1.25"));
}

TEST_F(Identity, NumbersWidenWithoutLosingADigit) {
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"score", number({7, 0})}}}));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("b")}, {"score", number({725, 2})}}}));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("c")}, {"score", number({7, 0})}}}));
  EXPECT_EQ(2U, count("score = 7"));
  EXPECT_EQ(1U, count("score > 7.2 and score < 7.3"));
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(2U, count("score = 7"));
  EXPECT_EQ(1U, count("score = 7.25"));
}

TEST_F(Identity, AFieldKeepsItsTypeAndTheRowThatDiffersIsNamed) {
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("a")}, {"plan", text("gold")}}}));
  const auto receipt = test_.profiles({{{"profile_id", text("b")}, {"plan", number({3, 0})}}});
  ASSERT_TRUE(receipt);
  ASSERT_EQ(1U, receipt->rejected);
  EXPECT_EQ("'plan' has a whole number where string was inferred from earlier data",
            receipt->errors[0].reason);
  EXPECT_EQ(1U, count("everyone")) << "a rejected row creates nobody";
  const auto declared = test_.declare(R"({"fields": {"profiles.plan": {"type": "int64"}}})");
  ASSERT_FALSE(declared);
  EXPECT_EQ(ErrorCode::Conflict, declared.error().code);
}

}  // namespace
}  // namespace muster::testing
