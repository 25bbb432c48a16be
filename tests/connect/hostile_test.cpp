// Real deliveries over loopback to the scripted receiver, judged by its checker.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/random.h"
#include "connect/address_guard.h"
#include "connect/signature.h"
#include "connect/webhook_destination.h"
#include "tests/connect/export_world.h"
#include "tests/connect/hostile_receiver.h"

namespace muster::connect {
namespace {

using testing::FakeAudience;
using testing::FakeDocuments;
using testing::FakeJournal;
using testing::HostileReceiver;
using testing::kTestSecret;

AddressGuard loopback_allowed() {
  const std::vector<std::string> list{"127.0.0.1/32"};
  return *AddressGuard::with_allow_list(list);
}

// An exporter with real HTTP and a real clock, over people and a store in memory.
class Live {
 public:
  explicit Live(index::Ordinal people_count) {
    people.add_buyers(0, people_count);
    for (index::Ordinal i = 0; i < people_count; ++i) ids.push_back("p" + std::to_string(i));
    open();
  }

  void open() {
    exporter.reset();
    ExporterParts parts{.audience = std::make_unique<FakeAudience>(people),
                        .documents = std::make_unique<FakeDocuments>(store),
                        .journal = std::make_unique<FakeJournal>(store),
                        .destinations = std::make_unique<WebhookFactory>(loopback_allowed())};
    exporter = testing::opened(std::move(parts), clock, random);
    ASSERT_NE(nullptr, exporter);
  }

  void define(const std::string& url, const std::string& members) {
    const auto destination = exporter->put_destination(
        pass, "crm", R"({"kind":"webhook","url":")" + url + R"(","secret":")" + kTestSecret +
                         "\"" + members + "}");
    ASSERT_TRUE(destination) << destination.error().message;
    const auto sync = exporter->put_sync(
        pass, "buyers", R"({"segment":"buyers","destination":"crm","mapping":{"mail":"email"}})");
    ASSERT_TRUE(sync) << sync.error().message;
  }

  // Runs the delivery loop on `threads` threads until the newest run is in `state`, or time is up.
  RunView run_until(RunState state, std::chrono::milliseconds limit, int threads = 1) {
    std::vector<std::jthread> loops;
    for (int i = 0; i < threads; ++i) {
      loops.emplace_back([this](std::stop_token stop) { exporter->run(std::move(stop)); });
    }
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end && newest().state != state) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return newest();
  }

  RunView newest() const { return exporter->runs(pass, "buyers")->front(); }

  testing::People people;
  testing::Store store;
  std::vector<std::string> ids;
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Exporter> exporter;
  Exporter::Pass pass =
      *engine::Access::system("test").require<engine::Permission::Activate>();
};

TEST(Hostile, EveryMemberExactlyOnceThroughErrorsRetryAfterAndReset) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(250);
  live.define(receiver.url() + "/m/500*2,429:1,reset,200/crm",
              R"(,"batch_size":100,"retry_schedule_ms":[0,50,100,200])");
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  const RunView run = live.run_until(RunState::Finished, std::chrono::seconds(40));
  EXPECT_EQ(250U, run.counts.sent) << ledger_line(run);
  EXPECT_TRUE(run.counts.adds_up());
  EXPECT_EQ(15U, run.attempts);
  const std::string items = receiver.file_of("items.txt", live.ids);
  // That they come one by one is not for the receiver to say: on a busy machine it counts one that
  // it has answered until its thread gets the processor again. exporter_threads_test.cpp holds the
  // exporter to it.
  EXPECT_EQ(0, receiver.check({"--expect-items", items, "--only-expected", "--require-signature",
                               "--max-duplicates", "0", "--honour-retry-after"}))
      << receiver.said;
  // The checker is awake: somebody who was never sent is missed.
  live.ids.push_back("p999999");
  EXPECT_EQ(1, receiver.check({"--expect-items", receiver.file_of("more.txt", live.ids)}));
}

TEST(Hostile, EveryMemberExactlyOnceWithSeveralUnderWayAndARestart) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(160);
  live.define(receiver.url() + "/m/500,lost-ack,429:1,reset,200/x",
              R"(,"batch_size":20,"concurrency":8,"retry_schedule_ms":[0,30])");
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  live.run_until(RunState::Finished, std::chrono::milliseconds(300), 3);
  live.open();
  const RunView run = live.run_until(RunState::Finished, std::chrono::seconds(40), 3);
  EXPECT_EQ(160U, run.counts.sent) << ledger_line(run);
  EXPECT_EQ(0, receiver.check({"--expect-items", receiver.file_of("items.txt", live.ids),
                               "--only-expected", "--require-signature", "--max-duplicates", "0",
                               "--honour-retry-after"}))
      << receiver.said;
}

