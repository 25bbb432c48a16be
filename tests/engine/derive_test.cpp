// Fields made from the rows that came before they were declared: the state is the one of an engine
// that had them declared from the beginning.
#ifdef MUSTER_WITH_LOADER
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "storage/checkpoint_store.h"
#include "tests/engine/count_of.h"
#include "tests/support/random.h"
#include "tests/support/row_spelling.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/watched_log.h"

namespace muster::testing {
namespace {

using engine::DeriveAnswer;
using engine::DeriveState;
using engine::Permission;
using storage::TableKind;

constexpr TimeMs kNow = 1'700'000'000'000;

DeriveAnswer derived(TestEngine& test, const engine::DeriveRequest& request) {
  const Status begun = test.engine().derive(pass<Permission::Define>(), request);
  if (!begun) return {.state = DeriveState::Failed, .failure = begun.error().message};
  for (;;) {
    DeriveAnswer answer = test.engine().derivation(pass<Permission::Query>());
    const bool is_over = answer.state != DeriveState::Reading &&
                         answer.state != DeriveState::Writing;
    if (is_over) return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

engine::IngestReceipt send(TestEngine& test, TableKind table, const std::string& rows,
                           const std::string& name = "", const std::string& replace = "",
                           bool is_last = false) {
  const auto receipt = test.engine().ingest(
      pass<Permission::Ingest>(), {.table = table, .name = name, .bytes = rows,
                                   .replace_id = replace, .replace_last = is_last, .force = true});
  EXPECT_TRUE(receipt) << receipt.error().message;
  return receipt ? *receipt : engine::IngestReceipt();
}

std::map<std::string, Hash128> fingerprint(TestEngine& test) {
  const auto parts = test.engine().fingerprint(pass<Permission::Admin>());
  EXPECT_TRUE(parts) << parts.error().message;
  return *parts;
}

class Derive : public ::testing::Test {
 protected:
  void restart(engine::Base base) {
    test_.start_from(base);
    const Status opened = test_.restart();
    ASSERT_TRUE(opened) << opened.error().message;
  }

  TemporaryFolder folder_;
  const storage::CheckpointStore checkpoints_{folder_.path()};
  TestEngine test_{default_rows(), kNow};
};

TEST_F(Derive, AFieldGetsAnotherTypeForThePastToo) {
  send(test_, TableKind::Profiles, R"({"profile_id": "a", "since": 1690000000, "n": 1}
{"profile_id": "b", "since": 1000000000000000000, "n": 2}
{"profile_id": "c", "n": 3})");
  const std::string fields = R"({"profiles.since": {"type": "timestamp", "epoch": "s"}})";
  const auto refused = test_.declare(R"({"fields": )" + fields + "}");
  ASSERT_FALSE(refused);
  EXPECT_NE(std::string::npos, refused.error().message.find("muster derive"));

  const std::uint64_t before = test_.memory_log().last_sequence();
  const DeriveAnswer tried = derived(test_, {.fields = fields, .dry_run = true});
  ASSERT_EQ(DeriveState::Done, tried.state) << tried.failure;
  EXPECT_EQ(2U, tried.written);
  EXPECT_EQ(1U, tried.unfit);
  ASSERT_EQ(1U, tried.errors.size());
  EXPECT_EQ(2U, tried.errors.front().line);
  EXPECT_NE(std::string::npos, tried.errors.front().reason.find("timestamp is declared"));
  EXPECT_EQ(before, test_.memory_log().last_sequence());

  const DeriveAnswer done = derived(test_, {.fields = fields});
  ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(1U, done.written);
  EXPECT_EQ(1U, count_of(test_, "since >= 2023-07-22"));
  EXPECT_EQ(3U, count_of(test_, "n >= 1"));
  send(test_, TableKind::Profiles, R"({"profile_id": "c", "since": 1695000000})");
  EXPECT_EQ(2U, count_of(test_, "since >= 2023-07-22"));

  const std::uint64_t after = test_.memory_log().last_sequence();
  const DeriveAnswer again = derived(test_, {.fields = fields});
  EXPECT_EQ(0U, again.written);
  EXPECT_EQ(after, test_.memory_log().last_sequence());
  const auto live = fingerprint(test_);
  restart(engine::Base::Nothing);
  EXPECT_EQ(live, fingerprint(test_));
}

TEST_F(Derive, StandingSegmentsFollow) {
  send(test_, TableKind::Profiles, R"({"profile_id": "a", "place": {"lat": 1.5, "lon": 2}}
{"profile_id": "b", "place": {"lat": 50, "lon": 2}})");
  ASSERT_TRUE(test_.declare(R"({"fields": {"profiles.place": {"type": "geo"}}})"));
  ASSERT_TRUE(test_.engine().put_segment(pass<Permission::Define>(), "near",
                                         R"j({"where": "place near (1.5, 2) within 10 km"})j"));
  EXPECT_EQ(0U, test_.engine().segment_size(pass<Permission::Query>(), "near")->members);
  const DeriveAnswer done = derived(test_, {.fields = R"({"profiles.place": {"type": "geo"}})"});
  ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(2U, done.written);
  EXPECT_EQ(std::vector<std::string>{"near"}, done.used_by);
  EXPECT_EQ(1U, test_.engine().segment_size(pass<Permission::Query>(), "near")->members);
  const auto rows = test_.engine().changes(pass<Permission::Members>(), {});
  ASSERT_TRUE(rows);
  ASSERT_EQ(1U, rows->rows.size());
  EXPECT_EQ("a", rows->rows.front().profile_id);
}

TEST_F(Derive, WhatCannotBeMadeIsSaid) {
  send(test_, TableKind::Profiles, R"({"profile_id": "a", "email": "a@b.c", "n": 1})");
  ASSERT_TRUE(test_.declare(R"({"identifiers": {"email": {}}})"));
  const auto why = [&](const std::string& fields) {
    return derived(test_, {.fields = fields}).failure;
  };
  EXPECT_NE(std::string::npos, why("{}").find("1 to 64"));
  EXPECT_NE(std::string::npos, why(R"({"buy.n": {"type": "int64"}})").find("'buy.n'"));
  EXPECT_NE(std::string::npos, why(R"({"profiles.email": {"type": "int64"}})").find("who"));
  EXPECT_NE(std::string::npos, why(R"({"profiles.n": {"type": "int"}})").find("/fields"));
  EXPECT_FALSE(test_.engine().cancel_derivation(pass<Permission::Define>()));
}

// An event and an entity of one name share the keys of their fields.
TEST_F(Derive, WhatEventsHoldKeepsItsType) {
  test_.keep_checkpoints(checkpoints_);
  ASSERT_TRUE(test_.restart());
  const std::string entity = R"({"entities": {"order": {"id": "order"}})";
  ASSERT_TRUE(test_.declare(entity + "}"));
  send(test_, TableKind::Entities, R"({"order": "o"})", "order");
  send(test_, TableKind::Events,
       R"({"profile_id": "a", "type": "order", "ts": "2023-01-01", "status": "x"})");
  const std::string fields = R"({"order.status": {"type": "int64"}})";
  const auto refused = test_.declare(entity + R"(, "fields": )" + fields + "}");
  ASSERT_FALSE(refused);
  EXPECT_NE(std::string::npos, refused.error().message.find("keep their type"));
  send(test_, TableKind::Entities, R"({"order": "o", "status": "7"})", "order");
  EXPECT_NE(std::string::npos, derived(test_, {.fields = fields}).failure.find("events hold"));
  send(test_, TableKind::Events,
       R"({"profile_id": "b", "type": "order", "ts": "2023-01-01", "status": "8"})");
  EXPECT_EQ(1U, count_of(test_, R"(did "order" where (status = "8"))"));
  ASSERT_TRUE(test_.take_checkpoint());
  ASSERT_TRUE(test_.restart());
  EXPECT_EQ(1U, count_of(test_, R"(did "order" where (status = "x"))"));
}

// A value from before its declaration as an identifier is lost with the next one, and frees it.
TEST_F(Derive, WhatBecameAnIdentifierLaterIsFollowedFromTheBeginning) {
  ASSERT_TRUE(test_.declare("{}"));
  send(test_, TableKind::Profiles, R"({"profile_id": "p", "email": "a"})");
  ASSERT_TRUE(test_.declare(R"({"identifiers": {"email": {}},
      "userinfo": {"crm": {"key": "email", "identifier": "email"}}})"));
  send(test_, TableKind::Profiles, R"({"profile_id": "q", "email": "a"})");
  send(test_, TableKind::Profiles, R"({"profile_id": "p", "email": "b"})");
  send(test_, TableKind::UserInfo, R"({"email": "a", "n": 5})", "crm");
  const std::uint64_t of_q = count_of(test_, "profile_id = \"q\" and crm.n = 5");
  const DeriveAnswer done = derived(test_, {.fields = R"({"profiles.crm.n": {"type": "double"}})"});
  ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(of_q, count_of(test_, "profile_id = \"q\" and crm.n = 5"));
  EXPECT_EQ(1U, count_of(test_, "crm.n = 5"));
}

TEST(DeriveMeanwhile, AnEntityThatIsDeclaredNoMoreEndsADryRunAlone) {
  for (const bool dry_run : {true, false}) {
    storage::MemoryLog memory;
    WatchedLog log(memory);
    TestEngine test(default_rows(), kNow, &log);
    ASSERT_TRUE(test.declare(R"({"entities": {"order": {"id": "order"}}})"));
    send(test, TableKind::Entities, R"({"order": "o", "n": 1})", "order");
    log.before_reading = [&] { EXPECT_TRUE(test.declare("{}")); };
    const DeriveAnswer done =
        derived(test, {.fields = R"({"order.n": {"type": "double"}})", .dry_run = dry_run});
    EXPECT_EQ(DeriveState::Failed, done.state);
    EXPECT_NE(std::string::npos, done.failure.find("declared entity")) << done.failure;
    EXPECT_FALSE(test.engine().health().read_only);
  }
}

// They are in the state, and not in the log yet.
TEST(DeriveMeanwhile, RowsOfTheSameCommitAreRead) {
  storage::MemoryLog memory;
  WatchedLog log(memory);
  TestEngine test(default_rows(), kNow, &log);
  send(test, TableKind::Profiles, R"({"profile_id": "a", "n": 1})");
  const std::string fields = R"({"profiles.n": {"type": "double"}})";
  std::jthread other;
  const auto wait_for = [&](std::uint64_t queued) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (test.engine().health().queue_depth < queued) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  };
  log.before_appending = [&] {
    other = std::jthread(
        [&] { send(test, TableKind::Profiles, R"({"profile_id": "c", "n": 3})"); });
    wait_for(2);
    EXPECT_TRUE(test.engine().derive(pass<Permission::Define>(), {.fields = fields}));
    wait_for(3);
  };
  send(test, TableKind::Profiles, R"({"profile_id": "b", "n": 2})");
  other.join();
  DeriveAnswer done;
  do {
    done = test.engine().derivation(pass<Permission::Query>());
    std::this_thread::yield();
  } while (done.state == DeriveState::Reading || done.state == DeriveState::Writing);
  ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(3U, done.written);
  EXPECT_EQ(3U, count_of(test, "n >= 0.5"));
}

TEST_F(Derive, ARefreshUnderWayIsWaitedFor) {
  send(test_, TableKind::Profiles, R"({"profile_id": "a", "n": 1})");
  send(test_, TableKind::Profiles, R"({"profile_id": "a", "n": 2})", "", "r");
  const engine::DeriveRequest request{.fields = R"({"profiles.n": {"type": "double"}})"};
  EXPECT_NE(std::string::npos, derived(test_, request).failure.find("wait"));
  send(test_, TableKind::Profiles, R"({"profile_id": "b", "n": 3})", "", "r", true);
  const DeriveAnswer done = derived(test_, request);
  EXPECT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(2U, count_of(test_, "n >= 1.5"));
}

TEST_F(Derive, BatchesOfTheArchiveAreReadAndThoseThatAreGoneAreSaid) {
  for (const bool has_archive : {true, false}) {
    TemporaryFolder folder;
    const storage::CheckpointStore checkpoints{folder.path() / "checkpoints"};
    TestEngine test{default_rows(), kNow};
    test.keep_checkpoints(checkpoints);
    test.retire_after(0, has_archive ? folder.path() / "archive" : std::filesystem::path());
    ASSERT_TRUE(test.restart());
    for (int i = 0; i < 4; ++i) {
      send(test, TableKind::Profiles, R"({"profile_id": "p)" + std::to_string(i) + R"(", "n": 1})");
      test.clock().advance(1'000);
      ASSERT_TRUE(test.take_checkpoint());
    }
    engine::DeriveRequest request{.fields = R"({"profiles.n": {"type": "double"}})"};
    DeriveAnswer done = derived(test, request);
    if (has_archive) {
      EXPECT_EQ(DeriveState::Done, done.state) << done.failure;
      EXPECT_EQ(4U, count_of(test, "n >= 0.5"));
      continue;
    }
    EXPECT_EQ(DeriveState::Failed, done.state);
    EXPECT_NE(std::string::npos, done.failure.find("have left the log"));
    request.partial = true;
    done = derived(test, request);
    EXPECT_EQ(DeriveState::Done, done.state) << done.failure;
    EXPECT_LT(0U, done.lost);
    EXPECT_EQ(4 - done.lost, count_of(test, "n >= 0.5"));
  }
}

// What an erased person leaves in derived rows goes, too; and the rest can be made once more.
TEST_F(Derive, ErasedPeopleLeaveDerivedRowsAsAnyOthers) {
  const auto suppression = storage::Suppression::in_memory();
  test_.suppress_with(*suppression);
  test_.keep_checkpoints(checkpoints_);
  ASSERT_TRUE(test_.restart());
  send(test_, TableKind::Profiles, R"({"profile_id": "ana", "n": 1}
{"profile_id": "marked", "n": 2, "v": "secret"})");
  ASSERT_EQ(2U, derived(test_, {.fields = R"({"profiles.n": {"type": "double"}})"}).written);
  const DeriveAnswer unfit = derived(
      test_, {.fields = R"({"profiles.v": {"type": "int64"}})", .dry_run = true});
  ASSERT_EQ(1U, unfit.errors.size());
  EXPECT_NE(std::string::npos, unfit.errors.front().reason.find("secret"));
  ASSERT_TRUE(test_.engine().erase(pass<Permission::Define>(), "marked"));
  const auto compacted = test_.compact_erased();
  const DeriveAnswer told = test_.engine().derivation(pass<Permission::Query>());
  ASSERT_EQ(1U, told.errors.size());
  EXPECT_EQ("was about a profile that was erased", told.errors.front().reason);
  ASSERT_TRUE(compacted) << compacted.error().message;
  EXPECT_EQ(2U, compacted->lines);
  std::uint64_t batches = 0;
  ASSERT_TRUE(test_.memory_log().read(1, [&](std::uint64_t, std::string_view bytes) -> Status {
    TRY_ASSIGN(const storage::Record record, storage::decode(bytes));
    const auto* const batch = std::get_if<storage::DataBatch>(&record.body);
    if (batch == nullptr) return Ok{};
    EXPECT_EQ(std::string::npos, batch->raw.find("marked"));
    batches += batch->is_derived ? 1 : 0;
    return Ok{};
  }));
  EXPECT_EQ(1U, batches);
  const DeriveAnswer done =
      derived(test_, {.fields = R"({"profiles.n": {"type": "decimal", "scale": 2}})"});
  ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
  EXPECT_EQ(1U, done.written);
  EXPECT_EQ(1U, count_of(test_, "n = 1"));
}

// --- Random histories ----------------------------------------------------------------------------

// What the fields of the worlds are declared as: from the beginning in one, later in the other.
constexpr const char* kFields = R"({"profiles.age": {"type": "double"},
  "profiles.since": {"type": "timestamp", "epoch": "s"}, "profiles.place": {"type": "geo"},
  "profiles.crm.score": {"type": "decimal", "scale": 2}, "profiles.tags": {"type": "string",
  "list": true}, "products.size": {"type": "double"}})";

class TwoWorlds {
 public:
  explicit TwoWorlds(std::uint64_t seed) : random_(seed), holds_(random_.below(3) == 0) {
    late_.keep_checkpoints(checkpoints_);
    EXPECT_TRUE(late_.restart());
    EXPECT_TRUE(early_.declare(declaration(kFields)));
    EXPECT_TRUE(late_.declare(declaration("{}")));
  }

