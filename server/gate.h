// Who is asking, and whether a browser was tricked into asking.
//
// Thread safety: any thread.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "engine/access.h"
#include "server/http/message.h"

namespace muster::server {

class KeyRing;

// The principal of a call whose key nobody has seen yet.
inline constexpr const char* kNobody = "nobody";

// Without any key this machine alone may ask: everybody on it, with every permission, but no web
// page that is not ours (DNS rebinding, cross-site posts). With a key, every call needs one.
// Requires `loopback`: whether the port can be reached from this machine only.
// Errors: Unauthenticated; PermissionDenied for a foreign Host or Origin.
struct Gate {
  const KeyRing* keys = nullptr;
  bool loopback = true;

  Result<engine::Access> authenticate(const Request& request, TimeMs now) const;
  // The same for a call of the Segment spec, from anybody's page that is allowed. Where the head
  // has no key, nobody comes back: then the body has to have it.
  Result<engine::Access> authenticate_sdk(const Request& request, bool is_allowed_origin,
                                          TimeMs now) const;
};

}  // namespace muster::server
