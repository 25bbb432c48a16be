// Who is let in: loopback without keys, keys with scopes and ends, tricked browsers.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/server/raw_client.h"
#include "tests/server/served.h"
#include "tests/support/shared_data.h"

namespace muster::server {
namespace {

constexpr std::string_view kAsk = R"({"where": "everyone"})";

int status_of(Served& served, const std::string& headers) {
  RawClient client(served.port());
  client.send("GET /v1/segments HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n");
  const auto statuses = statuses_of(client.read(std::chrono::seconds(5)).bytes);
  return statuses.size() == 1 ? statuses.front() : 0;
}

TEST(Access, WithoutAKeyThisMachineMayAsk) {
  Served served;
  EXPECT_EQ(200, served.post("/v1/count", kAsk).status);
  EXPECT_EQ(200, status_of(served, "Host: localhost:9999\r\n"));
  EXPECT_EQ(200, status_of(served, "Host: [::1]:80\r\n"));
}

TEST(Access, WithoutAKeyAForeignHostOrOriginIsRefused) {
  Served served;
  const std::string at = "127.0.0.1:" + std::to_string(served.port());
  const std::string host = "Host: " + at + "\r\n";
  EXPECT_EQ(403, status_of(served, "Host: evil.example\r\n"));
  EXPECT_EQ(403, status_of(served, "Host: 127.0.0.1.evil.example:80\r\n"));
  EXPECT_EQ(403, status_of(served, host + "Origin: http://evil.example\r\n"));
  EXPECT_EQ(403, status_of(served, host + "Origin: null\r\n"));
  EXPECT_EQ(403, status_of(served, host + "Origin: https://" + at + "\r\n"));
  EXPECT_EQ(403, status_of(served, host + "Sec-Fetch-Site: cross-site\r\n"));
  EXPECT_EQ(200, status_of(served, host + "Origin: http://" + at + "\r\n"));
  EXPECT_EQ(200, status_of(served, host + "Sec-Fetch-Site: same-origin\r\n"));
}

TEST(Access, WithoutAKeyNobodyOutsideIsLetIn) {
  Served served("", false);
  EXPECT_EQ(401, served.get("/v1/segments").status);
  EXPECT_EQ(200, served.get("/livez").status);
}

TEST(Access, OnceAKeyExistsEveryCallNeedsOne) {
  Served served;
  const std::string key = served.make_key(R"({"name": "all", "scopes": ["all"]})");
  EXPECT_TRUE(key.starts_with("mk_"));
  EXPECT_EQ(46U, key.size());
  for (const Route& route : all_routes()) {
    if (!route.needed) continue;
    SCOPED_TRACE(route.path);
    EXPECT_EQ(401, served.send({.method = route.method, .path = std::string(route.path)}).status);
  }
  EXPECT_EQ(200, served.get("/livez").status);
  EXPECT_EQ(200, served.post("/v1/count", kAsk, key).status);
  EXPECT_EQ(401, served.post("/v1/count", kAsk, key + "x").status);
  const ClientResponse refused = served.get("/v1/segments");
  EXPECT_FALSE(refused.header("www-authenticate").empty());
}

TEST(Access, AKeyMayDoWhatItsScopesSay) {
  Served served;
  const std::string admin = served.make_key(R"({"name": "admin", "scopes": ["admin"]})");
  const std::string asker =
      served.make_key(R"({"name": "asker", "scopes": ["query"]})", admin);
  EXPECT_EQ(200, served.post("/v1/count", kAsk, asker).status);
  for (const std::string path : {"/v1/members", "/v1/explain", "/v1/profiles", "/v1/keys"}) {
    const ClientResponse refused = served.post(path, kAsk, asker);
    EXPECT_EQ(403, refused.status) << path;
    EXPECT_EQ("application/problem+json", refused.header("content-type"));
  }
  for (const std::string path : {"/v1/count", "/v1/breakdown", "/v1/overlap"}) {
    EXPECT_EQ(403, served.post(path, kAsk, admin).status) << path;
  }
}

TEST(Access, AnExpiredOrDeletedKeyIsNoKey) {
  Served served;
  const std::string admin = served.make_key(R"({"name": "admin", "scopes": ["all"]})");
  const std::string brief = served.make_key(
      R"({"name": "brief", "scopes": ["query"], "expires": "2025-06-15T16:00:00Z"})", admin);
  EXPECT_EQ(200, served.get("/v1/segments", brief).status);
  served.clock().advance(3'600'000);
  EXPECT_EQ(401, served.get("/v1/segments", brief).status);
  const auto keys = served.services().keys->list();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [](const KeyInfo& key) { return key.name == "admin"; });
  ASSERT_NE(keys.end(), found);
  const ClientRequest remove{.method = Method::Delete, .path = "/v1/keys/" + found->id};
  EXPECT_EQ(204, served.send(remove, admin).status);
  EXPECT_EQ(401, served.get("/v1/segments", admin).status);
  // The expired key still locks the door: an end of a key must never open it.
  EXPECT_EQ(401, served.get("/v1/segments").status);
}

TEST(Access, KeysNeedNamesScopesAndAFuture) {
  Served served;
  for (const std::string body :
       {R"({"scopes": ["query"]})", R"({"name": "", "scopes": ["query"]})",
        R"({"name": "x", "scopes": []})", R"({"name": "x", "scopes": ["qurey"]})",
        R"({"name": "x", "scopes": ["query"], "expires": "2020-01-01T00:00:00Z"})",
        R"({"name": "x", "scopes": ["query"], "expires": "soon"})"}) {
    EXPECT_EQ(400, served.post("/v1/keys", body).status) << body;
  }
  served.make_key(R"({"name": "x", "scopes": ["all"]})");
}

TEST(Access, SecretsAreKeptAsHashesOnly) {
  Served served;
  const std::string key = served.make_key(R"({"name": "k", "scopes": ["all"]})");
  EXPECT_EQ(std::string::npos, served.get("/v1/keys", key).body.find(key));
  for (const engine::Document& document : served.services().engine->documents("key")) {
    EXPECT_EQ(std::string::npos, document.json.find(key));
    EXPECT_NE(std::string::npos, document.json.find("\"hash\""));
  }
}

TEST(Access, HostileAuthorizationHeadersAllGetTheSameAnswer) {
  RETURN_WITHOUT_SHARED_DATA();
  Served served;
  served.make_key(R"({"name": "k", "scopes": ["all"]})");
  std::ifstream in(*testing::shared_data() / "data/hostile/http/authorization.json");
  int tried = 0;
  for (std::string line; std::getline(in, line);) {
    const std::size_t from = line.find("\"header\": \"");
    if (from == line.npos) continue;
    const std::size_t begin = from + 11;
    const std::string header = line.substr(begin, line.rfind('"') - begin);
    SCOPED_TRACE(header.substr(0, 60));
    const int status = status_of(served, "Host: a\r\nAuthorization: " + header + "\r\n");
    // A header that breaks the limit of the head is refused before anybody looks at it.
    EXPECT_TRUE(status == 401 || status == 400 || status == 431) << status;
    ++tried;
  }
  EXPECT_GT(tried, 5);
}

TEST(Access, EveryCallLeavesAnAuditLineWithoutPersonalIds) {
  Served served;
  served.load_people();
  served.get("/v1/profiles/ana");
  served.post("/v1/explain", R"({"where": "country = \"FR\"", "profile": "ana"})");
  served.get("/v1/profiles/nobody-known");
  served.get("/livez");
  std::string all;
  const auto lines = served.audit().newest(100);
  for (const std::string& line : lines) all += line + "\n";
  EXPECT_NE(std::string::npos, all.find("\"action\":\"GET /v1/profiles/{id}\"")) << all;
  EXPECT_NE(std::string::npos, all.find("\"action\":\"POST /v1/explain\""));
  EXPECT_NE(std::string::npos, all.find("\"subject\":\"" + served.audit().masked("ana")));
  EXPECT_NE(std::string::npos, all.find("\"principal\":\"loopback\""));
  EXPECT_NE(std::string::npos, all.find("\"status\":404"));
  for (const std::string secret : {"\"ana\"", "nobody-known", "FR", "livez"}) {
    EXPECT_EQ(std::string::npos, all.find(secret)) << secret;
  }
  EXPECT_EQ(200, served.get("/v1/audit?limit=2").status);
}

