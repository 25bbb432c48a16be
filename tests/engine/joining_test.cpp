// Two ids turn out to be one person: what the one did and was is the other's from then on, whatever
// comes later, after every restart, and until they are erased.
#include <gtest/gtest.h>

#include "base/time.h"
#include "storage/checkpoint_store.h"
#include "storage/suppression.h"
#include "tests/engine/count_of.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::IngestReceipt;
using engine::IngestRequest;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

Row visit(const std::string& who, const std::string& id) {
  return {{"event_id", text(id)},
          {"profile_id", text(who)},
          {"type", text("visit")},
          {"ts", text("2024-06-01T00:00:00Z")}};
}

Row anonymous(const std::string& who, const std::string& id) {
  return {{"profile", text(who)}, {"anonymous", text(id)}};
}

Row previous(const std::string& who, const std::string& id) {
  return {{"profile", text(who)}, {"previous", text(id)}};
}

class Joining : public ::testing::Test {
 protected:
  void SetUp() override {
    suppression_ = storage::Suppression::in_memory();
    test_.suppress_with(*suppression_);
    test_.keep_checkpoints(checkpoints_);
    ASSERT_TRUE(test_.restart());
  }
  void declare(const std::string& json) {
    const auto declared = test_.declare(json);
    ASSERT_TRUE(declared) << declared.error().message;
  }
  IngestReceipt join(const std::vector<Row>& rows) {
    const auto receipt = test_.engine().ingest(
        pass<Permission::Ingest>(),
        {.table = TableKind::Identities, .bytes = test_.spelling().write(rows)});
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    return receipt ? *receipt : IngestReceipt{};
  }
  std::uint64_t count(const std::string& where) { return count_of(test_, where); }
  std::string id_of(const std::string& id) {
    const auto answer = test_.engine().profile(pass<Permission::Members>(), id);
    return answer ? answer->profile_id : "";
  }
  // The same state from the log alone, and from a checkpoint.
  void expect_replayed() {
    const auto state = [&] {
      return test_.engine().fingerprint(pass<Permission::Admin>()).value();
    };
    const auto before = state();
    test_.start_from(engine::Base::Nothing);
    ASSERT_TRUE(test_.restart());
    EXPECT_EQ(before, state());
    ASSERT_TRUE(test_.take_checkpoint());
    test_.start_from(engine::Base::NewestCheckpoint);
    ASSERT_TRUE(test_.restart());
    EXPECT_EQ(before, state());
  }

  TemporaryFolder folder_;
  const storage::CheckpointStore checkpoints_{folder_.path()};
  std::unique_ptr<storage::Suppression> suppression_;
  TestEngine test_{default_rows(), kNow};
};

TEST_F(Joining, MovesEventsAndFillsInWhatIsMissing) {
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("anon")},
                               {"plan", text("free")},
                               {"source", text("ad")},
                               {"tags", PlainField{.list = true, .values = {std::string("x")}}}},
                              {{"profile_id", text("ana")}, {"plan", text("pro")}}}));
  ASSERT_TRUE(test_.events({visit("anon", "1"), visit("ana", "2"), visit("anon", "3")}));
  EXPECT_EQ(2U, count("everyone"));
  EXPECT_EQ(1U, join({anonymous("ana", "anon")}).accepted);
  const auto check = [&] {
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_EQ(1U, count("plan = \"pro\" and source = \"ad\" and any tags = \"x\""));
    EXPECT_EQ(0U, count("plan = \"free\""));
    EXPECT_EQ(1U, count("count(\"visit\") = 3"));
    EXPECT_EQ("ana", id_of("anon"));
  };
  check();
  expect_replayed();
  check();
}

TEST_F(Joining, LaterRowsByTheOldIdAreThePersons) {
  ASSERT_TRUE(test_.events({visit("anon", "1")}));
  join({anonymous("ana", "anon"), anonymous("ana", "tablet")});
  ASSERT_TRUE(test_.events({visit("anon", "2"), visit("tablet", "3"), visit("ana", "4")}));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("tablet")}, {"plan", text("pro")}}}));
  EXPECT_EQ(1U, count("everyone"));
  EXPECT_EQ(1U, count("count(\"visit\") = 4 and plan = \"pro\""));
  expect_replayed();
  ASSERT_TRUE(test_.events({visit("anon", "5")}));
  EXPECT_EQ(1U, count("count(\"visit\") = 5"));
}

