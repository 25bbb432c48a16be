// Who was erased stays away: late rows, other ids with the same address, refreshes, crashes, older
// logs.
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/engine/count_of.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"

namespace muster::testing {
namespace {

using engine::IngestRequest;
using engine::Permission;
using storage::Suppression;
using storage::TableKind;

constexpr TimeMs kNow = 1'718'452'800'000;  // 2024-06-15T12:00:00Z

Row person(const std::string& id, const std::string& email) {
  return {{"profile_id", text(id)}, {"email", text(email)}};
}

Row visit_by(const std::string& email) {
  return {{"email", text(email)}, {"type", text("visit")}, {"ts", text("2024-06-14T12:00:00Z")}};
}

class Erasure : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Suppression::open(file_);
    ASSERT_TRUE(opened);
    suppression_ = std::move(*opened);
    test_.suppress_with(*suppression_);
    ASSERT_TRUE(test_.restart());
  }
  // As a new process would: the file, the log and nothing else.
  void restart() {
    auto opened = Suppression::open(file_);
    ASSERT_TRUE(opened) << opened.error().message;
    suppression_ = std::move(*opened);
    test_.suppress_with(*suppression_);
    const Status restarted = test_.restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
  }
  void by_email(const std::string& unknown) {
    const Status declared = test_.declare(
        R"({"identifiers": {"email": {"normalise": "email"}},
            "events": {"profile": "email", "identifier": "email"}, "unknown": ")" +
        unknown + R"("})");
    ASSERT_TRUE(declared) << declared.error().message;
  }
  engine::ErasureReceipt erase(const std::string& id) {
    const auto receipt = test_.engine().erase(pass<Permission::Define>(), id);
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    return receipt ? *receipt : engine::ErasureReceipt{};
  }
  std::uint64_t count(const std::string& where) { return count_of(test_, where); }
  std::uint64_t accepted(const Result<engine::IngestReceipt>& receipt) {
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    return receipt ? receipt->accepted : ~0ULL;
  }

  TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "suppression";
  std::unique_ptr<Suppression> suppression_;
  TestEngine test_{default_rows(), kNow};
};

TEST_F(Erasure, ALateEventByTheAddressMakesNobody) {
  by_email("create");
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "Ana@example.com"),
                                         person("b", "ben@example.com")})));
  EXPECT_EQ(2U, erase("a").suppressed);
  for (int life = 0; life < 3; ++life) {
    SCOPED_TRACE(life);
    EXPECT_EQ(1U, accepted(test_.events({visit_by(" ana@Example.com"),
                                         visit_by("ben@example.com")})));
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_EQ(1U, count("did \"visit\""));
    restart();
  }
}

TEST_F(Erasure, NobodyElseBringsTheAddressBack) {
  by_email("create");
  ASSERT_EQ(1U, accepted(test_.profiles({person("a", "ana@example.com")})));
  erase("a");
  restart();
  const auto again = test_.profiles({person("c", "ANA@example.com"), person("d", "d@example.com"),
                                     person("a", "new@example.com")});
  ASSERT_TRUE(again);
  EXPECT_EQ(1U, again->accepted);
  ASSERT_EQ(2U, again->errors.size());
  EXPECT_EQ("has a value in 'email' of a profile that was erased; it is not taken in again",
            again->errors[0].reason);
  EXPECT_EQ(3U, again->errors[1].line);
  EXPECT_EQ(1U, count("everyone"));
}

// An address that has gone to somebody else before the erasure is that person's.
TEST_F(Erasure, AnAddressThatHadMovedOnStays) {
  by_email("create");
  ASSERT_EQ(1U, accepted(test_.profiles({person("a", "x@example.com")})));
  ASSERT_EQ(1U, accepted(test_.profiles({person("a", "ana@example.com")})));
  ASSERT_EQ(1U, accepted(test_.profiles({person("b", "x@example.com")})));
  erase("a");
  restart();
  EXPECT_EQ(1U, accepted(test_.events({visit_by("x@example.com")})));
  EXPECT_EQ(1U, count("did \"visit\""));
}

TEST_F(Erasure, ARefreshOfTheTableDoesNotBringAnybodyBack) {
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "a@example.com"),
                                         person("b", "b@example.com")})));
  IngestRequest refresh{.table = TableKind::Profiles, .replace_id = "r", .force = true};
  refresh.bytes = test_.spelling().write({person("a", "a@example.com")});
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), refresh));
  erase("a");  // Part of it waits already.
  refresh.bytes = test_.spelling().write({person("a", "z@example.com"),
                                          person("b", "b@example.com")});
  refresh.replace_last = true;
  const auto done = test_.engine().ingest(pass<Permission::Ingest>(), refresh);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(1U, done->accepted);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(1U, count("everyone"));
    EXPECT_FALSE(test_.engine().profile(pass<Permission::Members>(), "a"));
    restart();
  }
}

