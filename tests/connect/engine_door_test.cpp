// The exporter on a real engine: segments, rows, documents and outcomes through the one door.
#include "connect/engine_door.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"
#include "engine/engine.h"
#include "tests/connect/export_world.h"
#include "tests/support/test_engine.h"

namespace muster::connect {
namespace {

using engine::Permission;
using muster::testing::PlainField;
using muster::testing::Row;
using muster::testing::text;
using testing::FakeFactory;
using testing::Receiver;

constexpr TimeMs kNow = 1'718'452'800'000;

class EngineDoorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<Row> rows;
    for (int i = 0; i < 500; ++i) rows.push_back(person(i, i % 2 == 0 ? "pro" : "free"));
    ASSERT_TRUE(test_.profiles(rows));
    put_segment("pros", "plan = \"pro\"");
    open();
  }

  static Row person(int number, const std::string& plan) {
    const std::string id = "p" + std::to_string(number);
    return {{"profile_id", text(id)}, {"plan", text(plan)}, {"email", text(id + "@example.com")}};
  }

  void put_segment(const std::string& id, const std::string& where) {
    JsonWriter json;
    json.begin_object().key("where").text(where).key("name").text(id).end_object();
    const auto put =
        test_.engine().put_segment(muster::testing::pass<Permission::Define>(), id, json.str());
    ASSERT_TRUE(put) << put.error().message;
  }

  void open() {
    exporter_.reset();
    auto door = open_door(test_.engine());
    ASSERT_TRUE(door);
    ExporterParts parts{.audience = std::move(door->audience),
                        .documents = std::move(door->documents),
                        .journal = std::move(door->journal),
                        .destinations = std::make_unique<FakeFactory>(receiver_)};
    exporter_ = testing::opened(std::move(parts), test_.clock(), random_);
    ASSERT_NE(nullptr, exporter_);
  }

  void restart() {
    exporter_.reset();
    ASSERT_TRUE(test_.restart());
    open();
  }

  void define() {
    const auto destination = exporter_->put_destination(
        pass_, "crm",
        R"({"kind":"webhook","url":"https://hooks.example.com/in","batch_size":100,)"
        R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})");
    ASSERT_TRUE(destination) << destination.error().message;
    const auto sync = exporter_->put_sync(pass_, "s", sync_json("pros", "email"));
    ASSERT_TRUE(sync) << sync.error().message;
  }

  static std::string sync_json(const std::string& segment, const std::string& field) {
    return R"({"segment":")" + segment + R"(","destination":"crm","mapping":{"mail":")" + field +
           R"("}})";
  }

  RunView run() {
    const auto started = exporter_->start_run(pass_, "s");
    EXPECT_TRUE(started) << started.error().message;
    while (exporter_->work_once()) {
    }
    return exporter_->runs(pass_, "s")->front();
  }

  muster::testing::TestEngine test_{muster::testing::private_rows(), kNow};
  Receiver receiver_;
  SeededRandom random_{1};
  std::unique_ptr<Exporter> exporter_;
  Exporter::Pass pass_ = muster::testing::pass<Permission::Activate>();
};

TEST_F(EngineDoorTest, SendsTheSegmentAndThenItsChanges) {
  define();
  RunView done = run();
  EXPECT_EQ(RunState::Finished, done.state) << done.last_error;
  EXPECT_EQ(250U, done.counts.sent);
  EXPECT_EQ(R"({"id":"p4","mail":"p4@example.com"})", receiver_.holds.at("p4"));
  EXPECT_GT(done.snapshot, 0U);

  ASSERT_TRUE(test_.profiles({person(4, "free"), person(5, "pro")}));
  ASSERT_TRUE(test_.profiles({{{"profile_id", text("p6")}, {"email", text("six@example.com")}}}));
  restart();
  done = run();
  EXPECT_EQ(2U, done.counts.sent);
  EXPECT_EQ(1U, done.counts.removals_sent);
  EXPECT_EQ(248U, done.counts.already_there);
  EXPECT_FALSE(receiver_.holds.contains("p4"));
  EXPECT_TRUE(receiver_.holds.contains("p5"));
  EXPECT_EQ(R"({"id":"p6","mail":"six@example.com"})", receiver_.holds.at("p6"));
}

