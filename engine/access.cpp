#include "engine/access.h"

#include <array>

namespace muster::engine {
namespace {
constexpr std::array<std::string_view, kPermissionCount> kNames = {
    "query", "members", "ingest", "define", "activate", "admin"};
}  // namespace

std::string_view name_of(Permission permission) {
  return kNames[static_cast<std::size_t>(permission)];
}

std::optional<Permission> permission_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Permission>(i);
  }
  return std::nullopt;
}

Error Access::denied(Permission needed) const {
  return {ErrorCode::PermissionDenied, "the key '" + principal_ + "' lacks the scope '" +
                                           std::string(name_of(needed)) + "' that this call needs"};
}

}  // namespace muster::engine
