// Several deliveries under way at once: nobody in two of them, nobody lost where the power fails,
// and what a destination is spared.
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "tests/connect/export_world.h"
#include "tests/support/random.h"

namespace muster::connect {
namespace {

using testing::FakeAudience;
using testing::FakeDocuments;
using testing::FakeJournal;
using testing::People;
using testing::Receiver;
using testing::Store;

// A destination that answers when the test says so, in any order.
class Airfield {
 public:
  struct Plane {
    std::string host;
    Delivery delivery;
    Destination::Answered answered;
  };

  void land(std::size_t number, Receiver& receiver) {
    Plane plane = std::move(up[number]);
    up.erase(up.begin() + static_cast<std::ptrdiff_t>(number));
    plane.answered(receiver.receive(plane.delivery));
  }
  // The program ended: nobody hears the answer any more. Some may still arrive.
  void lose(Receiver& receiver, SeededRandom& random) {
    for (Plane& plane : up) {
      if (random.next() % 2 == 0) receiver.receive(plane.delivery);
      plane.answered({.kind = AnswerKind::Stopped});
    }
    up.clear();
  }

  std::deque<Plane> up;
  std::size_t most = 0;
};

class AirDestination final : public Destination {
 public:
  AirDestination(Airfield& field, std::string host) : field_(field), host_(std::move(host)) {}
  Answer deliver(const Delivery&, std::stop_token) override { return {}; }
  void start(Delivery delivery, std::stop_token, Answered answered) override {
    field_.up.push_back({host_, std::move(delivery), std::move(answered)});
    field_.most = std::max(field_.most, field_.up.size());
  }

 private:
  Airfield& field_;
  std::string host_;
};

class AirFactory final : public DestinationFactory {
 public:
  explicit AirFactory(Airfield& field) : field_(field) {}
  Status check(const DestinationDocument&) const override { return Ok{}; }
  std::unique_ptr<Destination> make(const DestinationDocument& document) const override {
    return std::make_unique<AirDestination>(field_, document.url.host);
  }

 private:
  Airfield& field_;
};

class Flights : public ::testing::Test {
 protected:
  void SetUp() override { populate(100); }
  void TearDown() override { field_.lose(receiver_, random_); }

  void populate(index::Ordinal count) {
    for (index::Ordinal i = 0; i < count; ++i) {
      people_.add(i, "p" + std::to_string(i) + "@example.com");
      people_.segments["buyers"].add(i);
    }
  }

  void open() {
    store_.down = false;
    store_.crash_at = 0;
    field_.lose(receiver_, random_);
    exporter_.reset();
    ExporterParts parts{.audience = std::make_unique<FakeAudience>(people_),
                        .documents = std::make_unique<FakeDocuments>(store_),
                        .journal = std::make_unique<FakeJournal>(store_),
                        .destinations = std::make_unique<AirFactory>(field_)};
    exporter_ = testing::opened(std::move(parts), clock_, random_);
    ASSERT_NE(nullptr, exporter_);
  }

  void destination(const std::string& members) {
    const auto put = exporter_->put_destination(
        pass_, "crm",
        R"({"kind":"webhook","url":"https://hooks.example.com/in",)"
        R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","batch_size":7,)"
        R"("retry_schedule_ms":[0,1000],"max_attempts":100)" + members + "}");
    ASSERT_TRUE(put) << put.error().message;
  }
  void sync(const std::string& id) {
    const auto put = exporter_->put_sync(
        pass_, id, R"({"segment":"buyers","destination":"crm","mapping":{"mail":"email"}})");
    ASSERT_TRUE(put) << put.error().message;
  }

  // Works, answers in a random order, lets time pass, until nothing is left or the store is down.
  void work() {
    for (int i = 0; i < 50'000 && !store_.down; ++i) {
      if (exporter_->work_once()) continue;
      if (!field_.up.empty()) {
        expect_nobody_twice();
        field_.land(random_.next() % field_.up.size(), receiver_);
        continue;
      }
      const auto due = exporter_->next_due();
      if (!due) return;
      ASSERT_GT(*due, clock_.now());
      clock_.set(*due);
    }
    ASSERT_TRUE(store_.down) << "the exporter did not come to an end";
  }

  void expect_nobody_twice() const {
    std::set<std::string> seen;
    for (const Airfield::Plane& plane : field_.up) {
      const boost::json::value body = boost::json::parse(plane.delivery.body);
      for (const boost::json::value& member : body.at("members").as_array()) {
        ASSERT_TRUE(seen.insert(std::string(member.at("id").as_string())).second);
      }
    }
  }

  RunView newest(const std::string& id = "s") const {
    return exporter_->runs(pass_, id)->front();
  }

