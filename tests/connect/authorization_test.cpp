#include "connect/authorization.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/crypto.h"
#include "base/text.h"
#include "connect/address_guard.h"
#include "connect/destination_document.h"
#include "connect/token_source.h"
#include "connect/webhook_destination.h"
#include "tests/connect/loopback_server.h"

namespace muster::connect {
namespace {

using testing::http_answer;
using testing::LoopbackServer;
using testing::SeenRequest;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

AddressGuard loopback_allowed() {
  const std::vector<std::string> list{"127.0.0.1/32"};
  return *AddressGuard::with_allow_list(list);
}

std::string with(const std::string& authorization,
                 const std::string& url = "https://hooks.example.com/in") {
  return R"({"kind":"webhook","url":")" + url + R"(","secret":")" + kSecret +
         R"(","authorization":)" + authorization + "}";
}

Result<DestinationDocument> parsed(const std::string& authorization,
                                   const DestinationDocument* previous = nullptr) {
  return parse_destination(with(authorization), previous);
}

constexpr const char* kAll[] = {
    R"({"kind":"bearer","token":"hush-1"})",
    R"({"kind":"basic","username":"ana","password":"hush-2"})",
    R"({"kind":"hmac","secret":"hush-3","header":"X-Signature","prefix":"sha256="})",
    R"({"kind":"oauth2","token_url":"https://id.example.com/token","client_id":"c",
        "client_secret":"hush-4","scope":"a b","client_authentication":"body"})",
    R"({"kind":"oauth2","grant":"refresh_token","token_url":"https://id.example.com/token",
        "client_id":"c","client_secret":"hush-5","refresh_token":"hush-6"})"};

TEST(Authorization, IsKeptSealedAndShownMasked) {
  const SecretBox box = *SecretBox::with_key(std::string(32, 'k'));
  for (const char* text : kAll) {
    SCOPED_TRACE(text);
    const auto document = parsed(text);
    ASSERT_TRUE(document) << document.error().message;
    const std::string shown = to_shown_json(*document);
    EXPECT_EQ(std::string::npos, shown.find("hush")) << shown;
    const auto stored = to_stored_json(*document, box, "crm");
    ASSERT_TRUE(stored);
    EXPECT_EQ(std::string::npos, stored->find("hush"));
    const auto again = from_stored_json(*stored, box, "crm");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(document->authorization.secret, again->authorization.secret);
    EXPECT_EQ(document->authorization.refresh_token, again->authorization.refresh_token);
    EXPECT_EQ(shown, to_shown_json(*again));
    // Given back as it was shown, everything stays.
    const auto kept = parse_destination(shown, &*document);
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(document->authorization.secret, kept->authorization.secret);
  }
}

TEST(Authorization, GivesItsSecretsToNoOtherServer) {
  const auto bearer = parsed(kAll[0]);
  const std::string masked = R"({"kind":"bearer","token":"***"})";
  EXPECT_TRUE(parse_destination(with(masked), &*bearer));
  EXPECT_FALSE(parse_destination(with(masked, "https://evil.example.com/in"), &*bearer));
  const auto oauth = parsed(kAll[3]);
  EXPECT_TRUE(parsed(R"({"kind":"oauth2","token_url":"https://id.example.com/other",
                         "client_id":"c"})", &*oauth));
  EXPECT_FALSE(parsed(R"({"kind":"oauth2","token_url":"https://evil.example.com/token",
                          "client_id":"c"})", &*oauth));
  // Of another kind it is another secret.
  EXPECT_FALSE(parsed(R"({"kind":"basic","username":"a","password":"***"})", &*bearer));
}

