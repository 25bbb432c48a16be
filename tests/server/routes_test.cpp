// The routes over a real socket and a real engine: what goes in, what comes out, what is refused.
#include <gtest/gtest.h>

#include "loader/gzip.h"
#include "server/http/cursor.h"
#include "tests/server/served.h"

namespace muster::server {
namespace {

class Routes : public ::testing::Test {
 protected:
  void SetUp() override { served_.load_people(); }

  std::string field(const std::string& body, std::string_view key) {
    const auto json = JsonObject::parse(body);
    if (!json) return "not JSON: " + body;
    for (const auto& [name, bytes] : json->members()) {
      if (name == key) return bytes;
    }
    return "absent";
  }
  std::string count(const std::string& where) {
    const ClientResponse answer =
        served_.post("/v1/count", R"({"where": ")" + where + R"("})");
    return field(answer.body, "count");
  }
  void expect_problem(const ClientResponse& answer, int status, std::string_view named = "") {
    EXPECT_EQ(status, answer.status) << answer.body;
    EXPECT_EQ("application/problem+json", answer.header("content-type"));
    EXPECT_EQ(std::to_string(status), field(answer.body, "status"));
    EXPECT_GT(field(answer.body, "detail").size(), 12U);
    EXPECT_EQ(answer.header("x-request-id"),
              field(answer.body, "request_id").substr(1, answer.header("x-request-id").size()));
    EXPECT_NE(std::string::npos, answer.body.find(named)) << answer.body;
  }

  Served served_;
};

TEST_F(Routes, CountSaysItsMoment) {
  const ClientResponse answer = served_.post("/v1/count", R"({"where": "country = \"FR\""})");
  EXPECT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ("1", field(answer.body, "count"));
  EXPECT_EQ("3", field(answer.body, "universe"));
  EXPECT_EQ("\"2025-06-15T15:06:40Z\"", field(answer.body, "as_of"));
  const ClientResponse earlier = served_.post(
      "/v1/count", R"({"where": "did \"purchase\"", "as_of": "2025-01-01T00:00:00Z"})");
  EXPECT_EQ("0", field(earlier.body, "count"));
}

TEST_F(Routes, CountSaysWhatEveryClauseDoes) {
  const ClientResponse answer = served_.post(
      "/v1/count", R"({"where": "country = \"FR\" or did \"nothing known\"", "nodes": true,
                       "allow_unknown": true})");
  EXPECT_EQ(200, answer.status) << answer.body;
  EXPECT_NE(std::string::npos, answer.body.find(
      R"("nodes":{"text":"country = \"FR\" or did \"nothing known\"","count":1,"without":3,)"
      R"("children":[{"text":"country = \"FR\"","count":1,"without":0},)"
      R"({"text":"did \"nothing known\"","count":0,"without":1}]})")) << answer.body;
  expect_problem(served_.post("/v1/count", R"({"where": "contry = \"FR\"", "nodes": true})"), 400,
                 R"("errors":[{"line":1,"column":1)");
}

TEST_F(Routes, BreakdownSaysCountsSharesAndLift) {
  const ClientResponse answer = served_.post(
      "/v1/breakdown", R"({"where": "did \"purchase\" or country = \"DE\"",
                           "by": ["country", {"field": "age", "bands": [18, 30]}, "tags"]})");
  EXPECT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ("2", field(answer.body, "count"));
  const std::string by = field(answer.body, "by");
  EXPECT_EQ(
      R"([{"field":"country","rows_are":"values","rows":[)"
      R"({"value":"DE","count":1,"share":0.5,"everyone":1,)"
      R"("everyone_share":0.3333333333333333,"lift":1.5},)"
      R"({"value":"FR","count":1,"share":0.5,"everyone":1,)"
      R"("everyone_share":0.3333333333333333,"lift":1.5}],)"
      R"("other":{"values":0,"count":0,"everyone":0},)"
      R"("missing":{"count":0,"share":0,"everyone":1,)"
      R"("everyone_share":0.3333333333333333,"lift":0}},)",
      by.substr(0, by.find(R"({"field":"age")")));
  EXPECT_NE(std::string::npos, by.find(R"({"from":18,"to":30,"count":1,)")) << by;
  EXPECT_NE(std::string::npos, by.find(R"({"from":30,"count":0,)")) << by;
  EXPECT_NE(std::string::npos, by.find(R"("rows":[{"value":"new","count":1,)")) << by;
}