  People people_;
  Store store_;
  Receiver receiver_;
  Airfield field_;
  ManualClock clock_{1'700'000'000'000};
  SeededRandom random_{muster::testing::Random()()};
  std::unique_ptr<Exporter> exporter_;
  Exporter::Pass pass_ =
      *engine::Access::system("test").require<engine::Permission::Activate>();
};

TEST_F(Flights, AreAsManyAsTheConcurrencyAndFewerAppendsThanBatches) {
  open();
  destination(R"(,"concurrency":5)");
  sync("s");
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  const int before = store_.appends;
  work();
  EXPECT_EQ(5U, field_.most);
  EXPECT_EQ(100U, newest().counts.sent);
  EXPECT_EQ(15, receiver_.deliveries);
  EXPECT_LT(store_.appends - before, 3 * 15) << "records go together";
}

TEST_F(Flights, NeverHoldAPersonTwiceAlsoAcrossSyncs) {
  open();
  destination(R"(,"concurrency":16)");
  for (const char* id : {"a", "b", "c"}) sync(id);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(exporter_->start_run(pass_, id));
  work();  // Looks at every moment.
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(100U, newest(id).counts.sent);
  EXPECT_GT(field_.most, 5U);
}

TEST_F(Flights, LoseNobodyWhereverThePowerFails) {
  for (const testing::Crash crash :
       {testing::Crash::BeforeAppend, testing::Crash::AfterFirstPayload,
        testing::Crash::AfterAppend}) {
    for (int at = 1; at < 60; ++at) {
      SCOPED_TRACE("append " + std::to_string(at) + ", kind " +
                   std::to_string(static_cast<int>(crash)));
      store_ = {};
      receiver_ = {};
      open();
      destination(R"(,"concurrency":4)");
      sync("s");
      SeededRandom faults(random_.next());
      receiver_.reacts = [&](const std::string&, const boost::json::value&) {
        const bool takes = faults.next() % 3 > 0;
        const bool says = takes && faults.next() % 4 > 0;
        return Receiver::Reaction{
            takes, says ? Answer{.kind = AnswerKind::Status, .status = 200}
                        : takes ? Answer{.kind = AnswerKind::Ambiguous}
                                : Answer{.kind = AnswerKind::Status, .status = 500}};
      };
      store_.crash_at = at;
      store_.crash = crash;
      const bool asked = exporter_->start_run(pass_, "s").has_value();
      work();
      const bool crashed = store_.down;
      field_.lose(receiver_, random_);
      receiver_.forgive();
      open();
      receiver_.reacts = nullptr;
      if (!asked) static_cast<void>(exporter_->start_run(pass_, "s"));
      work();
      ASSERT_TRUE(newest().counts.adds_up());
      ASSERT_EQ(100U, newest().counts.sent) << ledger_line(newest());
      ASSERT_EQ(100U, receiver_.holds.size());
      ASSERT_EQ(0, receiver_.changed_bodies);
      ASSERT_EQ(0, receiver_.duplicates);
      if (!crashed) break;
    }
  }
}

TEST_F(Flights, StopAt410WithNothingNew) {
  open();
  destination(R"(,"concurrency":3)");
  sync("s");
  receiver_.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{false, {.kind = AnswerKind::Status, .status = 410}};
  };
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  work();
  EXPECT_EQ(3, receiver_.deliveries) << "those that were under way";
  EXPECT_TRUE(exporter_->destination(pass_, "crm")->disabled);
  receiver_.reacts = nullptr;
  destination(R"(,"concurrency":3)");
  work();
  EXPECT_EQ(100U, newest().counts.sent);
}

TEST_F(Flights, KeepTheRateAndShowIt) {
  open();
  destination(R"(,"concurrency":8,"rate":{"requests_per_second":1})");
  sync("s");
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  const TimeMs begin = clock_.now();
  work();
  EXPECT_EQ(100U, newest().counts.sent);
  EXPECT_EQ(14'000, clock_.now() - begin);  // 15 batches, one at once.
  const auto status = exporter_->destination_status(pass_, "crm");
  ASSERT_TRUE(status);
  EXPECT_DOUBLE_EQ(1, status->requests_per_second);
  EXPECT_EQ(15U, status->requests);
  EXPECT_EQ(100U, status->people);
  EXPECT_FALSE(exporter_->destination_status(pass_, "nothing"));
}

TEST_F(Flights, OpenTheBreakerOfADeadDestination) {
  open();
  destination(R"(,"concurrency":2,"retry_schedule_ms":[0,600000])");
  sync("s");
  receiver_.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{false, {.kind = AnswerKind::NotSent, .text = "no answer on port 9"}};
  };
  ASSERT_TRUE(exporter_->start_run(pass_, "s"));
  while (exporter_->work_once() || !field_.up.empty()) {
    if (!field_.up.empty()) field_.land(0, receiver_);
  }
  EXPECT_LE(receiver_.deliveries, 7);
  const auto open = exporter_->destination_status(pass_, "crm");
  EXPECT_EQ(Breaker::Open, open->breaker);
  ASSERT_EQ(1U, open->errors.size());
  EXPECT_EQ("no answer on port 9", open->errors[0].text);
  EXPECT_EQ(1U, exporter_->queue().breakers_open);
  receiver_.reacts = nullptr;
  work();
  EXPECT_EQ(Breaker::Closed, exporter_->destination_status(pass_, "crm")->breaker);
  EXPECT_EQ(100U, newest().counts.sent);
}

}  // namespace
}  // namespace muster::connect