TEST(Authorization, SaysWhatIsWrongAndWhere) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {R"({"kind":"digest"})",
       "/authorization/kind: 'none', 'bearer', 'basic', 'hmac' or 'oauth2' belongs here."},
      {R"({"kind":"bearer"})",
       "/authorization/token: a secret is missing: it is not known, give it."},
      {R"({"kind":"bearer","token":"a\nb"})",
       "/authorization/token: a secret is one line of printable ASCII."},
      {R"({"kind":"basic","password":"x","username":"a:b"})",
       "/authorization/username: a user name has no colon."},
      {R"({"kind":"hmac","secret":"x","header":"Host"})",
       "/authorization/header: the name of a header that the delivery does not set itself "
       "belongs here, as X-Signature."},
      {R"({"kind":"hmac","secret":"x","header":"X-A","encoding":"hax"})",
       "/authorization/encoding: 'hex' or 'base64' belongs here."},
      {R"({"kind":"oauth2","client_secret":"x","token_url":"ftp://a/","client_id":"c"})", nullptr},
      {R"({"kind":"bearer","token":"x","scope":"y"})", nullptr}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto document = parsed(c.text);
    ASSERT_FALSE(document);
    if (c.message != nullptr) {
      EXPECT_EQ(c.message, document.error().message);
    }
  }
  const auto twice = parse_destination(
      R"({"kind":"webhook","url":"https://h.example.com/","secret":")" + std::string(kSecret) +
          R"(","headers":{"Authorization":"x"},"authorization":{"kind":"bearer","token":"y"}})",
      nullptr);
  ASSERT_FALSE(twice);
  EXPECT_EQ("/headers/Authorization: this header is set by the delivery itself.",
            twice.error().message);
  const auto by_template = parse_destination(
      R"({"kind":"webhook","url":"https://h.example.com/","authorization":{"kind":"bearer",)"
      R"("token":"y"},"requests":{"add":{"headers":{"authorization":"x"},"path":"/{{id}}"},)"
      R"("remove":{"path":"/{{id}}"}}})",
      nullptr);
  ASSERT_FALSE(by_template);
  EXPECT_EQ("/authorization: the requests set the header 'authorization' themselves; leave one of "
            "the two out.",
            by_template.error().message);
}

TEST(Authorization, MakesTheHeaders) {
  const auto header = [](const char* text) {
    return *authorization_header(parsed(text)->authorization, "body", "token-1");
  };
  EXPECT_EQ("Authorization: Bearer hush-1", header(kAll[0]));
  EXPECT_EQ("Authorization: Basic YW5hOmh1c2gtMg==", header(kAll[1]));
  EXPECT_EQ("X-Signature: sha256=" + to_hex(*hmac_sha256("hush-3", {"body"})), header(kAll[2]));
  EXPECT_EQ("Authorization: Bearer token-1", header(kAll[3]));
  EXPECT_EQ("X-S: " + to_base64(*hmac_sha256("k", {"body"})),
            header(R"({"kind":"hmac","secret":"k","header":"X-S","encoding":"base64"})"));
}

TEST(Authorization, RefusesATokenEndpointInside) {
  const WebhookFactory factory(*AddressGuard::with_allow_list({}));
  const auto document = parsed(R"({"kind":"oauth2","token_url":"http://127.0.0.1/token",
                                   "client_id":"c","client_secret":"x"})");
  ASSERT_TRUE(document);
  const Status allowed = factory.check(*document);
  ASSERT_FALSE(allowed);
  EXPECT_TRUE(allowed.error().message.starts_with("/authorization/token_url: "));
}

// A server that gives tokens at /token and takes deliveries with the newest one.
struct OAuthServer {
  std::atomic<int> given{0};
  std::atomic<bool> revoked{false};
  std::atomic<bool> stubborn{false};  // No token is good.
  std::atomic<int> token_status{200};
  LoopbackServer server{[this](const SeenRequest& request) { return react(request); }};

  std::string react(const SeenRequest& request) {
    if (request.head.starts_with("POST /token ")) {
      if (token_status != 200) return http_answer(token_status, R"({"error":"invalid_client"})");
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      const int number = ++given;
      revoked = false;
      return http_answer(200, R"({"access_token":"t)" + std::to_string(number) +
                                  R"(","token_type":"bearer","expires_in":3600,)" +
                                  R"("refresh_token":"r)" + std::to_string(number) + "\"}");
    }
    const std::string newest = "Bearer t" + std::to_string(given.load());
    const bool right = !revoked && !stubborn && request.header("Authorization") == newest;
    return http_answer(right ? 200 : 401, "");
  }

  std::unique_ptr<Destination> destination(const WebhookFactory& factory,
                                           const std::string& members) {
    const auto document = parse_destination(
        with(R"({"kind":"oauth2","token_url":")" + server.url() +
                 R"(/token","client_id":"my id","client_secret":"s&s")" + members + "}",
             server.url() + "/in"),
        nullptr);
    EXPECT_TRUE(document) << document.error().message;
    return factory.make(*document);
  }
  std::vector<SeenRequest> seen(const std::string& path) const {
    std::vector<SeenRequest> found;
    for (const SeenRequest& request : server.seen()) {
      if (request.head.starts_with("POST " + path + " ")) found.push_back(request);
    }
    return found;
  }
};

