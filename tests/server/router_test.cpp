// The table of routes, and the permission that stands in it.
#include "server/http/router.h"

#include <gtest/gtest.h>

#include <set>

#include "server/routes/routes.h"

namespace muster::server {
namespace {

Result<Response> answer_open(const Call&) { return Response{.status = 200}; }
Result<Response> answer_query(const Call&, const Pass<Permission::Query>&) {
  return Response{.status = 201};
}
Result<Response> answer_define(const Call&, const Pass<Permission::Define>&) {
  return Response{.status = 202};
}

constexpr Route kTable[] = {
    open_route<answer_open>(Method::Get, "/"),
    route<Permission::Query, answer_query>(Method::Get, "/v1/things/{id}"),
    route<Permission::Define, answer_define>(Method::Put, "/v1/things/{id}"),
    route<Permission::Query, answer_query>(Method::Get, "/v1/things/all"),
    route<Permission::Query, answer_query>(Method::Get, "/v1/things/{id}/parts/{part}"),
};

TEST(MatchRoute, FindsParametersAndDecodesThem) {
  const Match match = match_route(kTable, Method::Get, "/v1/things/a%2Fb%20c/parts/%C3%A9");
  ASSERT_NE(nullptr, match.route);
  EXPECT_EQ((std::vector<std::string>{"a/b c", "\xc3\xa9"}), match.params);
  EXPECT_EQ(&kTable[0], match_route(kTable, Method::Get, "/").route);
}

TEST(MatchRoute, ALiteralWinsOverAParameter) {
  EXPECT_EQ(&kTable[3], match_route(kTable, Method::Get, "/v1/things/all").route);
  EXPECT_EQ(&kTable[1], match_route(kTable, Method::Get, "/v1/things/al").route);
}

TEST(MatchRoute, HeadIsAnsweredByGet) {
  EXPECT_EQ(&kTable[1], match_route(kTable, Method::Head, "/v1/things/x").route);
}

TEST(MatchRoute, NamesTheMethodsOfAPath) {
  const Match match = match_route(kTable, Method::Delete, "/v1/things/x");
  EXPECT_EQ(nullptr, match.route);
  EXPECT_EQ((std::vector<Method>{Method::Get, Method::Put}), match.allowed);
}

TEST(MatchRoute, LeavesStrangePathsAlone) {
  for (const std::string path :
       {"", "v1/things/x", "/v1/things/", "/v1/things/x/", "/v1//things/x", "/V1/things/x",
        "/v1/things/..", "/v1/things/%2e%2e", "/v1/things/%zz", "/v1/things/%00",
        "/v1/things/%ff", "/v1/things/x/../y", "//"}) {
    const Match match = match_route(kTable, Method::Get, path);
    EXPECT_EQ(nullptr, match.route) << path;
    EXPECT_TRUE(match.allowed.empty()) << path;
  }
  const std::string long_id(2'000, 'a');
  EXPECT_EQ(nullptr, match_route(kTable, Method::Get, "/v1/things/" + long_id).route);
}

TEST(Route, RefusesACallerWithoutThePermission) {
  const engine::Access reader("reader", engine::Scopes().with(Permission::Query));
  Services services;
  const Request request{.params = {"x"}};
  const Call call{request, reader, services};
  EXPECT_EQ(201, kTable[1].answer(call)->status);
  const auto refused = kTable[2].answer(call);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::PermissionDenied, refused.error().code);
  EXPECT_FALSE(kTable[2].permit(reader));
  EXPECT_TRUE(kTable[1].permit(reader));
}

TEST(AllRoutes, StandOnceEachAndNeedAPermissionBelowV1) {
  std::set<std::string> seen;
  for (const Route& route : all_routes()) {
    const std::string row = std::string(name_of(route.method)) + " " + std::string(route.path);
    EXPECT_TRUE(seen.insert(row).second) << row;
    EXPECT_TRUE(route.needed.has_value() || !route.path.starts_with("/v1/")) << row;
  }
  EXPECT_GT(seen.size(), 40U);
}

}  // namespace
}  // namespace muster::server
