#include "server/http/status.h"

#include <ctime>

#include "base/json_writer.h"

namespace muster::server {

namespace {

// A queue that is full or a replay that goes on: soon again, but not at once.
constexpr std::chrono::seconds kRetryAfterDefault{1};
// Somebody has to make space first.
constexpr std::chrono::seconds kRetryAfterFull{10};

// The 4xx and 5xx of a problem without a code of ours still need a stable name.
std::string type_of(std::string_view name) { return "urn:muster:problem:" + std::string(name); }

struct ProblemText {
  std::string type;
  std::string_view detail;
};

void write_detail(JsonWriter& json, const Detail& detail) {
  json.begin_object();
  if (detail.line != 0) json.key("line").number(detail.line);
  if (detail.column != 0) json.key("column").number(detail.column);
  if (!detail.expected.empty()) json.key("expected").text(detail.expected);
  if (!detail.nearest.empty()) json.key("nearest").text(detail.nearest);
  json.end_object();
}

Response document(int status, const ProblemText& text, const std::vector<Detail>& details,
                  std::string_view request_id) {
  JsonWriter json;
  json.begin_object();
  json.key("type").text(text.type);
  json.key("title").text(reason_of(status));
  json.key("status").number(status);
  json.key("detail").text(text.detail);
  if (!details.empty()) {
    json.key("errors").begin_array();
    for (const Detail& detail : details) write_detail(json, detail);
    json.end_array();
  }
  json.key("request_id").text(request_id);
  json.end_object();
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = json.take();
  response.body += '\n';
  return response;
}

}  // namespace

// No default: a new code does not compile until it has a status.
int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument: return 400;
    case ErrorCode::Unauthenticated: return 401;
    case ErrorCode::PermissionDenied: return 403;
    case ErrorCode::NotFound: return 404;
    case ErrorCode::Conflict: return 409;
    case ErrorCode::TooLarge: return 413;
    case ErrorCode::LimitExceeded: return 422;
    case ErrorCode::Unsupported: return 422;
    case ErrorCode::Overloaded: return 429;
    case ErrorCode::Unavailable: return 503;
    case ErrorCode::StorageFull: return 507;
    case ErrorCode::Corrupt: return 500;
  }
  CHECK(!"every ErrorCode has a status");
}

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument: return "invalid_argument";
    case ErrorCode::Unauthenticated: return "unauthenticated";
    case ErrorCode::PermissionDenied: return "permission_denied";
    case ErrorCode::NotFound: return "not_found";
    case ErrorCode::Conflict: return "conflict";
    case ErrorCode::TooLarge: return "too_large";
    case ErrorCode::LimitExceeded: return "limit_exceeded";
    case ErrorCode::Unsupported: return "unsupported";
    case ErrorCode::Overloaded: return "overloaded";
    case ErrorCode::Unavailable: return "unavailable";
    case ErrorCode::StorageFull: return "storage_full";
    case ErrorCode::Corrupt: return "corrupt";
  }
  CHECK(!"every ErrorCode has a name");
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Error";
  }
}

Response problem(const Error& error, std::string_view request_id) {
  Response response = document(http_status(error.code),
                               {type_of(name_of(error.code)), error.message}, error.details,
                               request_id);
  const bool waits = error.code == ErrorCode::Overloaded ||
                     error.code == ErrorCode::Unavailable ||
                     error.code == ErrorCode::StorageFull;
  if (error.retry_after || waits) {
    const auto seconds = error.retry_after.value_or(kRetryAfterDefault).count();
    response.headers.push_back({"Retry-After", std::to_string(seconds)});
  }
  if (error.code == ErrorCode::Unauthenticated) {
    response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"muster\""});
  }
  return response;
}

Response http_problem(int status, std::string_view detail, std::string_view request_id) {
  return document(status, {"about:blank", detail}, {}, request_id);
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text, size};
}

}  // namespace muster::server
