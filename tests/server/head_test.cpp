// The head of a request is read in one way only, or refused.
#include "server/http/head.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

HeadResult parse(const std::string& line, const std::string& headers) {
  return parse_head(line + "\r\n" + headers + "\r\n");
}

TEST(ParseHead, ReadsAnOrdinaryRequest) {
  const HeadResult result =
      parse("POST /v1/count?dry_run=1&x=a%20b HTTP/1.1",
            "Host: localhost:8080\r\nContent-Length: 12\r\nX-Thing:  padded \r\n");
  ASSERT_TRUE(result.head) << result.error.detail;
  const Head& head = *result.head;
  EXPECT_EQ(Method::Post, head.request.method);
  EXPECT_EQ("/v1/count", head.request.path);
  EXPECT_EQ("a b", head.request.query_value("x"));
  EXPECT_EQ("padded", head.request.header("x-thing"));
  EXPECT_EQ(12U, head.content_length);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.chunked);
}

TEST(ParseHead, KnowsWhoKeepsTheConnection) {
  EXPECT_FALSE(parse("GET / HTTP/1.0", "").head->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1", "Host: a\r\nConnection: x, Close\r\n").head->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.1", "Host: a\r\nConnection: keep-alive\r\n").head->keep_alive);
}

TEST(ParseHead, RefusesWhatCouldBeReadInTwoWays) {
  struct Case {
    std::string line, headers;
    int status;
  };
  const std::string host = "Host: a\r\n";
  const std::string good = "POST / HTTP/1.1";
  const Case cases[] = {
      {"GET / HTTP/1.1", "", 400},
      {"GET / HTTP/1.1", host + host, 400},
      {"GET  / HTTP/1.1", host, 400},
      {"GET / HTTP/1.1 ", host, 400},
      {"GET\t/\tHTTP/1.1", host, 400},
      {"GET / http/1.1", host, 400},
      {"GET / HTTP/2.0", host, 400},
      {"GET /a#b HTTP/1.1", host, 400},
      {"GET http://a/ HTTP/1.1", host, 400},
      {"GET * HTTP/1.1", host, 400},
      {"G(T / HTTP/1.1", host, 400},
      {"GET /\xc3\xa9 HTTP/1.1", host, 400},
      {"GET /?a=%zz HTTP/1.1", host, 400},
      {good, host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400},
      {good, host + "Content-Length: 1\r\nContent-Length: 1\r\n", 400},
      {good, host + "Content-Length: +1\r\n", 400},
      {good, host + "Content-Length: 1, 1\r\n", 400},
      {good, host + "Content-Length: 0x1\r\n", 400},
      {good, host + "Content-Length:\r\n", 400},
      {good, host + "Content-Length: 99999999999999999999\r\n", 400},
      {good, host + "Content_Length: 1\r\n", 400},
      {good, host + "Transfer-Encoding: gzip, chunked\r\n", 400},
      {good, host + "Transfer-Encoding: chunked, chunked\r\n", 400},
      {good, host + "Transfer-Encoding : chunked\r\n", 400},
      {"POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n", 400},
      {good, host + " folded: x\r\n", 400},
      {good, host + ": x\r\n", 400},
      {good, host + "Nam\xc3\xa9: x\r\n", 400},
      {good, host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", 400},
      {good, host + "Expect: 200-ok\r\n", 417},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line + " | " + c.headers);
    const HeadResult result = parse(c.line, c.headers);
    ASSERT_FALSE(result.head);
    EXPECT_EQ(c.status, result.error.status);
    EXPECT_GT(result.error.detail.size(), 10U);
  }
}

TEST(ParseHead, BoundsTheAddressAndTheHeaders) {
  const HeadResult address = parse("GET /" + std::string(9'000, 'a') + " HTTP/1.1", "Host: a\r\n");
  ASSERT_FALSE(address.head);
  EXPECT_EQ(414, address.error.status);
  std::string headers = "Host: a\r\n";
  for (int i = 0; i < 101; ++i) headers += "X: y\r\n";
  const HeadResult many = parse("GET / HTTP/1.1", headers);
  ASSERT_FALSE(many.head);
  EXPECT_EQ(431, many.error.status);
}

TEST(SpoiltHead, SpeaksUpBeforeTheEnd) {
  EXPECT_FALSE(spoilt_head("GET / HT"));
  EXPECT_FALSE(spoilt_head("GET / HTTP/1.1\r"));
  EXPECT_FALSE(spoilt_head("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n"));
  EXPECT_EQ(400, spoilt_head("GET / HTTP/1.1\nHost")->status);
  EXPECT_EQ(400, spoilt_head("GET / HTTP/1.1\rHost")->status);
  EXPECT_EQ(400, spoilt_head(std::string_view("\x16\x03\x01\x02", 4))->status);
  EXPECT_EQ(400, spoilt_head(std::string_view("GET /\0", 6))->status);
  EXPECT_EQ(414, spoilt_head(std::string(9'000, 'a'))->status);
  EXPECT_EQ(431, spoilt_head("GET / HTTP/1.1\r\nX: " + std::string(17'000, 'a'))->status);
}

}  // namespace
}  // namespace muster::server