  void live() {
    const int steps = 10 + static_cast<int>(random_.below(60));
    for (int i = 0; i < steps; ++i) step();
    end_refresh();
    const DeriveAnswer done = derive();
    if (done.state == DeriveState::Failed && holds_) {
      EXPECT_NE(std::string::npos, done.failure.find("wait")) << done.failure;
      return;  // Rows with the fields wait: there is no way yet.
    }
    ASSERT_EQ(DeriveState::Done, done.state) << done.failure;
    compare();
    for (int i = 0; i < 10; ++i) step();
    end_refresh();
    compare();
    const auto before = fingerprint(late_);
    late_.start_from(random_.below(2) == 0 ? engine::Base::Nothing
                                           : engine::Base::NewestCheckpoint);
    ASSERT_TRUE(late_.restart());
    EXPECT_EQ(before, fingerprint(late_));
    EXPECT_EQ(0U, derive().written);
  }

 private:
  std::string declaration(const std::string& fields) const {
    return R"({"identifiers": {"email": {"normalise": "email"}},
      "userinfo": {"crm": {"key": "email", "identifier": "email"}},
      "entities": {"products": {"id": "product"}}, "references": {"profiles.bought": "products"},
      "unknown": ")" + std::string(holds_ ? "hold" : "create") + R"(", "fields": )" + fields + "}";
  }

