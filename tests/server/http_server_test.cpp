// The HTTP server over real sockets: framing, limits, timeouts, queues, streams, draining.
#include "server/http/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "server/http/client.h"
#include "server/http/status.h"
#include "tests/server/raw_client.h"

namespace muster::server {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kSilence{300};
// Long enough for a busy machine; reached only when a test fails.
constexpr milliseconds kPatience{10'000};

// Answers every path: /echo sends the body back, /stream counts, /broken breaks in the middle,
// /wait waits until it is let go, /held is a stream whose piece does.
class EchoHandler final : public RequestHandler {
 public:
  std::variant<Response, std::unique_ptr<Exchange>> admit(Request& head) override {
    if (head.path == "/refused") return problem(Error{ErrorCode::PermissionDenied, "no"}, "id");
    const bool is_other = head.path == "/other";
    return std::make_unique<EchoExchange>(*this, head.path == "/instant",
                                          is_other ? Lane::Questions : Lane::Ingest);
  }
  void count_malformed(int) override { ++malformed; }

  Response answer(const Request& request) {
    ++answered;
    Response response;
    response.content_type = "text/plain";
    if (request.path == "/stream") {
      response.next = [left = 3]() mutable -> Result<std::string> {
        if (left == 0) return std::string();
        return "piece " + std::to_string(left--) + "\n";
      };
    } else if (request.path == "/broken") {
      response.next = [sent = false]() mutable -> Result<std::string> {
        if (sent) return Error{ErrorCode::Unavailable, "gone"};
        sent = true;
        return std::string("half");
      };
    } else if (request.path == "/held") {
      response.is_ready = [this] { return has_pieces.load(); };
      response.next = [this, sent = false]() mutable -> Result<std::string> {
        if (std::exchange(sent, true)) return std::string();
        wait();
        return std::string("held\n");
      };
    } else if (request.path == "/wait") {
      wait();
    } else {
      response.body = request.body.empty() ? request.path : request.body;
    }
    return response;
  }

  void wait() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kPatience, [&] { return let_go; });
  }

  std::atomic<int> answered{0}, malformed{0};
  std::atomic<bool> has_pieces{false};  // Of the streams of /held.
  std::mutex mutex;  // Guards let_go.
  std::condition_variable changed;
  bool let_go = false;