TEST_F(Routes, WrongBreakdownsSayWhatWouldFit) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"where": "everyone"})", "the key 'by' is needed"},
      {R"({"where": "everyone", "by": []})", "1 to 20 fields, and 0 are named"},
      {R"({"where": "everyone", "by": ["contry"]})", "did you mean 'country'?"},
      {R"({"where": "everyone", "by": ["age", 3]})", "element 2 of 'by': the name of a field"},
      {R"({"where": "everyone", "by": [{"field": "age", "band": [1]}]})", "did you mean 'bands'?"},
      {R"({"where": "everyone", "by": [{"field": "age", "bands": []}]})", "'bands' is empty"},
      {R"({"where": "everyone", "by": [{"field": "age", "bands": [2, 1]}]})", "must ascend"},
      {R"({"where": "everyone", "by": "age"})", "'by' must be a list"},
      {R"({"where": "everyone", "by": ["age"], "limit": 0})", "must be 1 to 1000, not 0"},
      {R"({"where": "contry = 1", "by": ["age"]})", "line 1, column 1"}};
  for (const auto& [body, message] : cases) {
    SCOPED_TRACE(body);
    expect_problem(served_.post("/v1/breakdown", body), 400, message);
  }
}

TEST_F(Routes, OverlapSaysSizesPairsAndRows) {
  EXPECT_EQ(201, served_.put("/v1/segments/known",
                             R"({"where": "country is present", "name": "Known"})").status);
  const ClientResponse answer = served_.post(
      "/v1/overlap",
      R"({"segments": ["known", {"name": "vips", "where": "any tags = \"vip\""},
                       {"name": "none", "where": "nobody"}]})");
  EXPECT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ("3", field(answer.body, "universe"));
  EXPECT_EQ("2", field(answer.body, "in_any"));
  EXPECT_EQ(R"([{"name":"known","count":2},{"name":"vips","count":1},{"name":"none","count":0}])",
            field(answer.body, "segments"));
  EXPECT_EQ("[[2,1,0],[1,1,0],[0,0,0]]", field(answer.body, "intersections"));
  EXPECT_EQ("[[1,0.5,0],[0.5,1,0],[0,0,null]]", field(answer.body, "jaccard"));
  EXPECT_EQ(R"([{"segments":["known"],"count":1},{"segments":["known","vips"],"count":1}])",
            field(answer.body, "rows"));
  EXPECT_EQ(R"({"rows":0,"count":0})", field(answer.body, "other"));
  expect_problem(served_.post("/v1/overlap", R"({"segments": ["known"]})"), 400, "2 to 12");
  expect_problem(served_.post("/v1/overlap", R"({"segments": ["known", "knwn"]})"), 404,
                 "did you mean 'known'?");
  expect_problem(served_.post("/v1/overlap", R"({"segments": ["known", {"where": "vip"}]})"), 400,
                 "element 2 of 'segments': the key 'name' is needed");
}