TEST_F(Erasure, RowsThatWaitForAPersonGoWithThem) {
  const Status declared = test_.declare(R"({"unknown": "hold"})");
  ASSERT_TRUE(declared) << declared.error().message;
  const Row late = event_row("a", {.id = "", .name = "visit", .time = kNow - kDayMs});
  ASSERT_EQ(1U, accepted(test_.events({late})));
  EXPECT_EQ(1U, erase("a").suppressed);
  EXPECT_EQ(0U, accepted(test_.profiles({person("a", "a@example.com")})));
  EXPECT_EQ(0U, accepted(test_.events({late})));
  restart();
  EXPECT_EQ(0U, count("everyone"));
}

// The file is synced first: what the log then did not get is done by the next start.
TEST_F(Erasure, ACrashBetweenFileAndLogIsMadeGood) {
  by_email("create");
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "a@example.com"),
                                         person("b", "b@example.com")})));
  suppression_->add({2, kNow, {suppression_->tag("profile_id", "a")}});
  ASSERT_TRUE(suppression_->sync());
  restart();
  EXPECT_EQ(1U, count("everyone"));
  ASSERT_EQ(1U, test_.notices().size());
  EXPECT_EQ("1 people whom the suppression file has as erased were in these data, and have been "
            "erased again",
            test_.notices()[0]);
  const std::uint64_t records = test_.memory_log().last_sequence();
  restart();
  EXPECT_EQ(1U, count("everyone"));
  EXPECT_TRUE(test_.notices().empty());
  EXPECT_EQ(records, test_.memory_log().last_sequence());
}

// As after a restore: the log is older than the file.
TEST_F(Erasure, AnOlderLogLosesWhomTheFileHas) {
  TestEngine older(default_rows(), kNow);
  ASSERT_TRUE(older.profiles({person("a", "a@example.com"), person("b", "b@example.com")}));
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "a@example.com"),
                                         person("b", "b@example.com")})));
  erase("b");
  erase("a");
  older.suppress_with(*suppression_);
  ASSERT_TRUE(older.restart());
  EXPECT_EQ(0U, older.count(question("everyone")).value());
  EXPECT_EQ(0U, older.profiles({person("b", "b@example.com")}).value().accepted);
  ASSERT_TRUE(older.restart());
  EXPECT_TRUE(older.notices().empty());
}

// Somebody a refresh had left out is not to be seen, and comes back with the next row.
TEST_F(Erasure, WhoIsLeftOutIsErasedFromAnOlderLogToo) {
  TestEngine older(default_rows(), kNow);
  for (TestEngine* engine : {&older, &test_}) {
    ASSERT_TRUE(engine->profiles({person("a", "a@example.com"), person("b", "b@example.com")}));
    IngestRequest refresh{
        .table = TableKind::Profiles, .replace_id = "r", .replace_last = true, .force = true};
    refresh.bytes = test_.spelling().write({person("b", "b@example.com")});
    ASSERT_TRUE(engine->engine().ingest(pass<Permission::Ingest>(), refresh));
  }
  erase("a");
  older.suppress_with(*suppression_);
  ASSERT_TRUE(older.restart());
  EXPECT_EQ(0U, older.profiles({person("a", "a@example.com")}).value().accepted);
  EXPECT_EQ(1U, older.count(question("everyone")).value());
}

// Half of it done would be taken for all of it.
TEST_F(Erasure, AnOlderLogLosesAllOfThemOrNobody) {
  const int people = 5;
  std::vector<Row> rows;
  for (int i = 0; i < people; ++i) {
    rows.push_back(person("p" + std::to_string(i), std::to_string(i) + "@example.com"));
  }
  storage::MemoryLog kept;
  {
    TestEngine older(default_rows(), kNow, &kept);
    ASSERT_TRUE(older.profiles(rows));
  }
  ASSERT_TRUE(test_.profiles(rows));
  for (int i = 0; i < people; ++i) erase("p" + std::to_string(i));
  const ManualClock clock(kNow);
  const auto open = [&](storage::Log& log) {
    auto opened = Suppression::open(file_);
    EXPECT_TRUE(opened);
    suppression_ = std::move(*opened);
    return engine::Engine::open({.log = &log,
                                 .clock = &clock,
                                 .decoder = test_.spelling().decoder,
                                 .suppression = suppression_.get()});
  };
  for (const std::uint64_t failing : {1U, 2U, 3U}) {
    SCOPED_TRACE(failing);
    storage::MemoryLog log(kept.records());
    storage::FailingLog broken(log, failing);
    static_cast<void>(open(broken));
    const auto after = open(log);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(0U, (*after)->health().profiles);
  }
}