TEST_F(Joining, TwoUsersOfOneDeviceStayTwo) {
  join({anonymous("ana", "device")});
  const auto receipt = join({anonymous("bo", "device")});
  EXPECT_EQ(1U, receipt.accepted);
  ASSERT_TRUE(test_.events({visit("device", "1")}));
  EXPECT_EQ(2U, count("everyone"));
  EXPECT_EQ("ana", id_of("device"));
  EXPECT_EQ("bo", id_of("bo"));
  // An alias says that it is so: where it is not, somebody has to hear of it.
  const auto refused = join({previous("bo", "device")});
  ASSERT_EQ(1U, refused.rejected);
  EXPECT_NE(std::string::npos, refused.errors[0].reason.find("another user"));
}

TEST_F(Joining, JoinsOfJoinsLeadToOnePersonAndCirclesAreRefused) {
  ASSERT_TRUE(test_.events({visit("a", "1"), visit("b", "2"), visit("c", "3")}));
  EXPECT_EQ(2U, join({previous("b", "a"), previous("c", "b")}).accepted);
  EXPECT_EQ(1U, count("count(\"visit\") = 3"));
  EXPECT_EQ("c", id_of("a"));
  // Said again, it is no news; the other way round, it is a circle, in one batch too.
  EXPECT_EQ(0U, join({previous("c", "a"), previous("b", "a")}).rejected);
  EXPECT_EQ(1U, join({previous("a", "c")}).rejected);
  const auto circle = join({previous("y", "x"), previous("x", "y"), previous("x", "x")});
  ASSERT_EQ(1U, circle.rejected);
  EXPECT_EQ(2U, circle.errors[0].line);
  EXPECT_EQ("y", id_of("x"));
  expect_replayed();
}

TEST_F(Joining, IdentifiersGoAlongAndEachLeadsToThePerson) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}},
              "userinfo": {"crm": {"key": "mail", "identifier": "email"}}})");
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("anon")}, {"email", text("old@example.com")}},
                              {{"profile_id", text("ana")}, {"email", text("new@example.com")}}}));
  join({anonymous("ana", "anon")});
  const auto by_mail = [&](const std::string& mail) {
    const auto receipt = test_.engine().ingest(
        pass<Permission::Ingest>(),
        {.table = TableKind::UserInfo,
         .name = "crm",
         .bytes = test_.spelling().write({{{"mail", text(mail)}, {"tier", text(mail)}}})});
    ASSERT_TRUE(receipt) << receipt.error().message;
  };
  by_mail("old@example.com");
  EXPECT_EQ(1U, count("crm.tier = \"old@example.com\" and email = \"new@example.com\""));
  by_mail("new@example.com");
  EXPECT_EQ(1U, count("crm.tier = \"new@example.com\""));
  EXPECT_EQ(1U, count("everyone"));
  // Nobody else may have it, and erasing the person keeps all of it out.
  const auto taken = test_.profiles(
      {{{"profile_id", text("bo")}, {"email", text("old@example.com")}}});
  ASSERT_TRUE(taken);
  EXPECT_EQ(1U, taken->rejected);
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "ana"));
  const auto again = test_.profiles(
      {{{"profile_id", text("bo")}, {"email", text("old@example.com")}}});
  ASSERT_TRUE(again);
  EXPECT_EQ(1U, again->rejected);
}

TEST_F(Joining, APersonMayClaimWhatIsTheirsByAnyId) {
  declare(R"({"identifiers": {"email": {"normalise": "email"}}})");
  join({anonymous("ana", "anon")});
  const auto claimed = test_.profiles(
      {{{"profile_id", text("anon")}, {"email", text("ana@example.com")}},
       {{"profile_id", text("ana")}, {"email", text("ana@example.com")}},
       {{"profile_id", text("bo")}, {"email", text("ana@example.com")}}});
  ASSERT_TRUE(claimed);
  EXPECT_EQ(2U, claimed->accepted);
  ASSERT_EQ(1U, claimed->rejected);
  EXPECT_EQ(3U, claimed->errors[0].line);
}

TEST_F(Joining, RowsThatWaitAreReleased) {
  declare(R"({"unknown": "hold"})");
  ASSERT_TRUE(test_.events({visit("anon", "1"), visit("ana", "2")}));
  EXPECT_EQ(0U, count("everyone"));
  join({anonymous("ana", "anon")});
  EXPECT_EQ(1U, count("count(\"visit\") = 2"));
  expect_replayed();
  EXPECT_EQ(1U, count("count(\"visit\") = 2"));
}