TEST_F(Routes, WrongQuestionsAreProblemsWithPlaces) {
  expect_problem(served_.post("/v1/count", R"({"where": "contry = \"FR\""})"), 400,
                 R"("errors":[{"line":1,"column":1)");
  expect_problem(served_.post("/v1/count", R"({"where": "everyone", "wehn": 1})"), 400, "wehn");
  expect_problem(served_.post("/v1/count", R"({"where": "a", "where": "b"})"), 400, "twice");
  expect_problem(served_.post("/v1/count", R"({"where": "everyone", "as_of": "x"})"), 400,
                 "as_of");
  expect_problem(served_.post("/v1/count", "{}"), 400, "where");
  for (const char* timeout : {"0", "30001"}) {
    expect_problem(served_.post("/v1/count", R"({"where": "everyone", "timeout_ms": )" +
                                                 std::string(timeout) + "}"),
                   400, "1 to 30000");
  }
  expect_problem(served_.post("/v1/count?x=1", R"({"where": "everyone"})"), 400, "'x'");
  expect_problem(served_.get("/nowhere"), 404);
  const ClientResponse method = served_.send({.method = Method::Delete, .path = "/v1/count"});
  expect_problem(method, 405);
  EXPECT_EQ("POST", method.header("allow"));
}

TEST_F(Routes, TheJsonSpellingIsTheSameQuestion) {
  const ClientResponse checked =
      served_.post("/v1/check", R"({"where": "country = \"FR\" and did \"purchase\""})");
  EXPECT_EQ("true", field(checked.body, "valid")) << checked.body;
  const ClientResponse counted =
      served_.post("/v1/count", "{\"where\": " + field(checked.body, "json") + "}");
  EXPECT_EQ(200, counted.status) << counted.body;
  EXPECT_EQ("1", field(counted.body, "count"));
}

TEST_F(Routes, MembersComeInThreeForms) {
  const ClientResponse ndjson =
      served_.post("/v1/members", R"({"where": "everyone", "fields": ["country", "tags"]})");
  EXPECT_EQ(200, ndjson.status);
  EXPECT_EQ("{\"profile_id\":\"ana\",\"country\":\"FR\",\"tags\":[\"new\",\"vip\"]}\n"
            "{\"profile_id\":\"bo\",\"country\":\"DE\",\"tags\":[]}\n"
            "{\"profile_id\":\"cy\",\"country\":null,\"tags\":[]}\n",
            ndjson.body);
  EXPECT_EQ("3", ndjson.header("x-count"));
  const ClientResponse csv = served_.post(
      "/v1/members", R"({"where": "everyone", "format": "csv", "fields": ["age", "note"]})");
  EXPECT_EQ("profile_id,age,note\r\nana,,\r\nbo,29,\r\ncy,,\"a \"\"b\"\", c\"\r\n", csv.body);
  const ClientResponse roaring =
      served_.post("/v1/members", R"({"where": "everyone", "format": "roaring"})");
  const auto set = index::Bitmap::from_bytes(roaring.body);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(3U, set->count());
  expect_problem(served_.post("/v1/members", R"({"where": "everyone", "fields": ["contry"]})"),
                 404, "country");
  expect_problem(served_.post("/v1/members", R"({"where": "everyone", "format": "xml"})"), 400);
}

TEST_F(Routes, MembersPageByCursor) {
  std::string seen, cursor;
  for (int pages = 0; pages < 5; ++pages) {
    const ClientResponse page = served_.post(
        "/v1/members", R"({"where": "everyone", "limit": 1, "cursor": ")" + cursor + "\"}");
    ASSERT_EQ(200, page.status) << page.body;
    seen += page.body;
    cursor = page.header("x-next-cursor");
    if (cursor.empty()) break;
  }
  EXPECT_EQ("{\"profile_id\":\"ana\"}\n{\"profile_id\":\"bo\"}\n{\"profile_id\":\"cy\"}\n", seen);
  const ClientResponse first = served_.post("/v1/members", R"({"where": "everyone", "limit": 1})");
  const std::string foreign(first.header("x-next-cursor"));
  expect_problem(served_.post("/v1/members", R"({"where": "age > 1", "cursor": ")" + foreign +
                                                 "\"}"), 400, "cursor");
  expect_problem(served_.post("/v1/members", R"({"where": "everyone", "cursor": "x"})"), 400);
}

