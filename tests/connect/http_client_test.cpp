#include "connect/http_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/connect/loopback_server.h"

namespace muster::connect {
namespace {

using testing::http_answer;
using testing::LoopbackServer;
using testing::SeenRequest;

AddressGuard loopback_allowed() {
  const std::vector<std::string> list{"127.0.0.1/32"};
  return *AddressGuard::with_allow_list(list);
}

HttpRequest request_to(const LoopbackServer& server, const std::string& body = "{}") {
  return {.url = *parse_url(server.url() + "/x"), .headers = {"X-Test: yes", "Expect:"},
          .body = body, .timeout_ms = 2'000};
}

TEST(HttpClient, SendsTheRequestAndReadsTheAnswer) {
  LoopbackServer server([](const SeenRequest&) {
    return http_answer(429, "slow down", "Retry-After: 7\r\n");
  });
  HttpClient client(loopback_allowed());
  const HttpAnswer answer = client.ask(request_to(server, "abc"));
  EXPECT_EQ(AnswerKind::Status, answer.kind);
  EXPECT_EQ(429, answer.status);
  EXPECT_EQ(" 7", answer.retry_after);
  EXPECT_EQ("slow down", answer.body);
  HttpRequest other = request_to(server, "abc");
  other.method = "PATCH";
  client.ask(other);
  const auto seen = server.seen();
  ASSERT_EQ(2U, seen.size());
  EXPECT_TRUE(seen[0].head.starts_with("POST /x HTTP/1.1\r\n"));
  EXPECT_TRUE(seen[1].head.starts_with("PATCH /x HTTP/1.1\r\n"));
  EXPECT_EQ("yes", seen[0].header("X-Test"));
  EXPECT_EQ("abc", seen[1].body);
}

TEST(HttpClient, KeepsConnectionsAndHasManyUnderWay) {
  LoopbackServer server([](const SeenRequest& request) { return http_answer(200, request.body); });
  HttpClient client(loopback_allowed());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(200, client.ask(request_to(server)).status);
  EXPECT_EQ(1U, server.connections());
  std::atomic<int> right{0}, done{0};
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    client.start(request_to(server, body), [&, body](const HttpAnswer& answer) {
      if (answer.body == body) ++right;
      ++done;
    });
  }
  for (int i = 0; i < 400 && done < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(50, right.load());
}

// libcurl would send such a request a second time by itself.
TEST(HttpClient, NeverSendsTwiceWhenAKeptConnectionDies) {
  std::atomic<int> count{0};
  LoopbackServer server([&](const SeenRequest&) {
    return ++count == 2 ? std::string() : http_answer(200, "ok");
  });
  HttpClient client(loopback_allowed());
  EXPECT_EQ(200, client.ask(request_to(server)).status);
  const HttpAnswer lost = client.ask(request_to(server));
  EXPECT_EQ(AnswerKind::Ambiguous, lost.kind) << lost.error;
  EXPECT_EQ(2U, server.seen().size());
  EXPECT_EQ(200, client.ask(request_to(server)).status);
}

TEST(HttpClient, DoesNotTakeAnAnswerThatWasThereBeforeTheQuestion) {
  LoopbackServer server([&](const SeenRequest& request) {
    return http_answer(200, "ok") +
           (request.connection == 0 ? http_answer(200, "unasked") : std::string());
  });
  HttpClient client(loopback_allowed());
  EXPECT_EQ("ok", client.ask(request_to(server)).body);
  EXPECT_EQ("ok", client.ask(request_to(server)).body);
  EXPECT_EQ(2U, server.connections());
}

TEST(HttpClient, SaysThatAnAnswerWasLongerThanIsRead) {
  for (const std::size_t size : {kAnswerBytesMax, kAnswerBytesMax + 1}) {
    LoopbackServer server(
        [&](const SeenRequest&) { return http_answer(200, std::string(size, 'x')); });
    HttpClient client(loopback_allowed());
    const HttpAnswer answer = client.ask(request_to(server));
    EXPECT_EQ(200, answer.status);
    EXPECT_EQ(kAnswerBytesMax, answer.body.size());
    EXPECT_EQ(size > kAnswerBytesMax, answer.cut);
  }
}

TEST(HttpClient, BelievesNoAnswerOfTwoLengths) {
  LoopbackServer server([](const SeenRequest&) {
    return http_answer(200, "ok", "Content-Length: 7\r\n");
  });
  HttpClient client(loopback_allowed());
  EXPECT_EQ(AnswerKind::Ambiguous, client.ask(request_to(server)).kind);
}

TEST(HttpClient, RefusesTheConnectedAddress) {
  LoopbackServer server([](const SeenRequest&) { return http_answer(200, ""); });
  HttpClient client(*AddressGuard::with_allow_list({}));
  const HttpAnswer answer = client.ask(request_to(server));
  EXPECT_EQ(AnswerKind::NotSent, answer.kind);
  EXPECT_NE(std::string::npos, answer.error.find("127.0.0.1"));
  EXPECT_EQ(0U, server.connections());
}

TEST(HttpClient, AnswersWhatIsUnderWayWhenItEnds) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(0, bind(silent, reinterpret_cast<sockaddr*>(&address), size));
  ASSERT_EQ(0, listen(silent, 8));
  ASSERT_EQ(0, getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size));
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  std::atomic<int> stopped{0};
  {
    HttpClient client(loopback_allowed());
    for (int i = 0; i < 3; ++i) {
      client.start({.url = *parse_url(url), .body = "x", .timeout_ms = 60'000},
                   [&](const HttpAnswer& answer) {
                     if (answer.kind == AnswerKind::Stopped) ++stopped;
                   });
    }
  }
  EXPECT_EQ(3, stopped.load());
  close(silent);
}

}  // namespace
}  // namespace muster::connect
