// The table of addresses: which handler answers a method and a path, and what it needs.
//
// A handler that takes Pass<Query> can only be listed under Permission::Query.
// Thread safety: immutable.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "engine/access.h"
#include "server/http/lanes.h"
#include "server/sdk_calls.h"
#include "server/services.h"

namespace muster::server {

using engine::Pass;
using engine::Permission;

// Bytes of a body that is a question or a document: room for the longest segment text, escaped.
inline constexpr std::size_t kBodyBytesMax = 2U << 20;

struct Route {
  Method method = Method::Get;
  std::string_view path;             // "/v1/segments/{id}"
  std::optional<Permission> needed;  // Nothing: open to everybody.
  Result<Response> (*answer)(const Call& call) = nullptr;
  Status (*permit)(const engine::Access& access) = nullptr;
  std::size_t body_bytes_max = kBodyBytesMax;
  bool is_sdk_call = false;  // Of the Segment spec: see server/sdk_calls.h.
  Lane lane = Lane::Questions;
  bool is_light = false;  // Mostly so quick that whoever reads the connection may answer.
  bool personal_id = false;  // The first {...} is a person's id: the audit keeps its hash only.

  // The same route for bulk data.
  constexpr Route bulk() const {
    Route copy = *this;
    copy.body_bytes_max = kBatchBytesMax;
    return copy;
  }
  constexpr Route in(Lane other) const {
    Route copy = *this;
    copy.lane = other;
    return copy;
  }
  constexpr Route light() const {
    Route copy = *this;
    copy.is_light = true;
    return copy;
  }
  constexpr Route about_a_person() const {
    Route copy = *this;
    copy.personal_id = true;
    return copy;
  }
};

// Where a route goes unless its row says otherwise.
constexpr Lane lane_of(Permission needed) {
  if (needed == Permission::Ingest) return Lane::Ingest;
  const bool asks = needed == Permission::Query || needed == Permission::Members;
  return asks ? Lane::Questions : Lane::Work;
}

template <Permission needed,
          Result<Response> (*handler)(const Call& call, const Pass<needed>& pass)>
constexpr Route route(Method method, std::string_view path) {
  return {.method = method,
          .path = path,
          .needed = needed,
          .answer = [](const Call& call) -> Result<Response> {
            TRY_ASSIGN(const Pass<needed> pass, call.access.template require<needed>());
            return handler(call, pass);
          },
          .permit = [](const engine::Access& access) -> Status {
            TRY(access.template require<needed>());
            return Ok{};
          },
          .lane = lane_of(needed)};
}

// A route that shows nothing about people and works before anything is loaded.
template <Result<Response> (*handler)(const Call& call)>
constexpr Route open_route(Method method, std::string_view path) {
  return {.method = method,
          .path = path,
          .answer = handler,
          .permit = [](const engine::Access&) -> Status { return Ok{}; }};
}

// A call of the Segment spec. Its key may stand in the body, so the handler asks for its pass.
template <Result<Response> (*handler)(const Call& call)>
constexpr Route sdk_route(std::string_view path) {
  return {.method = Method::Post,
          .path = path,
          .needed = Permission::Ingest,
          .answer = handler,
          .permit = [](const engine::Access& access) -> Status {
            TRY(access.template require<Permission::Ingest>());
            return Ok{};
          },
          .body_bytes_max = kSdkBodyBytesMax,
          .is_sdk_call = true,
          .lane = Lane::Ingest};
}

// What a table says about one address.
struct Match {
  const Route* route = nullptr;     // Null when nothing answers.
  std::vector<std::string> params;  // Decoded.
  std::vector<Method> allowed;      // Of that path, when only the method does not fit.
};

// Finds the route of a path as it was sent. A literal part wins over a {...} part. HEAD is
// answered by GET.
// Cost: O(routes).
Match match_route(std::span<const Route> routes, Method method, std::string_view path);

}  // namespace muster::server
