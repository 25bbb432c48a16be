// From a request to its answer: finds the route, asks the gate, runs the handler, leaves the audit
// line and the counts.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/random.h"
#include "server/gate.h"
#include "server/http/router.h"
#include "server/http/server.h"
#include "server/quickness.h"

namespace muster::server {

class Application final : public RequestHandler {
 public:
  // All outlive it.
  Application(std::span<const Route> routes, Services& services, const Clock& clock);

  std::variant<Response, std::unique_ptr<Exchange>> admit(Request& head) override;
  void count_malformed(int status) override;

 private:
  friend class RoutedExchange;
  struct Visit;

  // Whether the thread that read the request may answer it, too.
  bool is_instant(const Route& route) const;
  Quickness& quickness(const Route& route) const {
    return quick_[static_cast<std::size_t>(&route - routes_.data())];
  }
  Result<engine::Access> let_in(const Route& route, const Request& head,
                                bool is_allowed_origin) const;
  Response finish(Response response, const Visit& visit) const;
  std::string new_request_id();
  std::optional<TraceContext> trace_of(const Request& head);
  void log(const Response& response, const Visit& visit, std::chrono::nanoseconds took) const;

  std::span<const Route> routes_;
  const std::unique_ptr<Quickness[]> quick_;  // By route.
  Services& services_;
  const Clock& clock_;
  Gate gate_;
  SystemRandom random_;  // Any thread.
};

}  // namespace muster::server
