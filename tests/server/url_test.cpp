// Addresses: decoding, queries, hosts, server URLs.
#include "server/http/url.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

TEST(PercentDecode, RefusesBrokenEscapes) {
  for (const std::string text : {"%", "%4", "a%zz", "%%41"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
  EXPECT_EQ("a/b c", percent_decode("a%2Fb%20c"));
  EXPECT_EQ("+", percent_decode("+"));
}

TEST(PercentEncode, IsUndoneByDecoding) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every.push_back(static_cast<char>(byte));
  EXPECT_EQ(every, percent_decode(percent_encode(every)));
  EXPECT_EQ("a-b_c.d~e", percent_encode("a-b_c.d~e"));
}

TEST(ParseQuery, DecodesAndRefusesRepeats) {
  const auto query = parse_query("a=1&b=x+y%26z&&c");
  ASSERT_TRUE(query);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"a", "1"}, {"b", "x y&z"}, {"c", ""}};
  EXPECT_EQ(expected, *query);
  EXPECT_FALSE(parse_query("a=1&a=2"));
  EXPECT_FALSE(parse_query("a=%"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_FALSE(parse_query(many));
}

TEST(ParseHostPort, ReadsNamesAndAddresses) {
  struct Case {
    std::string text, host;
    int port;  // -1: refused.
  };
  const Case cases[] = {
      {"127.0.0.1:8080", "127.0.0.1", 8080}, {"[::1]:0", "::1", 0},
      {"LocalHost:65535", "localhost", 65535}, {"127.0.0.1", "", -1}, {"nonsense", "", -1},
      {"127.0.0.1:99999", "", -1}, {":80", "", -1}, {"a:b", "", -1}, {"[::1:80", "", -1},
      {"a:80:90", "", -1}, {"a/b:80", "", -1}, {"a:+80", "", -1}, {"", "", -1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_host_port(c.text);
    ASSERT_EQ(c.port >= 0, parsed.has_value());
    if (!parsed) continue;
    EXPECT_EQ(c.host, parsed->host);
    EXPECT_EQ(c.port, parsed->port);
  }
}

TEST(ParseHttpUrl, TakesHttpOnly) {
  const auto url = parse_http_url("http://localhost:8080/base/");
  ASSERT_TRUE(url);
  EXPECT_EQ("localhost", url->at.host);
  EXPECT_EQ(8080, url->at.port);
  EXPECT_EQ("/base", url->base_path);
  EXPECT_EQ(80, parse_http_url("http://example.com")->at.port);
  for (const std::string text : {"", "localhost:8080", "https://a", "ftp://a", "http://",
                                 "http:///x",
                                 "http://a:port", "http://a/?q", "http://u@a/"}) {
    EXPECT_FALSE(parse_http_url(text)) << text;
  }
}

TEST(IsLoopbackName, KnowsThisMachineOnly) {
  for (const std::string name : {"localhost", "127.0.0.1", "127.9.8.7", "::1"}) {
    EXPECT_TRUE(is_loopback_name(name)) << name;
  }
  for (const std::string name : {"0.0.0.0", "::", "192.168.0.1", "127.evil.example", "localhost.",
                                 "128.0.0.1", ""}) {
    EXPECT_FALSE(is_loopback_name(name)) << name;
  }
}

}  // namespace
}  // namespace muster::server