 private:
  class EchoExchange final : public Exchange {
   public:
    EchoExchange(EchoHandler& handler, bool is_instant, Lane lane)
        : handler_(handler), instant_(is_instant), lane_(lane) {}
    std::size_t body_bytes_max() const override { return 1'000; }
    bool instant() const override { return instant_; }
    Lane lane() const override { return lane_; }
    Response answer(Request request) override { return handler_.answer(request); }
    Response refuse(Response response) override { return response; }

   private:
    EchoHandler& handler_;
    bool instant_;
    Lane lane_;
  };
};

class HttpServerTest : public ::testing::Test {
 protected:
  void start(const HttpServerOptions& options = {}) {
    auto started = HttpServer::start(options, handler_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  RawAnswer ask(std::string_view bytes, milliseconds silence = kSilence) {
    RawClient client(server_->port());
    client.send(bytes);
    return client.read(silence);
  }

  EchoHandler handler_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const RawAnswer answer = client.read(kSilence);
    EXPECT_EQ(std::vector<int>{200}, statuses_of(answer.bytes));
    EXPECT_TRUE(answer.bytes.ends_with("\r\n\r\n/hello")) << answer.bytes;
    EXPECT_NE(std::string::npos, answer.bytes.find("Date: "));
    EXPECT_FALSE(answer.closed);
  }
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    bytes += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n" +
             std::to_string(1'000 + i);
    expected += std::to_string(1'000 + i) + ",";
  }
  RawClient client(server_->port());
  client.send(bytes);
  const RawAnswer answer = client.read(milliseconds(2'000));
  EXPECT_EQ(std::vector<int>(500, 200), statuses_of(answer.bytes));
  std::string got;
  for (std::size_t at = answer.bytes.find("\r\n\r\n"); at != std::string::npos;
       at = answer.bytes.find("\r\n\r\n", at + 4)) {
    got += answer.bytes.substr(at + 4, 4) + ",";
  }
  EXPECT_EQ(expected, got);
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  start();
  const RawAnswer answer = ask(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=\"y;z\"\r\nde\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_TRUE(answer.bytes.ends_with("\r\n\r\nabcde")) << answer.bytes;
}

TEST_F(HttpServerTest, RefusesABodyThatIsTooLarge) {
  start();
  const std::string body(1'001, 'x');
  const RawAnswer by_length =
      ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + body);
  EXPECT_EQ(std::vector<int>{413}, statuses_of(by_length.bytes));
  const RawAnswer chunked =
      ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body +
          "\r\n0\r\n\r\n");
  EXPECT_EQ(std::vector<int>{413}, statuses_of(chunked.bytes));
  const RawAnswer huge =
      ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4611686018427387904\r\n\r\n");
  EXPECT_EQ(std::vector<int>{413}, statuses_of(huge.bytes));
  EXPECT_EQ(0, handler_.answered.load());
}

TEST_F(HttpServerTest, ARefusedRequestDoesNotLendItsBodyToTheNext) {
  start();
  const RawAnswer answer =
      ask("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 43\r\n\r\n"
          "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n         ", kPatience);
  EXPECT_EQ(std::vector<int>{403}, statuses_of(answer.bytes));
  EXPECT_TRUE(answer.closed);
  EXPECT_EQ(0, handler_.answered.load());
}

TEST_F(HttpServerTest, SaysContinueOnlyToThoseItWillHear) {
  start();
  const std::string head = "Host: a\r\nExpect: 100-continue\r\nContent-Length: ";
  RawClient client(server_->port());
  client.send("POST /echo HTTP/1.1\r\n" + head + "5\r\n\r\n");
  EXPECT_EQ(std::vector<int>{100}, statuses_of(client.read(kSilence).bytes));
  client.send("hello");
  EXPECT_TRUE(client.read(kSilence).bytes.ends_with("hello"));
  EXPECT_EQ(std::vector<int>{413},
            statuses_of(ask("POST /echo HTTP/1.1\r\n" + head + "5000\r\n\r\n").bytes));
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  start();
  const RawAnswer answer = ask("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.bytes.ends_with("\r\n\r\n")) << answer.bytes;
  EXPECT_NE(std::string::npos, answer.bytes.find("Content-Length: 6"));
}

TEST_F(HttpServerTest, ARefusedHeadHasNoBodyEither) {
  start();
  RawClient client(server_->port());
  client.send("HEAD /refused HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string refused = client.read(kSilence).bytes;
  EXPECT_EQ(std::vector<int>{403}, statuses_of(refused));
  EXPECT_TRUE(refused.ends_with("\r\n\r\n")) << refused;
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read(kSilence).bytes.ends_with("/hello"));
}

TEST_F(HttpServerTest, SlowSendersAreSentAway) {
  HttpServerOptions options;
  options.head_timeout = options.stall_timeout = milliseconds(200);
  options.idle_timeout = milliseconds(400);
  start(options);
  const RawAnswer head = ask("GET / HTTP/1.1\r\nHos", kPatience);
  EXPECT_EQ(std::vector<int>{408}, statuses_of(head.bytes));
  EXPECT_TRUE(head.closed);
  const RawAnswer body =
      ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", kPatience);
  EXPECT_EQ(std::vector<int>{408}, statuses_of(body.bytes));
  EXPECT_TRUE(body.closed);
  const RawAnswer silent = ask("", kPatience);
  EXPECT_EQ("", silent.bytes);
  EXPECT_TRUE(silent.closed);
}

TEST_F(HttpServerTest, ADripOfHeaderBytesDoesNotProlongTheTime) {
  HttpServerOptions options;
  options.head_timeout = milliseconds(300);
  start(options);
  RawClient client(server_->port());
  const auto began = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\n");
  RawAnswer answer;
  for (int i = 0; i < 100 && !answer.closed; ++i) {
    client.send("x");
    answer = client.read(milliseconds(50));
  }
  EXPECT_TRUE(answer.closed);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(3'000));
}

TEST_F(HttpServerTest, StreamsInPiecesAndBreaksOffVisibly) {
  start();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string bytes = client.read(kSilence).bytes;
  EXPECT_NE(std::string::npos,
            bytes.find("8\r\npiece 3\n\r\n8\r\npiece 2\n\r\n8\r\npiece 1\n\r\n0\r\n\r\n"))
      << bytes;
  EXPECT_TRUE(bytes.ends_with("/next"));
  const RawAnswer broken = ask("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n", kPatience);
  EXPECT_TRUE(broken.closed);
  EXPECT_TRUE(broken.bytes.ends_with("4\r\nhalf\r\n")) << broken.bytes;
  const RawAnswer old = ask("GET /stream HTTP/1.0\r\n\r\n", kPatience);
  EXPECT_TRUE(old.closed);
  EXPECT_TRUE(old.bytes.ends_with("\r\n\r\npiece 3\npiece 2\npiece 1\n")) << old.bytes;
}

TEST_F(HttpServerTest, AFullQueueRefusesButInstantAnswersGoOn) {
  HttpServerOptions options;
  options.lanes.fill({.workers = 1, .waiting_max = 1});
  start(options);
  const std::string wait = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.send(wait);
  second.send(wait);
  while (server_->queued(Lane::Ingest) < 2) std::this_thread::sleep_for(milliseconds(1));
  const RawAnswer third = ask(wait);
  EXPECT_EQ(std::vector<int>{429}, statuses_of(third.bytes));
  EXPECT_NE(std::string::npos, third.bytes.find("Retry-After: 1"));
  EXPECT_FALSE(third.closed);
  // A body whose end is known is thrown away, so that the connection lives on.
  const std::string post = "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: ";
  const RawAnswer small = ask(post + "3\r\n\r\nabcGET /instant HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ((std::vector<int>{429, 200}), statuses_of(small.bytes));
  const RawAnswer chunked =
      ask("POST /wait HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", kPatience);
  EXPECT_EQ(std::vector<int>{429}, statuses_of(chunked.bytes));
  EXPECT_TRUE(chunked.closed);
  EXPECT_EQ(std::vector<int>{200},
            statuses_of(ask("GET /instant HTTP/1.1\r\nHost: a\r\n\r\n").bytes));
  // Another class has workers of its own.
  EXPECT_EQ(std::vector<int>{200},
            statuses_of(ask("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").bytes));
  {
    const std::lock_guard lock(handler_.mutex);
    handler_.let_go = true;
  }
  handler_.changed.notify_all();
  EXPECT_EQ(std::vector<int>{200}, statuses_of(first.read(kSilence).bytes));
  EXPECT_EQ(std::vector<int>{200}, statuses_of(second.read(kSilence).bytes));
}

TEST_F(HttpServerTest, ARefusalForLoadComesBeforeTheBodyAndTheConnectionLivesOn) {
  HttpServerOptions options;
  options.lanes.fill({.workers = 1, .waiting_max = 0});
  start(options);
  RawClient busy(server_->port());
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  while (server_->queued(Lane::Ingest) < 1) std::this_thread::sleep_for(milliseconds(1));
  RawClient client(server_->port());
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
  // Three times, so that it comes too early twice.
  for (int i = 0; i < 3; ++i) {
    client.send(head + std::string(100, 'x'));
    const RawAnswer refused = client.read(kPatience, 1);
    EXPECT_EQ(std::vector<int>{429}, statuses_of(refused.bytes));
    EXPECT_EQ(std::string::npos, refused.bytes.find("Connection: close"));
    client.send("GET /smuggled HTTP/1.1\r\n" + std::string(776, 'x'));
  }
  EXPECT_EQ(0U, server_->body_bytes());
  EXPECT_EQ(1, handler_.answered.load());
  // Behind a body that may never come nothing can be read.
  const RawAnswer asks_first = ask(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 900\r\n\r\n",
      kPatience);
  EXPECT_EQ(std::vector<int>{429}, statuses_of(asks_first.bytes));
  EXPECT_TRUE(asks_first.closed);
  {
    const std::lock_guard lock(handler_.mutex);
    handler_.let_go = true;
  }
  handler_.changed.notify_all();
  EXPECT_EQ(std::vector<int>{200}, statuses_of(busy.read(kPatience, 1).bytes));
  while (server_->queued(Lane::Ingest) != 0) std::this_thread::sleep_for(milliseconds(1));
  client.send(head + std::string(900, 'y'));
  EXPECT_TRUE(client.read(kSilence).bytes.ends_with(std::string(900, 'y')));
}

TEST_F(HttpServerTest, PiecesOfStreamsWaitInNoLongerAQueueThanRequests) {
  HttpServerOptions options;
  options.lanes.fill({.workers = 1, .waiting_max = 1});
  start(options);
  constexpr std::size_t kReaders = 5;
  std::vector<std::unique_ptr<RawClient>> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.push_back(std::make_unique<RawClient>(server_->port()));
    readers.back()->send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(readers.back()->read(kPatience, 1).bytes.starts_with("HTTP/1.1 200"));
  }
  handler_.has_pieces = true;  // Of all at once; the first holds the worker.
  while (server_->queued(Lane::Ingest) < 2) std::this_thread::sleep_for(milliseconds(1));
  std::size_t most = 0;
  for (int i = 0; i < 50; ++i) {
    most = std::max(most, server_->queued(Lane::Ingest));
    std::this_thread::sleep_for(milliseconds(10));
  }
  // Streams that look at the same moment may pass together: one for each thread that reads.
  EXPECT_LE(most, 3U);
  {
    const std::lock_guard lock(handler_.mutex);
    handler_.let_go = true;
  }
  handler_.changed.notify_all();
  for (const auto& reader : readers) {
    EXPECT_TRUE(reader->read(kSilence * 5).bytes.ends_with("5\r\nheld\n\r\n0\r\n\r\n"));
  }
}

TEST_F(HttpServerTest, ConnectionsAndBodiesHaveALimit) {
  HttpServerOptions options;
  options.connections_max = 2;
  options.bodies_bytes_max = 1'200;
  start(options);
  RawClient first(server_->port());
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
  first.send(head + std::string(800, 'y'));
  while (server_->body_bytes() < 800) std::this_thread::sleep_for(milliseconds(1));
  RawClient second(server_->port());
  second.send(head);
  while (server_->connections() < 2) std::this_thread::sleep_for(milliseconds(1));
  RawClient third(server_->port());
  EXPECT_EQ(std::vector<int>{503}, statuses_of(third.read(kPatience).bytes));
  // What is only promised takes no room; what has come does.
  second.send(std::string(300, 'z'));
  while (server_->body_bytes() < 1'100) std::this_thread::sleep_for(milliseconds(1));
  second.send(std::string(300, 'z'));
  EXPECT_EQ(std::vector<int>{503}, statuses_of(second.read(kSilence, 1).bytes));
  first.send(std::string(100, 'y'));
  EXPECT_EQ(std::vector<int>{200}, statuses_of(first.read(kSilence).bytes));
}

TEST_F(HttpServerTest, DrainingFinishesWhatRunsAndClosesWhatIdles) {
  start();
  RawClient idle(server_->port());
  idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  idle.read(kSilence);
  RawClient busy(server_->port());
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  while (server_->queued(Lane::Ingest) < 1) std::this_thread::sleep_for(milliseconds(1));
  std::jthread drain([&] { server_->drain(kPatience); });
  EXPECT_TRUE(idle.read(kPatience).closed);
  {
    const std::lock_guard lock(handler_.mutex);
    handler_.let_go = true;
  }
  handler_.changed.notify_all();
  const RawAnswer answer = busy.read(kPatience);
  EXPECT_EQ(std::vector<int>{200}, statuses_of(answer.bytes));
  EXPECT_TRUE(answer.closed);
  drain.join();
  EXPECT_EQ(0U, server_->connections());
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(HttpServerTest, APortInUseIsOneSentence) {
  start();
  HttpServerOptions options;
  options.port = server_->port();
  const auto second = HttpServer::start(options, handler_);
  ASSERT_FALSE(second);
  EXPECT_NE(std::string::npos, second.error().message.find("in use")) << second.error().message;
  options.address = "192.0.2.1";
  EXPECT_FALSE(HttpServer::start(options, handler_));
}

TEST_F(HttpServerTest, OurClientUnderstandsIt) {
  start();
  HttpClient client(Url{{"127.0.0.1", server_->port()}, ""}, "");
  const auto echoed = client.send({.method = Method::Post, .path = "/echo", .body = "hello"});
  ASSERT_TRUE(echoed) << echoed.error().message;
  EXPECT_EQ("hello", echoed->body);
  std::string streamed;
  const auto visit = [&](std::string_view piece) -> Status {
    streamed += piece;
    return Ok{};
  };
  ASSERT_TRUE(client.stream({.path = "/stream"}, visit));
  EXPECT_EQ("piece 3\npiece 2\npiece 1\n", streamed);
  EXPECT_FALSE(client.stream({.path = "/broken"}, visit));
  const auto refused = client.send({.path = "/refused"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(ErrorCode::PermissionDenied, error_of(*refused).code);
  EXPECT_EQ("no", error_of(*refused).message);
}

// Many who come again before they were told to: each knows at once, and none can come a third time
// before it is their turn.
TEST_F(HttpServerTest, RepeatedRefusalsHaveTheirHeadsAtOnceAndTheirBodiesInTurn) {
  constexpr int kCallers = 300;  // Their bodies take a third of a second.
  constexpr int kRoundsMax = 20;
  HttpServerOptions options;
  options.lanes[static_cast<std::size_t>(Lane::Ingest)] = {.workers = 1, .waiting_max = 0};
  start(options);
  RawClient working(server_->port());
  working.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; handler_.answered.load() == 0 && i < 1'000; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  const std::string request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
  std::deque<RawClient> callers;
  std::size_t whole = 0;
  for (int i = 0; i < kCallers; ++i) {
    RawClient& caller = callers.emplace_back(server_->port());
    caller.send(request);
    const std::string bytes = caller.read(kPatience, 1).bytes;
    ASSERT_EQ(std::vector<int>{429}, statuses_of(bytes));
    whole = bytes.size();
  }
  // Who is first among them depends on threads; on a machine that stands still all may be served
  // before they are looked at.
  int heads_alone = 0;
  for (int round = 0; heads_alone == 0 && round < kRoundsMax; ++round) {
    for (RawClient& caller : callers) caller.send(request);
    for (RawClient& caller : callers) {
      const std::string first = caller.read(kPatience, 1).bytes;
      ASSERT_EQ(std::vector<int>{429}, statuses_of(first));
      EXPECT_NE(std::string::npos, first.find("Retry-After: 1\r\n")) << first;
      if (first.ends_with("\r\n\r\n")) ++heads_alone;
      const std::string rest = caller.read(kPatience, whole - first.size()).bytes;
      EXPECT_EQ(whole, first.size() + rest.size()) << rest;
    }
  }
  EXPECT_GT(heads_alone, 0) << "bodies come with their heads";
  // What is refused for another reason waits for nobody.
  callers.back().send("GET /refused HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string other = callers.back().read(kPatience, 1).bytes;
  EXPECT_EQ(std::vector<int>{403}, statuses_of(other));
  EXPECT_TRUE(other.ends_with("}") || other.ends_with("}\n")) << other;
  {
    const std::lock_guard lock(handler_.mutex);
    handler_.let_go = true;
  }
  handler_.changed.notify_all();
  EXPECT_EQ(std::vector<int>{200}, statuses_of(working.read(kPatience, 1).bytes));
}

}  // namespace
}  // namespace muster::server
