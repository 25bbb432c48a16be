// Who answers: the thread that read the request, or a worker of its class.
#include <gtest/gtest.h>

#include "tests/server/served.h"

namespace muster::server {
namespace {

std::unique_ptr<Exchange> admitted(Application& application, Method method,
                                   const std::string& path, const std::string& at = "") {
  Request head;
  head.method = method;
  head.path = path;
  if (!at.empty()) head.query = {{"at", at}};
  head.headers = {{"host", "127.0.0.1"}};
  auto taken = application.admit(head);
  auto* const exchange = std::get_if<std::unique_ptr<Exchange>>(&taken);
  EXPECT_NE(nullptr, exchange) << path;
  return exchange == nullptr ? nullptr : std::move(*exchange);
}

TEST(LightRoutes, LookUpsAreAnsweredWhereTheyAreReadAndQuestionsAreNot) {
  Served served;
  served.load_people();
  Application application(all_routes(), served.services(), served.clock());
  for (const char* const path : {"/livez", "/v1/schema", "/v1/profiles/ana"}) {
    EXPECT_TRUE(admitted(application, Method::Get, path)->instant()) << path;
  }
  for (const char* const path : {"/v1/segments/x/count", "/v1/segments", "/metrics"}) {
    EXPECT_FALSE(admitted(application, Method::Get, path)->instant()) << path;
  }
  for (const char* const path : {"/v1/count", "/v1/events", "/v1/members"}) {
    EXPECT_FALSE(admitted(application, Method::Post, path)->instant()) << path;
  }
  EXPECT_FALSE(admitted(application, Method::Put, "/v1/schema")->instant());
}

TEST(LightRoutes, QuestionsAboutThePastAreWork) {
  Served served;
  Application application(all_routes(), served.services(), served.clock());
  const std::string count = "/v1/segments/x/count";
  EXPECT_EQ(Lane::Questions, admitted(application, Method::Get, count)->lane());
  EXPECT_EQ(Lane::Work, admitted(application, Method::Get, count, "1")->lane());
  EXPECT_EQ(Lane::Ingest, admitted(application, Method::Post, "/v1/events", "1")->lane());
}

}  // namespace
}  // namespace muster::server