TEST(OAuth2, FetchesOneTokenForAllWhoWait) {
  OAuthServer oauth;
  const WebhookFactory factory(loopback_allowed());
  const auto destination = oauth.destination(factory, R"(,"scope":"a b")");
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 20; ++i) {
    const auto promise = std::make_shared<std::promise<Answer>>();
    answers.push_back(promise->get_future());
    destination->start({.message_id = "m" + std::to_string(i), .body = "{}"}, {},
                       [promise](Answer answer) { promise->set_value(std::move(answer)); });
  }
  for (auto& answer : answers) EXPECT_EQ(200, answer.get().status);
  EXPECT_EQ(1, oauth.given.load());
  const auto asked = oauth.seen("/token");
  ASSERT_EQ(1U, asked.size());
  EXPECT_EQ("grant_type=client_credentials&scope=a%20b", asked[0].body);
  EXPECT_EQ("Basic " + to_base64("my%20id:s%26s"), asked[0].header("Authorization"));
  EXPECT_EQ(20U, oauth.seen("/in").size());
}

TEST(OAuth2, ReplacesARefusedTokenOnceWithTheSameBytes) {
  OAuthServer oauth;
  const WebhookFactory factory(loopback_allowed());
  const auto destination = oauth.destination(factory, R"(,"client_authentication":"body")");
  EXPECT_EQ(200, destination->deliver({.message_id = "m1", .body = "{}"}, {}).status);
  oauth.revoked = true;
  EXPECT_EQ(200, destination->deliver({.message_id = "m2", .body = "{2}"}, {}).status);
  EXPECT_EQ(2, oauth.given.load());
  const auto deliveries = oauth.seen("/in");
  ASSERT_EQ(3U, deliveries.size());
  EXPECT_EQ(deliveries[1].header("webhook-id"), deliveries[2].header("webhook-id"));
  EXPECT_EQ(deliveries[1].body, deliveries[2].body);
  EXPECT_EQ("grant_type=client_credentials&client_id=my%20id&client_secret=s%26s",
            oauth.seen("/token")[0].body);
  // A destination that refuses every token hears of each delivery twice, no more.
  oauth.stubborn = true;
  EXPECT_EQ(401, destination->deliver({.message_id = "m3", .body = "{3}"}, {}).status);
  EXPECT_EQ(5U, oauth.seen("/in").size());
}

TEST(OAuth2, SaysWhatTheTokenEndpointAnsweredAndNoSecret) {
  OAuthServer oauth;
  oauth.token_status = 401;
  const WebhookFactory factory(loopback_allowed());
  const auto destination = oauth.destination(factory, "");
  const Answer answer = destination->deliver({.message_id = "m1", .body = "{}"}, {});
  EXPECT_EQ(AnswerKind::NotSent, answer.kind);
  EXPECT_EQ("The token endpoint answered HTTP 401: invalid_client.", answer.text);
  EXPECT_TRUE(oauth.seen("/in").empty());
  oauth.token_status = 200;
  EXPECT_EQ(200, destination->deliver({.message_id = "m1", .body = "{}"}, {}).status);
}

TEST(OAuth2, HandsOnARefreshTokenThatWasReplaced) {
  OAuthServer oauth;
  const WebhookFactory factory(loopback_allowed());
  const auto destination =
      oauth.destination(factory, R"(,"grant":"refresh_token","refresh_token":"r0")");
  EXPECT_FALSE(destination->take_rotated_token());
  EXPECT_EQ(200, destination->deliver({.message_id = "m1", .body = "{}"}, {}).status);
  EXPECT_EQ("grant_type=refresh_token&refresh_token=r0", oauth.seen("/token")[0].body);
  EXPECT_EQ("r1", destination->take_rotated_token().value_or(""));
  EXPECT_FALSE(destination->take_rotated_token());
  oauth.revoked = true;
  EXPECT_EQ(200, destination->deliver({.message_id = "m2", .body = "{}"}, {}).status);
  EXPECT_EQ("grant_type=refresh_token&refresh_token=r1", oauth.seen("/token")[1].body);
}

}  // namespace
}  // namespace muster::connect