  DeriveAnswer derive() { return derived(late_, {.fields = kFields}); }

  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  std::string id() { return "p" + std::to_string(random_.below(12)); }
  std::string mail() { return "M" + std::to_string(random_.below(8)) + "@x.y"; }

  std::string profile(const std::string& who) {
    std::string row = R"({"profile_id": ")" + who + "\"";
    const auto add = [&](const std::string& name, const std::string& value) {
      if (one_in(2)) row += ", \"" + name + "\": " + (one_in(6) ? "null" : value);
    };
    const std::string number = std::to_string(random_.below(90));
    add("age", number + (one_in(2) ? ".5" : ""));
    add("since", std::to_string(1'600'000'000 + random_.below(1'000'000)));
    if (one_in(3)) row += R"(, "place": {"lat": )" + number + R"(, "lon": )" + number + ".25}";
    add("tags", R"(["a)" + number + R"(", "b"])");
    if (one_in(3)) row += R"(, "email": ")" + mail() + "\"";
    return row + "}\n";
  }

  void both(TableKind table, const std::string& rows, const std::string& name = "",
            const std::string& replace = "", bool is_last = false) {
    const auto a = send(early_, table, rows, name, replace, is_last);
    const auto b = send(late_, table, rows, name, replace, is_last);
    EXPECT_EQ(a.rejected, b.rejected) << rows;
  }

