#include "server/sdk_calls.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/crypto.h"
#include "server/http/status.h"

namespace muster::server {

namespace {

struct Spelling {
  std::string_view said, meant;
};

constexpr std::array<Spelling, 14> kSpellings{{{"/v1/identify", "/v1/identify"},
                                               {"/v1/track", "/v1/track"},
                                               {"/v1/page", "/v1/page"},
                                               {"/v1/screen", "/v1/screen"},
                                               {"/v1/group", "/v1/group"},
                                               {"/v1/alias", "/v1/alias"},
                                               {"/v1/batch", "/v1/batch"},
                                               {"/v1/import", "/v1/import"},
                                               {"/v1/i", "/v1/identify"},
                                               {"/v1/t", "/v1/track"},
                                               {"/v1/p", "/v1/page"},
                                               {"/v1/s", "/v1/screen"},
                                               {"/v1/g", "/v1/group"},
                                               {"/v1/a", "/v1/alias"}}};

// What stands behind the scheme of an Authorization header; schemes have no case.
std::string_view behind_scheme(std::string_view header, std::string_view scheme) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const bool is_it = header.size() > scheme.size() && header[scheme.size()] == ' ' &&
                     std::equal(scheme.begin(), scheme.end(), header.begin(), same);
  if (!is_it) return {};
  header.remove_prefix(scheme.size() + 1);
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

bool is_header_list(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ',' || c == ' ';
  });
}

}  // namespace

std::string_view sdk_address(std::string_view path) {
  const std::string_view said =
      path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  for (const Spelling& spelling : kSpellings) {
    if (spelling.said == said) return spelling.meant;
  }
  return path;
}

std::string sdk_key(const Request& head) {
  const std::string_view authorization = head.header("authorization");
  if (const auto basic = behind_scheme(authorization, "basic"); !basic.empty()) {
    const std::string user = from_base64(basic).value_or("");
    const std::string key = user.substr(0, user.find(':'));
    if (!key.empty()) return key;
  }
  if (const auto bearer = behind_scheme(authorization, "bearer"); !bearer.empty()) {
    return std::string(bearer);
  }
  if (const auto own = head.header("x-write-key"); !own.empty()) return std::string(own);
  return std::string(head.query_value("writeKey").value_or(""));
}

std::string_view allowed_origin(const Request& head, const std::vector<std::string>& allowed) {
  if (head.header_count("origin") != 1) return {};
  const std::string_view origin = head.header("origin");
  const bool is_allowed = std::any_of(allowed.begin(), allowed.end(), [&](const auto& one) {
    return one == "*" || one == origin;
  });
  return is_allowed ? origin : std::string_view();
}

Status check_origins(const std::vector<std::string>& allowed) {
  for (const std::string& origin : allowed) {
    const std::size_t scheme = origin.find("://");
    const bool is_site = (origin.starts_with("https://") || origin.starts_with("http://")) &&
                         origin.size() > scheme + 3 &&
                         origin.find_first_of("/*?# ", scheme + 3) == std::string::npos;
    if (origin == "*" || is_site) continue;
    return Error{ErrorCode::InvalidArgument,
                 "--allow-origin '" + origin + "' is no site as browsers name it: scheme, host and "
                 "port, like https://shop.example.com, or * for all"};
  }
  return Ok{};
}

Response preflight(const Request& head) {
  Response response;
  response.status = 204;
  response.content_type = "";
  response.headers.push_back({"Access-Control-Allow-Methods", "POST"});
  // One that is missing here keeps a browser's SDK from sending anything at all.
  const std::string_view wanted = head.header("access-control-request-headers");
  if (!wanted.empty() && is_header_list(wanted)) {
    response.headers.push_back({"Access-Control-Allow-Headers", std::string(wanted)});
  }
  response.headers.push_back({"Access-Control-Max-Age", "86400"});
  return response;
}

void let_read(std::string_view origin, Response& response) {
  if (origin.empty()) return;
  response.headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
  response.headers.push_back({"Access-Control-Allow-Credentials", "true"});
  response.headers.push_back({"Access-Control-Expose-Headers", "Retry-After, X-Request-Id"});
  response.headers.push_back({"Vary", "Origin"});
}

Error sdk_error(Error error) {
  switch (error.code) {
    case ErrorCode::TooLarge: error.code = ErrorCode::InvalidArgument; break;
    case ErrorCode::StorageFull:
    case ErrorCode::Corrupt:
    case ErrorCode::Conflict: error.code = ErrorCode::Unavailable; break;
    default: break;
  }
  return error;
}

Response sdk_refusal(Response refused, std::string_view request_id) {
  if (refused.status == 413) {
    return problem(Error{ErrorCode::InvalidArgument,
                         "the body is over " + std::to_string(kSdkBodyBytesMax) + " bytes"},
                   request_id);
  }
  if (refused.status == 408) {
    return problem(Error{ErrorCode::Unavailable, "the body did not come in time"}, request_id);
  }
  return refused;
}

}  // namespace muster::server
