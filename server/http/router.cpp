#include "server/http/router.h"

#include "base/text.h"
#include "server/http/url.h"

namespace muster::server {

namespace {

// Takes the first part off a path that begins with a slash.
std::string_view take_part(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

// Whether the path has as many parts, and those that are no {...} are the same.
bool may_fit(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_part(pattern);
    const std::string_view part = take_part(path);
    if (!wanted.starts_with('{') && wanted != part) return false;
  }
  return pattern.empty() && path.empty();
}

// The parameters of a path that may fit. A part is decoded after the path is cut, so an escaped
// slash stays inside its part; "." and ".." are no ids.
std::optional<std::vector<std::string>> params_of(std::string_view pattern,
                                                  std::string_view path) {
  std::vector<std::string> params;
  while (!pattern.empty()) {
    const std::string_view wanted = take_part(pattern);
    const std::string_view part = take_part(path);
    if (!wanted.starts_with('{')) continue;
    auto value = percent_decode(part);
    const bool usable = value && !value->empty() && *value != "." && *value != ".." &&
                        value->size() <= kIdBytesMax && is_utf8(*value) &&
                        value->find('\0') == value->npos;
    if (!usable) return std::nullopt;
    params.push_back(std::move(*value));
  }
  return params;
}

}  // namespace

Match match_route(std::span<const Route> routes, Method method, std::string_view path) {
  Match match;
  if (!path.starts_with('/')) return match;
  const Method asked = method == Method::Head ? Method::Get : method;
  for (const Route& route : routes) {
    if (!may_fit(route.path, path)) continue;
    auto params = params_of(route.path, path);
    if (!params) continue;
    match.allowed.push_back(route.method);
    if (route.method != asked) continue;
    const bool better = match.route == nullptr || params->size() < match.params.size();
    if (!better) continue;
    match.route = &route;
    match.params = std::move(*params);
  }
  return match;
}

}  // namespace muster::server