// A refresh that waits and claims an address of somebody who is erased meanwhile.
TEST_F(Erasure, AClaimThatWaitsIsDropped) {
  by_email("create");
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "a@example.com"),
                                         person("b", "b@example.com")})));
  IngestRequest refresh{.table = TableKind::Profiles, .replace_id = "r", .force = true};
  refresh.bytes = test_.spelling().write({person("z", "A@example.com")});
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), refresh));
  erase("a");
  refresh.bytes = test_.spelling().write({person("b", "b@example.com")});
  refresh.replace_last = true;
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), refresh));
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(1U, count("everyone"));
    restart();
  }
}

// Made by an address, moved to another one, erased: the first address makes nobody again.
TEST_F(Erasure, AnAnonymousPersonIsNotMadeAgain) {
  by_email("create");
  ASSERT_EQ(1U, accepted(test_.events({visit_by("x@example.com")})));
  const auto members = test_.members(question("everyone"));
  ASSERT_EQ(1U, members->size());
  const std::string id = members->front();
  ASSERT_EQ(1U, accepted(test_.profiles({person(id, "y@example.com")})));
  erase(id);
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(0U, accepted(test_.events({visit_by("x@example.com")})));
    EXPECT_EQ(0U, accepted(test_.events({visit_by("y@example.com")})));
    EXPECT_EQ(0U, count("everyone"));
    restart();
  }
}

// Of an address that a refresh gave to two, the later one's is it.
TEST_F(Erasure, AnAddressOfSomebodyElseTooIsTheirs) {
  by_email("create");
  IngestRequest refresh{.table = TableKind::Profiles, .replace_id = "r", .replace_last = true};
  refresh.bytes = test_.spelling().write({person("a", "x@example.com"),
                                          person("b", "x@example.com")});
  ASSERT_TRUE(test_.engine().ingest(pass<Permission::Ingest>(), refresh));
  erase("a");
  restart();
  EXPECT_EQ(1U, accepted(test_.events({visit_by("x@example.com")})));
  EXPECT_EQ(1U, count("did \"visit\""));
}

// What a refresh came to is told again the same after a restart.
TEST_F(Erasure, ARefreshIsCountedWithoutTheErased) {
  ASSERT_EQ(2U, accepted(test_.profiles({person("a", "a@example.com"),
                                         person("b", "b@example.com")})));
  erase("a");
  IngestRequest refresh{.table = TableKind::Profiles, .idempotency_key = "k", .replace_id = "r",
                        .replace_last = true, .force = true};
  refresh.bytes = test_.spelling().write({person("a", "a@example.com"),
                                          person("b", "b@example.com"),
                                          person("c", "c@example.com")});
  const auto first = test_.engine().ingest(pass<Permission::Ingest>(), refresh);
  ASSERT_TRUE(first);
  EXPECT_EQ(1U, first->created);
  restart();
  const auto again = test_.engine().ingest(pass<Permission::Ingest>(), refresh);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(first->created, again->created);
  EXPECT_EQ(first->removed, again->removed);
}

TEST_F(Erasure, WithoutTheFileAStartIsRefused) {
  const storage::CheckpointStore store(folder_.path());
  ASSERT_EQ(1U, accepted(test_.profiles({person("a", "a@example.com")})));
  erase("a");
  for (const bool with_checkpoint : {false, true}) {
    SCOPED_TRACE(with_checkpoint);
    if (with_checkpoint) {
      test_.suppress_with(*suppression_);
      test_.keep_checkpoints(store);
      ASSERT_TRUE(test_.restart());
      ASSERT_TRUE(test_.take_checkpoint());
    }
    const auto missing = Suppression::open(folder_.path() / "elsewhere");
    ASSERT_TRUE(missing);
    test_.suppress_with(**missing);
    const Status refused = test_.restart();
    ASSERT_FALSE(refused);
    const std::string& why = refused.error().message;
    EXPECT_NE(std::string::npos, why.find("is missing, and the log knows of 1 erasures")) << why;
  }
  restart();
  EXPECT_EQ(0U, accepted(test_.profiles({person("a", "a@example.com")})));
}

// Data from before there was such a file get one.
TEST_F(Erasure, OlderErasuresAreTakenIntoTheFile) {
  TestEngine older(default_rows(), kNow);
  ASSERT_TRUE(older.profiles({person("a", "a@example.com"), person("b", "b@example.com")}));
  ASSERT_TRUE(older.engine().erase(pass<Permission::Define>(), "a"));
  older.suppress_with(*suppression_);
  ASSERT_TRUE(older.restart());
  EXPECT_TRUE(suppression_->holds("profile_id", "a"));
  EXPECT_EQ(1U, older.count(question("everyone")).value());
  ASSERT_TRUE(older.restart());
  EXPECT_EQ(1U, suppression_->size());
}

}  // namespace
}  // namespace muster::testing