TEST_F(Routes, ALongStreamHasEverybodyOnce) {
  std::string rows;
  for (int i = 0; i < 20'000; ++i) rows += "{\"profile_id\":\"n" + std::to_string(i) + "\"}\n";
  ASSERT_EQ(200, served_.post("/v1/profiles", rows).status);
  const ClientResponse all = served_.post("/v1/members", R"({"where": "everyone"})");
  EXPECT_EQ(20'003, std::count(all.body.begin(), all.body.end(), '\n'));
  EXPECT_EQ("20003", all.header("x-count"));
}

TEST_F(Routes, BulkBodiesComeInEveryForm) {
  struct Case {
    std::string type, encoding, body;
  };
  const Case cases[] = {
      {"application/json", "", R"([{"profile_id":"n1"}])"},
      {"", "", " [{\"profile_id\":\"n2\"}]"},
      {"text/csv; charset=utf-8", "", "profile_id,country\nn3,FR\n"},
      {"application/x-www-form-urlencoded", "gzip", loader::gzip("{\"profile_id\":\"n4\"}\n", 6)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.type + " " + c.encoding);
    ClientRequest request{.method = Method::Post, .path = "/v1/profiles", .body = c.body};
    if (!c.type.empty()) request.headers.push_back({"Content-Type", c.type});
    if (!c.encoding.empty()) request.headers.push_back({"Content-Encoding", c.encoding});
    const ClientResponse answer = served_.send(request);
    EXPECT_EQ(200, answer.status) << answer.body;
    EXPECT_EQ("1", field(answer.body, "accepted")) << answer.body;
  }
  EXPECT_EQ("7", count("everyone"));
  ClientRequest packed{.method = Method::Post, .path = "/v1/profiles", .body = "xxx"};
  packed.headers.push_back({"Content-Encoding", "gzip"});
  expect_problem(served_.send(packed), 400);
  packed.headers.back().value = "br";
  expect_problem(served_.send(packed), 400, "br");
}

TEST_F(Routes, AGzipBombIsRefused) {
  const std::string bomb = loader::gzip(std::string((64U << 20) + 1, ' '), 9);
  ClientRequest request{.method = Method::Post, .path = "/v1/profiles", .body = bomb};
  request.headers.push_back({"Content-Encoding", "gzip"});
  expect_problem(served_.send(request), 413);
}

TEST_F(Routes, APartOfACsvFileKeepsItsLineNumbers) {
  ClientRequest request{.method = Method::Post, .path = "/v1/profiles?first_line=100",
                        .body = "profile_id,age\nn1,5\nn2\n"};
  request.headers.push_back({"Content-Type", "text/csv"});
  const ClientResponse in_body = served_.send(request);
  EXPECT_NE(std::string::npos, in_body.body.find("\"errors\":[{\"line\":101,")) << in_body.body;
  request.body = "n3,6\nn4\n";
  request.headers.push_back({"X-Csv-Header", "profile_id,age"});
  const ClientResponse in_header = served_.send(request);
  EXPECT_EQ("1", field(in_header.body, "accepted"));
  EXPECT_NE(std::string::npos, in_header.body.find("\"errors\":[{\"line\":101,"))
      << in_header.body;
  EXPECT_EQ("1", count("age = 6"));
}

TEST_F(Routes, TraitsAreSavedVersionedAndGuarded) {
  const ClientResponse made = served_.put("/v1/traits/years", R"({"value": "age"})");
  EXPECT_EQ(201, made.status) << made.body;
  const ClientResponse changed =
      served_.put("/v1/traits/years", R"({"value": "age + 1", "name": "Years", "tz": "UTC"})");
  EXPECT_EQ(200, changed.status) << changed.body;
  EXPECT_EQ("2", field(changed.body, "version"));
  EXPECT_EQ("\"age + 1\"", field(served_.get("/v1/traits/years").body, "value"));
  EXPECT_EQ("\"age\"", field(served_.get("/v1/traits/years?version=1").body, "value"));
  EXPECT_NE(std::string::npos, served_.get("/v1/traits/years/versions").body.find("\"Years\""));
  EXPECT_NE(std::string::npos, served_.get("/v1/traits").body.find(R"([{"id":"years",)"));
  EXPECT_EQ("1", count("years = 30"));
  EXPECT_EQ("{\"years\":30}", field(served_.get("/v1/profiles/bo").body, "traits"));
  EXPECT_EQ("{\"years\":null}", field(served_.get("/v1/profiles/cy").body, "traits"));
  EXPECT_EQ(201, served_.put("/v1/segments/old", R"({"where": "years > 40"})").status);
  const auto gone = [&] {
    return served_.send({.method = Method::Delete, .path = "/v1/traits/years"});
  };
  expect_problem(gone(), 409, "segment 'old' refers to it");
  EXPECT_EQ(204, served_.send({.method = Method::Delete, .path = "/v1/segments/old"}).status);
  EXPECT_EQ(204, gone().status);
  expect_problem(gone(), 404);
  expect_problem(served_.get("/v1/traits/years"), 404);
  expect_problem(served_.get("/v1/traits/years/versions?x=1"), 400);
  expect_problem(served_.put("/v1/traits/age", R"({"value": "1"})"), 400, "age_trait");
  expect_problem(served_.put("/v1/traits/x", R"({"value": "agee"})"), 400, "age");
  expect_problem(served_.put("/v1/traits/x", R"({"where": "age"})"), 400, "where");
}

TEST_F(Routes, SegmentsAreSavedVersionedAndGuarded) {
  const ClientResponse made = served_.put("/v1/segments/west", R"({"where": "country = \"FR\""})");
  EXPECT_EQ(201, made.status) << made.body;
  const ClientResponse changed = served_.put(
      "/v1/segments/west", R"~({"where": "country in (\"FR\", \"DE\")", "name": "West"})~");
  EXPECT_EQ(200, changed.status);
  EXPECT_EQ("2", field(changed.body, "version"));
  EXPECT_EQ("2", field(served_.get("/v1/segments/west/count").body, "count"));
  EXPECT_EQ("1", field(served_.get("/v1/segments/west/count?version=1").body, "count"));
  EXPECT_EQ("{\"profile_id\":\"ana\"}\n{\"profile_id\":\"bo\"}\n",
            served_.get("/v1/segments/west/members").body);
  EXPECT_NE(std::string::npos, served_.get("/v1/segments/west/versions").body.find("\"West\""));
  const ClientResponse dry =
      served_.put("/v1/segments/west?dry_run=1",
                  R"({"where": "country = \"DE\" or age is missing"})");
  EXPECT_EQ(200, dry.status) << dry.body;
  EXPECT_EQ("2", field(dry.body, "before"));
  EXPECT_EQ("3", field(dry.body, "after"));
  EXPECT_EQ("1", field(dry.body, "entering"));
  EXPECT_EQ("0", field(dry.body, "leaving"));
  EXPECT_EQ("2", field(served_.get("/v1/segments/west").body, "version"));
  expect_problem(served_.put("/v1/segments/west", R"({"where": "contry = 1"})"), 400, "contry");
  expect_problem(served_.put("/v1/segments/west", R"({"where": "everyone", "x": 1})"), 400);
  EXPECT_EQ(204,
            served_.send({.method = Method::Delete, .path = "/v1/segments/west"}).status);
  expect_problem(served_.get("/v1/segments/west"), 404);
  expect_problem(served_.get("/v1/segments/west/versions?x=1"), 400);
}

