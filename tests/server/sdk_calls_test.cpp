// What the routes of the Segment spec do otherwise than all others.
#include "server/sdk_calls.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "tests/server/served.h"

namespace muster::server {
namespace {

Request with(const std::string& name, const std::string& value) {
  Request request;
  request.headers.push_back({name, value});
  return request;
}

TEST(SdkCalls, EverySpellingMeansItsAddress) {
  EXPECT_EQ("/v1/track", sdk_address("/v1/t"));
  EXPECT_EQ("/v1/track", sdk_address("/v1/t/"));
  EXPECT_EQ("/v1/track", sdk_address("/v1/track"));
  EXPECT_EQ("/v1/alias", sdk_address("/v1/a/"));
  EXPECT_EQ("/v1/import", sdk_address("/v1/import/"));
  for (const char* other : {"/", "", "/v1/b", "/v1/track//", "/v1/count/", "/v1/T", "/track"}) {
    EXPECT_EQ(other, sdk_address(other));
  }
}

TEST(SdkCalls, TheKeyOfTheHead) {
  const auto basic = [](const std::string& user) { return "Basic " + to_base64(user); };
  EXPECT_EQ("mk_a", sdk_key(with("authorization", basic("mk_a:"))));
  EXPECT_EQ("mk_a", sdk_key(with("authorization", basic("mk_a"))));
  EXPECT_EQ("mk_a", sdk_key(with("authorization", basic("mk_a:secret"))));
  EXPECT_EQ("mk_a", sdk_key(with("authorization", "basic  " + to_base64("mk_a:"))));
  EXPECT_EQ("mk_a", sdk_key(with("authorization", "Bearer mk_a")));
  EXPECT_EQ("mk_a", sdk_key(with("x-write-key", "mk_a")));
  EXPECT_EQ("", sdk_key(with("authorization", "Basic !!!")));
  EXPECT_EQ("", sdk_key(with("authorization", basic(":secret"))));
  EXPECT_EQ("", sdk_key(with("authorization", "Digest mk_a")));
  EXPECT_EQ("", sdk_key({}));
  Request query;
  query.query = {{"writeKey", "mk_q"}};
  EXPECT_EQ("mk_q", sdk_key(query));
  query.headers.push_back({"x-write-key", "mk_h"});
  EXPECT_EQ("mk_h", sdk_key(query));
}

TEST(SdkCalls, OnlyOriginsOfTheListMayRead) {
  const Request page = with("origin", "https://shop.example.com");
  EXPECT_EQ("https://shop.example.com", allowed_origin(page, {"https://shop.example.com"}));
  EXPECT_EQ("https://shop.example.com", allowed_origin(page, {"*"}));
  EXPECT_EQ("", allowed_origin(page, {"https://example.com", "shop.example.com"}));
  EXPECT_EQ("", allowed_origin(page, {}));
  EXPECT_EQ("", allowed_origin({}, {"*"}));
}

TEST(SdkCalls, AnOriginThatNoBrowserSaysIsRefused) {
  EXPECT_TRUE(check_origins({"https://shop.example.com", "http://127.0.0.1:3000", "*"}));
  for (const char* wrong : {"shop.example.com", "https://shop.example.com/", "https://", "",
                            "https://*.example.com", "ftp://a"}) {
    const Status refused = check_origins({"*", wrong});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_NE(std::string::npos, refused.error().message.find("'" + std::string(wrong) + "'"));
  }
}

TEST(SdkCalls, APreflightMirrorsWhatLooksLikeHeaders) {
  const auto mirrored = [](const std::string& wanted) -> std::string {
    for (const Header& header : preflight(with("access-control-request-headers", wanted)).headers) {
      if (header.name == "Access-Control-Allow-Headers") return header.value;
    }
    return "";
  };
  EXPECT_EQ("content-type, x-anything_1", mirrored("content-type, x-anything_1"));
  EXPECT_EQ("", mirrored("<script>"));
}

TEST(SdkCalls, WhatIsToBeSentAgainIs429Or503) {
  const auto code = [](ErrorCode given) { return sdk_error({given, "because"}).code; };
  EXPECT_EQ(ErrorCode::InvalidArgument, code(ErrorCode::TooLarge));
  EXPECT_EQ(ErrorCode::Unavailable, code(ErrorCode::StorageFull));
  EXPECT_EQ(ErrorCode::Unavailable, code(ErrorCode::Conflict));
  EXPECT_EQ(ErrorCode::Overloaded, code(ErrorCode::Overloaded));
  EXPECT_EQ(ErrorCode::Unauthenticated, code(ErrorCode::Unauthenticated));
  Response large;
  large.status = 413;
  EXPECT_EQ(400, sdk_refusal(large, "id").status);
  Response slow;
  slow.status = 408;
  EXPECT_EQ(503, sdk_refusal(slow, "id").status);
}

TEST(SdkCalls, NotReadyIs503WithATimeToComeBack) {
  Served served;
  served.services().ready = false;
  const char* const body = R"({"userId": "u", "event": "A"})";
  const auto waits = [](const ClientResponse& response) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [](const Header& header) { return header.name == "retry-after"; });
  };
  ClientResponse response = served.post("/v1/track", body);
  EXPECT_EQ(503, response.status);
  EXPECT_TRUE(waits(response));
  served.services().ready = true;
  EXPECT_EQ(200, served.post("/v1/t/", body).status);
  served.services().draining = true;
  response = served.post("/v1/track", body);
  EXPECT_EQ(503, response.status);
}

TEST(SdkCalls, WithoutKeysOnlyThisMachineMayCall) {
  Served served("", false);
  EXPECT_EQ(401, served.post("/v1/track", R"({"userId": "u", "event": "A"})").status);
}

}  // namespace
}  // namespace muster::server