TEST(AuditLog, IsOnDiskAfterTheEndAndReadBack) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("muster-audit-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::string masked;
  {
    auto log = AuditLog::open(folder);
    ASSERT_TRUE(log) << log.error().message;
    masked = (*log)->masked("ana");
    std::jthread writer([&](std::stop_token stop) { (*log)->run(stop); });
    for (int i = 0; i < 1'000; ++i) {
      (*log)->write({.at = kServedNow, .principal = "p", .action = "GET /v1/x", .status = i});
    }
    writer.request_stop();
    writer.join();
  }
  auto again = AuditLog::open(folder);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(1'000U, (*again)->newest(5'000).size());
  EXPECT_NE(std::string::npos, (*again)->newest(1).front().find("\"status\":999"));
  EXPECT_EQ(masked, (*again)->masked("ana"));
  EXPECT_NE(masked, (*again)->masked("bo"));
  const auto mode = std::filesystem::status(folder / "audit.key").permissions();
  EXPECT_EQ(std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, mode);
  std::filesystem::remove_all(folder);
}

TEST(AuditLog, KeepsSoManyLinesInMemoryAndSaysWhatTheyTake) {
  const auto log = std::move(AuditLog::open("").value());
  EXPECT_EQ(log->memory_bytes(), 0U);
  const auto write = [&](std::size_t lines) {
    for (std::size_t i = 0; i < lines; ++i) {
      log->write({.at = kServedNow, .principal = "p", .action = "GET /v1/x", .status = 200});
    }
  };
  write(kAuditKeptMax);
  const std::uint64_t full = log->memory_bytes();
  EXPECT_GE(full, kAuditKeptMax * log->newest(1).front().size());
  write(100);
  EXPECT_EQ(log->memory_bytes(), full);
  EXPECT_EQ(log->newest(kAuditKeptMax * 2).size(), kAuditKeptMax);
}

}  // namespace
}  // namespace muster::server