TEST_F(Routes, ListsPageByCursor) {
  for (const std::string id : {"a", "b", "c-d"}) {
    ASSERT_EQ(201, served_.put("/v1/segments/" + id, R"({"where": "everyone"})").status);
  }
  const ClientResponse first = served_.get("/v1/segments?limit=2");
  const std::string cursor = field(first.body, "next_cursor");
  ASSERT_NE("absent", cursor) << first.body;
  const ClientResponse second =
      served_.get("/v1/segments?limit=2&cursor=" + cursor.substr(1, cursor.size() - 2));
  EXPECT_NE(std::string::npos, second.body.find("\"c-d\"")) << second.body;
  EXPECT_EQ("absent", field(second.body, "next_cursor"));
  expect_problem(served_.get("/v1/segments?limit=0"), 400);
  expect_problem(served_.get("/v1/segments?cursor=%21"), 400);
}

TEST_F(Routes, ListsTakeAnyIdentifier) {
  ClientRequest csv{.method = Method::Put, .path = "/v1/lists/staff?identifier=email",
                    .body = "email\nANA@example.com\nnobody@example.com\n"};
  csv.headers.push_back({"Content-Type", "text/csv"});
  const ClientResponse put = served_.send(csv);
  EXPECT_EQ(200, put.status) << put.body;
  EXPECT_EQ("1", field(put.body, "matched"));
  EXPECT_EQ("1", field(put.body, "unmatched"));
  EXPECT_EQ("1", count(R"(in list \"staff\")"));
  EXPECT_EQ(200, served_.get("/v1/lists/staff").status);
  EXPECT_EQ(200, served_.put("/v1/lists/two", "{\"profile_id\":\"bo\"}\n{\"profile_id\":5}\n")
                     .status);
  EXPECT_EQ(204, served_.send({.method = Method::Delete, .path = "/v1/lists/two"}).status);
  expect_problem(served_.get("/v1/lists/two"), 404);
  expect_problem(served_.put("/v1/lists/x", "{\"mail\":\"a\"}\n"), 400, "profile_id");
}