TEST(Hostile, EveryKindOfBadAnswerEndsWithEverybodySent) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  const char* const scripts[] = {
      "m/302:canary,302:metadata,307:loop,200", "m/hang,200", "m/reset-early,reset-mid,200",
      "m/lost-ack,close,200", "m/short,bad-chunk,garbage,200", "m/no-length", "m/bare-lf",
      "m/continue:3", "m/big-body:1000000", "m/big-header:60000", "m/many-headers:2000",
      "m/gzip-bomb:10000000", "m/long", "m/drip:30,200", "m/503:date+1,200",
      "m/429:junk,503:neg,200"};
  for (const char* script : scripts) {
    SCOPED_TRACE(script);
    Live live(20);
    live.define(receiver.url() + "/" + script + "/x",
                R"(,"batch_size":10,"timeout_ms":700,"retry_schedule_ms":[0,30])");
    ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
    const RunView run = live.run_until(RunState::Finished, std::chrono::seconds(30));
    EXPECT_EQ(RunState::Finished, run.state) << run.last_error;
    EXPECT_EQ(20U, run.counts.sent);
  }
  EXPECT_EQ(0, receiver.check({"--require-signature", "--max-duplicates", "0",
                               "--honour-retry-after"}))
      << receiver.said;
}

TEST(Hostile, StopsAfter410) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(50);
  live.define(receiver.url() + "/q/200,410,200/x", R"(,"batch_size":10)");
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  const RunView run = live.run_until(RunState::Blocked, std::chrono::seconds(20));
  EXPECT_EQ(RunState::Blocked, run.state);
  EXPECT_EQ(10U, run.counts.sent);
  EXPECT_EQ(0, receiver.check({"--stop-after-410", "--max-duplicates", "0"})) << receiver.said;
}

TEST(Hostile, GoesOnAfterARestartInTheMiddleWithTheSameIds) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(200);
  live.define(receiver.url() + "/m/500,lost-ack,500,200/x",
              R"(,"batch_size":20,"retry_schedule_ms":[0,40])");
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  for (int life = 0; life < 8; ++life) {
    live.run_until(RunState::Finished, std::chrono::milliseconds(60));
    live.open();
  }
  const RunView run = live.run_until(RunState::Finished, std::chrono::seconds(30), 3);
  EXPECT_EQ(200U, run.counts.sent) << ledger_line(run);
  EXPECT_EQ(0, receiver.check({"--expect-items", receiver.file_of("items.txt", live.ids),
                               "--require-signature", "--max-duplicates", "0"}))
      << receiver.said;
}

TEST(Hostile, SignsWithBothSecretsWhileRotating) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(30);
  live.define(receiver.url() + "/m/200/x", "");
  // The receiver knows the second secret only: it has rotated already.
  ASSERT_TRUE(live.exporter->put_destination(
      live.pass, "crm",
      R"({"kind":"webhook","url":")" + receiver.url() + R"(/m/500,200/x",)" +
          R"("secret":"whsec_III8/ebxwmsw+Q7H3QHkiHU0og8LDQTD","retry_schedule_ms":[0,30],)" +
          R"("secret_next":")" + kTestSecret + "\"}"));
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  EXPECT_EQ(RunState::Finished,
            live.run_until(RunState::Finished, std::chrono::seconds(20)).state);
  EXPECT_EQ(0, receiver.check({"--expect-items", receiver.file_of("items.txt", live.ids),
                               "--require-signature", "--max-duplicates", "0"}))
      << receiver.said;
}

TEST(Hostile, AWrongSecretMakesTheCheckerRed) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(5);
  live.define(receiver.url() + "/m/200/x", "");
  ASSERT_TRUE(live.exporter->put_destination(
      live.pass, "crm",
      R"({"kind":"webhook","url":")" + receiver.url() +
          R"(/m/200/x","secret":"whsec_III8/ebxwmsw+Q7H3QHkiHU0og8LDQTD"})"));
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  live.run_until(RunState::Finished, std::chrono::seconds(20));
  EXPECT_EQ(1, receiver.check({"--require-signature"}));
}

TEST(Hostile, RefusesTheConnectedAddressWhateverTheUrlPromised) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  DestinationDocument document;
  // As if a name had led there: the guard at configuration time never saw this address.
  document.url = *parse_url(receiver.url() + "/m/200/x");
  document.secret = kTestSecret;
  const WebhookFactory factory(*AddressGuard::with_allow_list({}));
  const auto destination = factory.make(document);
  const Answer answer = destination->deliver({.message_id = "msg_1", .body = "{}"}, {});
  EXPECT_EQ(AnswerKind::NotSent, answer.kind);
  EXPECT_NE(std::string::npos, answer.text.find("127.0.0.1")) << answer.text;
  document.url.host = "localhost";
  document.url.kind = HostKind::Name;
  const auto by_name = factory.make(document);
  EXPECT_EQ(AnswerKind::NotSent,
            by_name->deliver({.message_id = "msg_1", .body = "{}"}, {}).kind);
}

TEST(Hostile, StopsWithinSecondsInTheMiddleOfADelivery) {
  RETURN_WITHOUT_SHARED_DATA();
  HostileReceiver receiver;
  Live live(5);
  live.define(receiver.url() + "/m/hang/x", R"(,"timeout_ms":60000)");
  ASSERT_TRUE(live.exporter->start_run(live.pass, "buyers"));
  const auto begin = std::chrono::steady_clock::now();
  live.run_until(RunState::Finished, std::chrono::seconds(1));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(RefusingDestination, TakesNothingAndSaysWhy) {
  RefusingFactory factory("Deliveries are switched off.");
  const auto destination = factory.make({});
  const Answer answer = destination->deliver({}, {});
  EXPECT_EQ(AnswerKind::NotSent, answer.kind);
  EXPECT_EQ("Deliveries are switched off.", answer.text);
}

}  // namespace
}  // namespace muster::connect