  void step() {
    switch (random_.below(9)) {
      case 0:
      case 1:
      case 2: {
        std::string rows;
        for (std::uint32_t i = 0; i <= random_.below(4); ++i) rows += profile(id());
        return both(TableKind::Profiles, rows);
      }
      case 3:
        return both(TableKind::UserInfo,
                    R"({"email": ")" + mail() + R"(", "score": )" +
                        std::to_string(random_.below(100)) + (one_in(2) ? ".25" : "") + "}",
                    "crm");
      case 4:
        return both(TableKind::Identities, R"({"profile": ")" + id() + R"(", "anonymous": ")" +
                                               id() + "\"}");
      case 5:
        return both(TableKind::Entities, R"({"product": "t)" + std::to_string(random_.below(4)) +
                                             R"(", "size": )" +
                                             std::to_string(random_.below(30)) + "}",
                    "products");
      case 6:
        return both(TableKind::Events, R"({"profile_id": ")" + id() +
                                           R"(", "type": "buy", "ts": "2023-01-01"})");
      case 7: return erase_or_restart();
      default: return refresh();
    }
  }

  void erase_or_restart() {
    if (!one_in(3)) {
      if (one_in(2)) {
        ASSERT_TRUE(late_.take_checkpoint());
      }
      ASSERT_TRUE(late_.restart());
      return;
    }
    const std::string who = id();
    const auto a = early_.engine().erase(pass<Permission::Define>(), who);
    const auto b = late_.engine().erase(pass<Permission::Define>(), who);
    EXPECT_EQ(a.has_value(), b.has_value());
  }

  void refresh() {
    if (refresh_.empty()) refresh_ = "r" + std::to_string(random_.below(1'000'000));
    both(TableKind::Profiles, profile(id()) + profile(id()), "", refresh_);
    if (one_in(2)) end_refresh();
  }

  void end_refresh() {
    if (refresh_.empty()) return;
    both(TableKind::Profiles, profile(id()), "", refresh_, true);
    refresh_.clear();
  }

  using Fields = std::map<std::string, std::vector<Value>>;

  static Fields fields_of(TestEngine& test, const std::string& who) {
    static const std::set<std::string> kNames{"age", "since", "place", "crm.score", "tags"};
    Fields fields;
    const auto found = test.engine().profile(pass<Permission::Members>(), who);
    if (!found) return fields;
    fields["profile_id"] = {found->profile_id};
    for (const auto& [name, values] : found->attributes) {
      if (kNames.contains(name) && !values.empty()) fields[name] = values;
    }
    return fields;
  }

  void compare() {
    for (int i = 0; i < 12; ++i) {
      const std::string who = "p" + std::to_string(i);
      SCOPED_TRACE(who);
      const Fields should = fields_of(early_, who), is = fields_of(late_, who);
      EXPECT_EQ(should.size(), is.size());
      EXPECT_TRUE(should == is);
    }
    for (const char* where :
         {"crm.score >= 0", "age >= 10.5", "since is present", "any tags = \"b\"",
          "place is present", "age is missing"}) {
      SCOPED_TRACE(where);
      EXPECT_EQ(count_of(early_, where), count_of(late_, where));
    }
    EXPECT_EQ(fingerprint(early_)["entity:products"], fingerprint(late_)["entity:products"]);
  }

  Random random_;
  const bool holds_;
  TemporaryFolder folder_;
  const storage::CheckpointStore checkpoints_{folder_.path()};
  TestEngine early_{default_rows(), kNow}, late_{default_rows(), kNow};
  std::string refresh_;
};

TEST(DeriveRandom, IsAsIfDeclaredFromTheBeginning) {
  const std::uint64_t first = seed_of_run();
  for (std::uint64_t seed = first; seed < first + 40; ++seed) {
    SCOPED_TRACE("MUSTER_SEED=" + std::to_string(seed));
    TwoWorlds(seed).live();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace muster::testing
#endif
