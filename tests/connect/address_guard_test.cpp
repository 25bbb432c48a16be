#include "connect/address_guard.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>

#include "tests/support/shared_data.h"

namespace muster::connect {
namespace {

Status configure(const AddressGuard& guard, std::string_view text) {
  TRY_ASSIGN(const Url url, parse_url(text));
  return guard.check(url);
}

TEST(AddressGuard, JudgesEveryHostileUrlAsItsVerdictSays) {
  RETURN_WITHOUT_SHARED_DATA();
  const AddressGuard guard = *AddressGuard::with_allow_list({});
  std::ifstream file(*testing::shared_data() / "data/hostile/addresses/manifest.ndjson");
  int denied = 0, allowed = 0;
  for (std::string line; std::getline(file, line);) {
    const boost::json::value entry = boost::json::parse(line);
    const std::string url(entry.at("url").as_string());
    SCOPED_TRACE(url);
    const bool allow = entry.at("verdict").as_string() == "allow";
    const Status verdict = configure(guard, url);
    EXPECT_EQ(allow, verdict.has_value());
    if (!verdict) {
      EXPECT_TRUE(verdict.error().code == ErrorCode::InvalidArgument ||
                  verdict.error().code == ErrorCode::PermissionDenied);
      EXPECT_TRUE(verdict.error().message.ends_with('.'));
    }
    ++(allow ? allowed : denied);
  }
  EXPECT_EQ(119, denied);
  EXPECT_EQ(11, allowed);
}

TEST(AddressGuard, KnowsTheFirstAndLastAddressOfEveryRange) {
  const char* const inside[] = {
      "0.0.0.0",       "0.255.255.255",   "10.0.0.0",      "10.255.255.255",  "100.64.0.0",
      "100.127.255.255", "127.0.0.0",     "127.255.255.255", "169.254.0.0",   "169.254.255.255",
      "172.16.0.0",    "172.31.255.255",  "192.0.0.0",     "192.0.0.255",     "192.0.2.1",
      "192.168.0.0",   "192.168.255.255", "198.18.0.0",    "198.19.255.255",  "198.51.100.7",
      "203.0.113.255", "224.0.0.0",       "239.255.255.255", "240.0.0.0",     "255.255.255.255",
      "::",            "::1",             "::ffff:8.8.8.8", "::8.8.8.8",      "64:ff9b::808:808",
      "64:ff9b:1::1",  "100::1",          "2001::1",       "2001:1ff:ffff::", "2001:db8::1",
      "2002:808:808::1", "3fff::1",       "fc00::1",       "fdff::1",         "fe80::1",
      "febf::1",       "fec0::1",         "ff02::1",       "4000::1",         "1fff::1"};
  const char* const outside[] = {
      "1.0.0.0",     "9.255.255.255", "11.0.0.0",    "100.63.255.255", "100.128.0.0",
      "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
      "172.32.0.0",  "192.0.1.0",     "192.167.255.255", "192.169.0.0", "198.17.255.255",
      "198.20.0.0",  "223.255.255.255", "2001:200::1", "2606:4700::1111", "2a00:1450::1"};
  for (const char* text : inside) EXPECT_NE("", reason_not_public(*parse_ip(text))) << text;
  for (const char* text : outside) EXPECT_EQ("", reason_not_public(*parse_ip(text))) << text;
}

TEST(AddressGuard, LetsThroughWhatTheOperatorNamedAndNothingBeside) {
  const std::vector<std::string> list{"127.0.0.1/32", "10.1.0.0/16", "[fd00::1]:8080",
                                      "hooks.internal:8443", "192.168.1.7:80"};
  const AddressGuard guard = *AddressGuard::with_allow_list(list);
  for (const char* url :
       {"http://127.0.0.1:9000/x", "https://10.1.255.3/", "http://[fd00::1]:8080/",
        "https://hooks.internal:8443/in", "http://192.168.1.7/", "http://localhost:1/"}) {
    EXPECT_TRUE(configure(guard, url)) << url;
  }
  for (const char* url :
       {"http://127.0.0.2/", "https://10.2.0.1/", "http://[fd00::1]:8081/",
        "https://hooks.internal/in", "http://192.168.1.7:81/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://evil.internal:8443/"}) {
    EXPECT_FALSE(configure(guard, url)) << url;
  }
  // A name may lead anywhere when it was named with its port, and nowhere inside otherwise.
  EXPECT_TRUE(guard.check("hooks.internal", 8443, *parse_ip("10.9.9.9")));
  EXPECT_FALSE(guard.check("hooks.internal", 8444, *parse_ip("10.9.9.9")));
  EXPECT_FALSE(guard.check("hooks.example.com", 8443, *parse_ip("10.9.9.9")));
  EXPECT_TRUE(guard.check("hooks.example.com", 8443, *parse_ip("9.9.9.9")));
}

TEST(AddressGuard, RefusesAllowListEntriesThatAreNone) {
  for (const std::string text :
       {"", "10.0.0.0/33", "::/129", "name", "name:0", "name:99999", "10.0.0.0/8/8", "a b:80",
        "http://name:80", "user@name:80", "name:80/"}) {
    const auto guard = AddressGuard::with_allow_list({&text, 1});
    ASSERT_FALSE(guard) << text;
    EXPECT_NE(std::string::npos, guard.error().message.find("'" + text + "'"));
  }
}

TEST(Url, WritesOneSpellingOfWhatItRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"HTTPS://Hooks.Example.COM./in?x=1", "https://hooks.example.com/in?x=1"},
      {"http://h.example:80", "http://h.example/"},
      {"http://h.example?x", "http://h.example/?x"},
      {"https://h.example:8443/a/../b", "https://h.example:8443/a/../b"},
      {"http://[2606:4700:0::1]:81/", "http://[2606:4700::1]:81/"}};
  for (const auto& [text, expected] : cases) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(expected, url->text());
  }
}

}  // namespace
}  // namespace muster::connect