// Columns say what rows say: values of every type, lists, ids that are UUIDs, people who are gone.
TEST_F(EngineDoorTest, ColumnsSayWhatRowsSay) {
  std::vector<Row> rows;
  const auto number = [](std::int64_t n) { return PlainField{.values = {Decimal{n, 0}}}; };
  for (int i = 0; i < 3'000; ++i) {
    const std::string hex = to_hex(std::string(12, static_cast<char>(i % 256)));
    const std::string tail = std::to_string(100000000000 + i).substr(0, 12);
    Row row{{"profile_id", text("0d4b3c1e-" + hex.substr(0, 4) + "-4" + hex.substr(4, 3) + "-8" +
                                hex.substr(7, 3) + "-" + tail)}};
    if (i % 3 != 0) row.emplace_back("score", number(i * 7 - 5'000));
    if (i % 5 != 0) row.emplace_back("ref", row.front().second);
    if (i % 4 != 0) {
      PlainField tags{.list = true, .values = {}};
      for (int t = 0; t < i % 3; ++t) tags.values.push_back("t" + std::to_string((i + t) % 9));
      row.emplace_back("tags", tags);
    }
    row.emplace_back("fine", PlainField{.values = {i % 2 == 0}});
    rows.push_back(std::move(row));
  }
  ASSERT_TRUE(test_.profiles(rows));
  ASSERT_TRUE(test_.engine().erase(muster::testing::pass<Permission::Define>(), "p7"));
  const auto door = open_door(test_.engine());
  const AudienceMoment moment = *door->audience->latest();
  const std::vector<std::string> fields{"score", "ref", "profiles.tags", "fine", "email", "plan"};
  std::vector<index::Ordinal> ordinals;
  for (index::Ordinal i = 0; i < 3'500; i += 1 + i % 3) ordinals.push_back(i);
  const auto fast = door->audience->columns(moment, ordinals, fields);
  ASSERT_TRUE(fast) << fast.error().message;
  const auto plain = door->audience->Audience::columns(moment, ordinals, fields);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->ids, fast->ids);
  EXPECT_EQ("", fast->ids[static_cast<std::size_t>(
                    std::find(ordinals.begin(), ordinals.end(), 7U) - ordinals.begin())]);
  for (std::size_t f = 0; f < fields.size(); ++f) {
    SCOPED_TRACE(fields[f]);
    EXPECT_EQ(plain->fields[f].is_list, fast->fields[f].is_list);
    EXPECT_EQ(plain->fields[f].ends, fast->fields[f].ends);
    EXPECT_EQ(plain->fields[f].values, fast->fields[f].values);
  }
  const auto unknown = door->audience->columns(moment, ordinals, {"emial"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(door->audience->people(moment, ordinals, {"emial"}).error().message,
            unknown.error().message);
}

TEST_F(EngineDoorTest, TakesBackWhoWasErased) {
  define();
  run();
  ASSERT_TRUE(test_.engine().erase(muster::testing::pass<Permission::Define>(), "p8"));
  restart();
  const RunView done = run();
  EXPECT_EQ(1U, done.counts.removals_sent) << done.last_error;
  EXPECT_FALSE(receiver_.holds.contains("p8"));
}

TEST_F(EngineDoorTest, GoesOnWithPendingBatchesAfterARestart) {
  define();
  receiver_.reacts = [this](const std::string&, const boost::json::value&) {
    const bool fails = receiver_.deliveries <= 2;
    return Receiver::Reaction{!fails, {.kind = AnswerKind::Status, .status = fails ? 500 : 200}};
  };
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  while (receiver_.deliveries < 2) ASSERT_TRUE(exporter_->work_once());
  restart();
  while (exporter_->work_once() || exporter_->next_due()) {
    if (const auto due = exporter_->next_due()) test_.clock().set(std::max(*due, kNow));
  }
  EXPECT_EQ(250U, receiver_.holds.size());
  EXPECT_EQ(0, receiver_.changed_bodies);
  EXPECT_EQ(0, receiver_.duplicates);
  EXPECT_EQ(RunState::Finished, exporter_->runs(pass_, "s")->front().state);
}

TEST_F(EngineDoorTest, FindsPeopleByTheirProfileId) {
  define();
  run();
  EXPECT_EQ(PersonState::Sent, exporter_->person(pass_, "s", "p2")->state);
  EXPECT_EQ(PersonState::None, exporter_->person(pass_, "s", "p3")->state);
  const auto nobody = exporter_->person(pass_, "s", "p\"or everyone");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(ErrorCode::NotFound, nobody.error().code);
}

TEST_F(EngineDoorTest, RefusesSegmentsAndFieldsThatAreNotThere) {
  define();
  const auto segment = exporter_->put_sync(pass_, "t", sync_json("prose", "email"));
  ASSERT_FALSE(segment);
  EXPECT_EQ(ErrorCode::InvalidArgument, segment.error().code);
  EXPECT_EQ("/segment: there is no segment 'prose'; did you mean 'pros'?",
            segment.error().message);
  const auto field = exporter_->put_sync(pass_, "t", sync_json("pros", "emial"));
  ASSERT_FALSE(field);
  EXPECT_EQ("/mapping: profiles have no field 'emial'; did you mean 'email'?",
            field.error().message);
  EXPECT_EQ(1U, exporter_->syncs(pass_).size());
}

TEST_F(EngineDoorTest, KeepsNoSecretInClearInTheLog) {
  define();
  for (const std::string& record : test_.memory_log().records()) {
    EXPECT_EQ(std::string::npos, record.find("MfKQ9r8GKYqr"));
  }
}

}  // namespace
}  // namespace muster::connect
