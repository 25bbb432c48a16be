#include "server/gate.h"

#include "server/http/url.h"
#include "server/keys.h"
#include "server/sdk_calls.h"

namespace muster::server {

namespace {

Error no_key() {
  return {ErrorCode::Unauthenticated,
          "this call needs a valid key: send it as \"Authorization: Bearer mk_...\""};
}

// A name that resolves to this machine only because somebody's DNS says so is not ours.
Status check_host(const Request& request) {
  const std::string_view host = request.header("host");
  const auto at = parse_host_port(host, 80);
  if (at && is_loopback_name(at->host)) return Ok{};
  return Error{ErrorCode::PermissionDenied,
               "without a key only this machine may ask, by the name localhost or 127.0.0.1"};
}

// A page of another site that posts to us carries its own Origin.
Status check_origin(const Request& request) {
  const Error foreign{ErrorCode::PermissionDenied,
                      "a web page of another site may not ask without a key"};
  const std::string_view site = request.header("sec-fetch-site");
  if (site == "cross-site" || site == "same-site") return foreign;
  if (request.header_count("origin") == 0) return Ok{};
  const std::string ours = "http://" + std::string(request.header("host"));
  if (request.header_count("origin") != 1 || request.header("origin") != ours) return foreign;
  return Ok{};
}

}  // namespace

Result<engine::Access> Gate::authenticate(const Request& request, TimeMs now) const {
  if (!keys->locked()) {
    if (!loopback) return no_key();
    TRY(check_host(request));
    TRY(check_origin(request));
    return engine::Access("loopback", engine::Scopes::all());
  }
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view sent = request.header("authorization");
  if (!sent.starts_with(kScheme)) return no_key();
  return keys->authenticate(sent.substr(kScheme.size()), now);
}

Result<engine::Access> Gate::authenticate_sdk(const Request& request, bool is_allowed_origin,
                                              TimeMs now) const {
  if (!keys->locked()) {
    if (!loopback) return no_key();
    TRY(check_host(request));
    if (!is_allowed_origin) TRY(check_origin(request));
    return engine::Access("loopback", engine::Scopes::all());
  }
  const std::string key = sdk_key(request);
  if (key.empty()) return engine::Access(kNobody, engine::Scopes());
  return keys->authenticate(key, now);
}

}  // namespace muster::server
