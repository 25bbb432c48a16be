// Errors as problem documents: one status per code, places, and when to come back.
#include "server/http/status.h"

#include <gtest/gtest.h>

#include "server/http/json_request.h"

namespace muster::server {
namespace {

std::string header(const Response& response, std::string_view name) {
  for (const Header& header : response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

TEST(Problem, EveryCodeHasItsStatus) {
  const std::pair<ErrorCode, int> cases[] = {
      {ErrorCode::InvalidArgument, 400}, {ErrorCode::Unauthenticated, 401},
      {ErrorCode::PermissionDenied, 403}, {ErrorCode::NotFound, 404},
      {ErrorCode::Conflict, 409}, {ErrorCode::TooLarge, 413},
      {ErrorCode::LimitExceeded, 422}, {ErrorCode::Unsupported, 422},
      {ErrorCode::Overloaded, 429}, {ErrorCode::Unavailable, 503},
      {ErrorCode::StorageFull, 507}, {ErrorCode::Corrupt, 500},
  };
  for (const auto& [code, status] : cases) {
    SCOPED_TRACE(status);
    const Response response = problem(Error{code, "what \"happened\""}, "id-1");
    EXPECT_EQ(status, response.status);
    EXPECT_EQ("application/problem+json", response.content_type);
    const auto json = JsonObject::parse(response.body);
    ASSERT_TRUE(json) << response.body;
    EXPECT_EQ("what \"happened\"", *json->text("detail"));
    EXPECT_EQ("urn:muster:problem:" + std::string(name_of(code)), *json->text("type"));
    EXPECT_EQ(reason_of(status), *json->text("title"));
    EXPECT_EQ("id-1", *json->text("request_id"));
    EXPECT_EQ(static_cast<std::uint64_t>(status), *json->number_or("status", 0));
    EXPECT_FALSE(json->has("errors"));
    const bool waits = status == 429 || status == 503 || status == 507;
    EXPECT_EQ(waits, !header(response, "Retry-After").empty());
  }
}

TEST(Problem, CarriesPlacesAndTheTimeToWait) {
  Error error{ErrorCode::Overloaded, "full"};
  error.details.push_back({2, 7, "a number", "age"});
  error.retry_after = std::chrono::seconds(42);
  const Response response = problem(error, "");
  EXPECT_EQ("42", header(response, "Retry-After"));
  EXPECT_NE(std::string::npos,
            response.body.find(R"("errors":[{"line":2,"column":7,"expected":"a number",)"
                               R"("nearest":"age"}])"))
      << response.body;
}

TEST(Problem, OfHttpItselfHasNoCode) {
  const Response response = http_problem(414, "the address is over 8 KiB", "");
  EXPECT_EQ(414, response.status);
  EXPECT_NE(std::string::npos, response.body.find(R"("title":"URI Too Long")"));
}

}  // namespace
}  // namespace muster::server