TEST_F(Joining, ErasingOneErasesAllAndKeepsThemOut) {
  ASSERT_TRUE(test_.events({visit("anon", "1"), visit("tablet", "2"), visit("bo", "3")}));
  join({anonymous("ana", "anon"), anonymous("ana", "tablet"), previous("ana", "never-seen")});
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "anon"));
  const auto check = [&] {
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_EQ(1U, count("did \"visit\""));
    const auto late = test_.events({visit("anon", "4"), visit("tablet", "5"), visit("ana", "6"),
                                    visit("never-seen", "7")});
    ASSERT_TRUE(late);
    EXPECT_EQ(4U, late->rejected);
    const auto joined = join({anonymous("bo", "tablet")});
    EXPECT_EQ(1U, joined.rejected);
    for (const char* id : {"ana", "anon", "tablet", "never-seen"}) {
      EXPECT_TRUE(test_.engine().erasure(pass<Permission::Define>(), id)) << id;
    }
  };
  check();
  expect_replayed();
  check();
}

TEST_F(Joining, AnOlderLogErasesTheIdsThatItHasApart) {
  ASSERT_TRUE(test_.events({visit("anon", "1"), visit("ana", "2"), visit("bo", "3")}));
  TestEngine older{default_rows(), kNow};
  older.suppress_with(*suppression_);
  join({anonymous("ana", "anon")});
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "ana"));
  ASSERT_TRUE(older.events({visit("bo", "3")}));
  ASSERT_TRUE(older.restart());
  const auto late = older.events({visit("anon", "1"), visit("ana", "2")});
  ASSERT_TRUE(late);
  EXPECT_EQ(2U, late->rejected);
}

TEST_F(Joining, CompactionTakesTheIdsOutOfTheLog) {
  ASSERT_TRUE(test_.events({visit("anon-marked", "1"), visit("bo", "2")}));
  join({anonymous("ana-marked", "anon-marked"), anonymous("bo", "other")});
  ASSERT_TRUE(test_.events({visit("anon-marked", "3")}));
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "ana-marked"));
  const auto receipt = test_.compact_erased();
  ASSERT_TRUE(receipt) << receipt.error().message;
  ASSERT_TRUE(test_.memory_log().read(1, [](std::uint64_t sequence, std::string_view bytes) {
    const auto record = storage::decode(bytes);
    EXPECT_TRUE(record);
    if (const auto* batch = std::get_if<storage::DataBatch>(&record->body)) {
      EXPECT_EQ(std::string::npos, batch->raw.find("marked")) << sequence;
    }
    if (const auto* erasure = std::get_if<storage::Erasure>(&record->body)) {
      EXPECT_EQ("", erasure->profile_id);
    }
    return Status(Ok{});
  }));
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(1U, count("everyone"));
  EXPECT_EQ("bo", id_of("other"));
  const auto late = test_.events({visit("anon-marked", "4"), visit("ana-marked", "5")});
  ASSERT_TRUE(late);
  EXPECT_EQ(2U, late->rejected);
}

TEST_F(Joining, APersonHasTenThousandIdsAtMost) {
  std::vector<Row> rows;
  for (int i = 0; i < 10'001; ++i) rows.push_back(anonymous("ana", "id" + std::to_string(i)));
  const auto receipt = join(rows);
  EXPECT_EQ(10'000U, receipt.accepted);
  ASSERT_EQ(1U, receipt.rejected);
  EXPECT_NE(std::string::npos, receipt.errors[0].reason.find("10,000"));
  EXPECT_EQ(1U, join({previous("zoe", "ana")}).rejected);
}

TEST_F(Joining, ListsFollow) {
  ASSERT_TRUE(test_.events({visit("anon", "1"), visit("ana", "2")}));
  ASSERT_TRUE(test_.engine().put_list(pass<Permission::Define>(), "vips",
                                      {.identifier = "profile_id", .members = {"anon"}}));
  join({anonymous("ana", "anon")});
  EXPECT_EQ(1U, count("in list \"vips\" and count(\"visit\") = 2"));
  expect_replayed();
}

}  // namespace
}  // namespace muster::testing