TEST_F(Routes, OnePersonIsShownAndErased) {
  const ClientResponse shown = served_.get("/v1/profiles/ana");
  EXPECT_EQ(200, shown.status) << shown.body;
  EXPECT_NE(std::string::npos, shown.body.find("\"country\":\"FR\""));
  EXPECT_NE(std::string::npos, shown.body.find("purchase"));
  EXPECT_EQ(200, served_.send({.method = Method::Delete, .path = "/v1/profiles/ana"}).status);
  expect_problem(served_.get("/v1/profiles/ana"), 404);
  EXPECT_EQ("2", count("everyone"));
}

TEST_F(Routes, ExplainAndPlanAreTrees) {
  const ClientResponse why = served_.post(
      "/v1/explain", R"({"where": "country = \"FR\" and did \"visit\"", "profile": "ana"})");
  EXPECT_EQ(200, why.status) << why.body;
  EXPECT_EQ("false", field(why.body, "member"));
  EXPECT_NE(std::string::npos, field(why.body, "tree").find("\"holds\":true"));
  const ClientResponse plan = served_.post("/v1/plan", R"({"where": "country = \"FR\""})");
  EXPECT_EQ(200, plan.status) << plan.body;
  EXPECT_NE(std::string::npos, field(plan.body, "tree").find("\"method\""));
  expect_problem(served_.post("/v1/explain", R"({"where": "everyone", "profile": "x"})"), 404);
}

