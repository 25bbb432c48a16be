// What the routes work with: made by main, handed down, never looked up.
//
// Thread safety: any thread; the pointers are set once, before `ready`.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "engine/access.h"
#include "engine/engine.h"
#include "server/http/message.h"

namespace muster::connect {
class Exporter;
}

namespace muster::server {

class AuditLog;
class KeyRing;
class HttpServer;
class Metrics;

// Which answers get a line in the log: none; those of 500 and above or slower than a second; all.
enum class LoggedRequests : std::uint8_t { None, Troubled, All };

struct Services {
  engine::Engine* engine = nullptr;  // Set before `ready` becomes true.
  connect::Exporter* exporter = nullptr;
  KeyRing* keys = nullptr;
  AuditLog* audit = nullptr;
  Metrics* metrics = nullptr;
  const HttpServer* http = nullptr;  // Where there is one; for its figures.
  std::vector<std::string> allowed_origins;  // Whose pages may call as the Segment spec says.
  LoggedRequests logged = LoggedRequests::Troubled;
  bool loopback = true;  // Nobody outside this machine can reach the port.

  std::atomic<bool> ready{false};
  std::atomic<bool> draining{false};
  std::atomic<double> progress{0};  // Of the replay, 0 to 1.
};

// One request on its way through a handler.
struct Call {
  const Request& request;
  const engine::Access& access;  // For handlers that need a second permission at times.
  Services& services;

  engine::Engine& engine() const { return *services.engine; }
  // The n-th {...} of the route's path.
  const std::string& param(std::size_t n) const { return request.params[n]; }
};

}  // namespace muster::server
