#include "server/http/router.h"

#include "base/text.h"
#include "server/http/url.h"

namespace muster::server {

namespace {

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == path.npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

// The parameters when the path fits. A part is decoded after the path is cut, so an escaped slash
// stays inside its part; "." and ".." are no ids.
std::optional<std::vector<std::string>> fit(std::string_view pattern,
                                            std::span<const std::string_view> parts) {
  const std::vector<std::string_view> wanted = parts_of(pattern);
  if (wanted.size() != parts.size()) return std::nullopt;
  std::vector<std::string> params;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != parts[i]) return std::nullopt;
      continue;
    }
    auto value = percent_decode(parts[i]);
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
  const std::vector<std::string_view> parts = parts_of(path);
  const Method asked = method == Method::Head ? Method::Get : method;
  for (const Route& route : routes) {
    auto params = fit(route.path, parts);
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