TEST_F(Routes, SecretsOfDestinationsNeverComeOut) {
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const ClientResponse put = served_.put(
      "/v1/destinations/hook",
      R"({"kind": "webhook", "url": "https://hooks.example.com/in", "secret": ")" + secret +
          "\"}");
  EXPECT_EQ(201, put.status) << put.body;
  for (const std::string path : {"/v1/destinations", "/v1/destinations/hook"}) {
    const ClientResponse shown = served_.get(path);
    EXPECT_EQ(200, shown.status);
    EXPECT_EQ(std::string::npos, shown.body.find(secret)) << shown.body;
  }
  expect_problem(served_.put("/v1/destinations/near",
                             R"({"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": ")" +
                                 secret + "\"}"), 403);
  served_.put("/v1/segments/all", R"({"where": "everyone"})");
  EXPECT_EQ(201, served_.put("/v1/syncs/s", R"({"segment": "all", "destination": "hook"})").status);
  const ClientResponse run = served_.post("/v1/syncs/s/run", "{}");
  EXPECT_EQ(202, run.status) << run.body;
  EXPECT_EQ(200, served_.get("/v1/jobs/s%3A1").status);
  EXPECT_EQ(200, served_.get("/v1/syncs/s/ledger").status);
  EXPECT_EQ(200, served_.get("/v1/syncs/s/ledger/ana").status);
  EXPECT_EQ(200, served_.get("/v1/syncs/s/runs").status);
  expect_problem(served_.get("/v1/jobs/none"), 404);
}

TEST_F(Routes, HealthFollowsTheLifeOfTheServer) {
  EXPECT_EQ(200, served_.get("/readyz").status);
  served_.services().draining = true;
  EXPECT_EQ(503, served_.get("/readyz").status);
  EXPECT_EQ(503, served_.post("/v1/count", R"({"where": "everyone"})").status);
  served_.services().draining = false;
  served_.services().ready = false;
  served_.services().progress = 0.25;
  const ClientResponse loading = served_.get("/readyz");
  EXPECT_EQ(503, loading.status);
  EXPECT_EQ("0.25", field(loading.body, "progress"));
  const ClientResponse refused = served_.post("/v1/count", R"({"where": "everyone"})");
  expect_problem(refused, 503, "25 %");
  EXPECT_EQ("1", refused.header("retry-after"));
  served_.services().ready = true;
}

TEST_F(Routes, MetricsCountTheCalls) {
  count("everyone");
  const ClientResponse metrics = served_.get("/metrics");
  EXPECT_EQ(200, metrics.status);
  for (const std::string line :
       {"muster_http_requests_total{method=\"POST\",route=\"/v1/count\",status=\"200\"} 1",
        "muster_profiles 3",
        "muster_ingested_rows_total{table=\"profiles\",verdict=\"accepted\"} 3",
        "muster_http_request_seconds_bucket{route=\"/v1/count\",le="}) {
    EXPECT_NE(std::string::npos, metrics.body.find(line)) << line << "\n" << metrics.body;
  }
}

TEST_F(Routes, TraceAndRequestIdsAreGivenBack) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ClientRequest request{.path = "/version"};
  request.headers = {{"traceparent", trace}, {"X-Request-Id", "abc-1"}};
  const ClientResponse answer = served_.send(request);
  const std::string_view ours = answer.header("traceparent");
  EXPECT_EQ(trace.substr(0, 36), ours.substr(0, 36));  // The same trace,
  EXPECT_NE(trace.substr(36, 16), ours.substr(36, 16));  // another span.
  EXPECT_EQ("abc-1", answer.header("x-request-id"));
  request.headers = {{"traceparent", "x"}, {"X-Request-Id", "a b\"<"}};
  const ClientResponse odd = served_.send(request);
  EXPECT_EQ("", odd.header("traceparent"));
  EXPECT_EQ(16U, odd.header("x-request-id").size());
}

TEST_F(Routes, TheConsoleRunsNothingButItsOwnScript) {
  const ClientResponse page = served_.get("/");
  EXPECT_EQ(200, page.status);
  const std::string policy(page.header("content-security-policy"));
  EXPECT_NE(std::string::npos, policy.find("default-src 'none'"));
  EXPECT_NE(std::string::npos, policy.find("script-src 'sha256-")) << policy;
  EXPECT_EQ(std::string::npos, policy.find("unsafe"));
  EXPECT_EQ(std::string::npos, page.body.find("http://"));
  EXPECT_EQ(std::string::npos, page.body.find("https://"));
}

}  // namespace
}  // namespace muster::server
