// The bytes of the head of an answer, and the buffer that requests are read into.
#include "server/http/response_head.h"

#include <gtest/gtest.h>

#include "server/http/read_buffer.h"
#include "server/quickness.h"
#include "tests/support/random.h"

namespace muster::server {
namespace {

bool has(const std::string& head, std::string_view line) {
  return head.find("\r\n" + std::string(line) + "\r\n") != head.npos;
}

TEST(ResponseHead, SaysHowTheBodyEnds) {
  Response response;
  response.body = "four";
  const std::string plain = response_head(response, {});
  EXPECT_TRUE(plain.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << plain;
  EXPECT_TRUE(plain.ends_with("\r\n\r\n"));
  EXPECT_TRUE(has(plain, "Content-Length: 4"));
  EXPECT_TRUE(has(plain, "Content-Type: application/json"));
  EXPECT_EQ(plain.npos, plain.find("Connection:"));
  const std::string chunked = response_head(response, {.framing = Framing::Chunked});
  EXPECT_TRUE(has(chunked, "Transfer-Encoding: chunked"));
  EXPECT_EQ(chunked.npos, chunked.find("Content-Length"));
  const std::string until_close = response_head(
      response, {.framing = Framing::UntilClose, .keep_alive = false, .http_1_0 = true});
  EXPECT_TRUE(until_close.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_EQ(until_close.npos, until_close.find("Content-Length"));
  EXPECT_EQ(until_close.npos, until_close.find("Transfer-Encoding"));
  EXPECT_EQ(until_close.npos, until_close.find("Connection:"));
}

TEST(ResponseHead, SaysWhetherTheConnectionGoesOnWhereThatIsNotTheRule) {
  const Response response;
  EXPECT_TRUE(has(response_head(response, {.keep_alive = false}), "Connection: close"));
  EXPECT_TRUE(has(response_head(response, {.http_1_0 = true}), "Connection: keep-alive"));
}

TEST(ResponseHead, TheLastHeaderOfANameCounts) {
  Response response;
  response.status = 429;
  response.headers = {{"Cache-Control", "max-age=1"}, {"Retry-After", "1"},
                      {"Cache-Control", "no-store"}};
  const std::string head = response_head(response, {});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_TRUE(has(head, "Retry-After: 1"));
  EXPECT_TRUE(has(head, "Cache-Control: no-store"));
  EXPECT_EQ(head.npos, head.find("max-age"));
}

TEST(ReadBuffer, GivesBackWhatWasPutInInOrder) {
  muster::testing::Random random;
  ReadBuffer buffer;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0) {
      const std::uint32_t room = 1 + random.below(200), come = random.below(room + 1);
      char* const to = buffer.prepare(room);
      for (std::size_t k = 0; k < come; ++k) {
        to[k] = static_cast<char>('a' + random.below(26));
        expected.push_back(to[k]);
      }
      buffer.commit(come);
    } else {
      const std::size_t taken = random.below(300);
      buffer.consume(taken);
      expected.erase(0, taken);
    }
    ASSERT_EQ(expected, buffer.view());
  }
}

TEST(Quickness, ASlowAnswerSendsTheNextOnesToWorkersForAWhile) {
  using std::chrono::microseconds;
  Quickness route;
  const Quickness::Time begin(std::chrono::hours(1));
  EXPECT_TRUE(route.is_quick(begin));
  route.note(microseconds(500), begin);
  EXPECT_TRUE(route.is_quick(begin));
  route.note(microseconds(501), begin);
  EXPECT_FALSE(route.is_quick(begin));
  EXPECT_FALSE(route.is_quick(begin + std::chrono::milliseconds(999)));
  EXPECT_TRUE(route.is_quick(begin + std::chrono::milliseconds(1'000)));
}

}  // namespace
}  // namespace muster::server
