#include "server/application.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "server/audit_log.h"
#include "server/http/status.h"
#include "server/keys.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/sdk_calls.h"

namespace muster::server {

namespace {

using std::chrono::steady_clock;

// An answer that took as long is worth a line in the log.
constexpr std::chrono::seconds kSlow{1};

bool is_word(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || more.find(c) != more.npos;
  });
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_word(text, "-_.");
}

// What was known at a moment is found by going through all changes since: work, for whoever asks.
Lane lane_of(const Route& route, const Request& head) {
  const bool is_past = route.lane == Lane::Questions && head.query_value("at");
  return is_past ? Lane::Work : route.lane;
}

std::string allow_header(const std::vector<Method>& methods) {
  std::string allow;
  for (const Method method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += name_of(method);
    if (method == Method::Get) allow += ", HEAD";
  }
  return allow;
}

}  // namespace

// What is remembered of a request for its audit line and its counts.
struct Application::Visit {
  const Route* route = nullptr;
  Method method = Method::Get;
  std::string request_id;
  std::optional<TraceContext> trace;  // Ours.
  std::string principal = kNobody;
  std::string origin;   // Of a page that may read the answer.
  std::string subject;  // The first {...} of the path, masked when it is a person.
  Lane lane = Lane::Questions;
  steady_clock::time_point began = steady_clock::now();
};

class RoutedExchange final : public Exchange {
 public:
  RoutedExchange(const Application& application, Application::Visit visit, engine::Access access)
      : application_(application),
        visit_(std::move(visit)),
        access_(std::move(access)),
        instant_(application_.is_instant(*visit_.route)) {}

  std::size_t body_bytes_max() const override { return visit_.route->body_bytes_max; }
  bool instant() const override { return instant_; }
  Lane lane() const override { return visit_.lane; }

  Response answer(Request request) override {
    const auto before = thread_time();
    Response response = application_.finish(run(request), visit_);
    application_.quickness(*visit_.route).note(thread_time() - before, steady_clock::now());
    return response;
  }
  Response refuse(Response response) override {
    if (visit_.route->is_sdk_call) {
      response = sdk_refusal(std::move(response), visit_.request_id);
    }
    return application_.finish(std::move(response), visit_);
  }

 private:
  Response run(const Request& request) {
    try {
      auto response = visit_.route->answer(Call{request, access_, application_.services_});
      if (!response) return problem(response.error(), visit_.request_id);
      return std::move(*response);
    } catch (const std::exception& thrown) {
      // Libraries throw; our code does not. What they said is for the operator, not the caller.
      log_error(fmt::format("handler of {} failed: {}", visit_.route->path, thrown.what()),
                visit_.request_id);
      return problem(Error{ErrorCode::Unavailable, "the server could not finish this call"},
                     visit_.request_id);
    }
  }

  const Application& application_;
  const Application::Visit visit_;
  const engine::Access access_;
  const bool instant_;
};

Application::Application(std::span<const Route> routes, Services& services, const Clock& clock)
    : routes_(routes),
      quick_(std::make_unique<Quickness[]>(routes.size())),
      services_(services),
      clock_(clock),
      gate_{services.keys, services.loopback} {}

std::string Application::new_request_id() { return fmt::format("{:016x}", random_.next()); }

std::variant<Response, std::unique_ptr<Exchange>> Application::admit(Request& head) {
  Visit visit;
  visit.method = head.method;
  const std::string_view sent_id = head.header("x-request-id");
  head.request_id = is_request_id(sent_id) ? std::string(sent_id) : new_request_id();
  visit.request_id = head.request_id;
  visit.trace = head.trace = trace_of(head);

  const std::string path(sdk_address(head.path));
  if (head.method == Method::Options) {
    const Match called = match_route(routes_, Method::Post, path);
    if (called.route != nullptr && called.route->is_sdk_call) {
      visit.origin = allowed_origin(head, services_.allowed_origins);
      return finish(preflight(head), visit);
    }
  }
  Match match = match_route(routes_, head.method, path);
  if (match.route == nullptr) {
    if (match.allowed.empty()) {
      return finish(problem(Error{ErrorCode::NotFound, "nothing answers at this address"},
                            visit.request_id),
                    visit);
    }
    Response wrong = http_problem(405, "this address does not know that method",
                                  visit.request_id);
    wrong.headers.push_back({"Allow", allow_header(match.allowed)});
    return finish(std::move(wrong), visit);
  }
  visit.route = match.route;
  visit.lane = lane_of(*match.route, head);
  if (match.route->is_sdk_call) visit.origin = allowed_origin(head, services_.allowed_origins);
  head.params = std::move(match.params);
  if (!head.params.empty()) {
    visit.subject = visit.route->personal_id ? services_.audit->masked(head.params.front())
                                             : head.params.front();
  }
  Result<engine::Access> access = let_in(*match.route, head, !visit.origin.empty());
  if (!access) return finish(problem(access.error(), visit.request_id), visit);
  visit.principal = access->principal();
  const bool is_later = match.route->is_sdk_call && access->principal() == kNobody;
  if (const Status permitted = match.route->permit(*access); !permitted && !is_later) {
    return finish(problem(permitted.error(), visit.request_id), visit);
  }
  return std::make_unique<RoutedExchange>(*this, std::move(visit), std::move(*access));
}

// Several of the header are as good as none.
std::optional<TraceContext> Application::trace_of(const Request& head) {
  if (head.header_count("traceparent") != 1) return std::nullopt;
  const auto parent = parse_traceparent(head.header("traceparent"));
  if (!parent) return std::nullopt;
  return child_of(*parent, random_.next());
}

// Open routes read memory only. Where the audit has no room, calls wait for it: no reader may.
bool Application::is_instant(const Route& route) const {
  if (!route.needed) return true;
  return route.is_light && !services_.audit->is_crowded() &&
         quickness(route).is_quick(steady_clock::now());
}

Result<engine::Access> Application::let_in(const Route& route, const Request& head,
                                           bool is_allowed_origin) const {
  if (!route.needed) return engine::Access("anybody", engine::Scopes());
  if (services_.draining.load()) {
    return Error{ErrorCode::Unavailable, "the server is shutting down"};
  }
  // Before the log is read nobody knows which keys exist, so nobody is let in.
  if (!services_.ready.load()) {
    return Error{ErrorCode::Unavailable,
                 fmt::format("the data is being loaded, {:.0f} % done",
                             services_.progress.load() * 100)};
  }
  if (route.is_sdk_call) {
    return gate_.authenticate_sdk(head, is_allowed_origin, clock_.now());
  }
  return gate_.authenticate(head, clock_.now());
}

void Application::log(const Response& response, const Visit& visit,
                      std::chrono::nanoseconds took) const {
  const bool is_wanted = services_.logged == LoggedRequests::All ||
                         (services_.logged == LoggedRequests::Troubled &&
                          (response.status >= 500 || took >= kSlow));
  if (!is_wanted) return;
  log_request({.request_id = visit.request_id,
               .trace_id = visit.trace ? visit.trace->trace_id : "",
               .span_id = visit.trace ? visit.trace->span_id : "",
               .method = name_of(visit.method),
               .route = visit.route == nullptr ? "none" : visit.route->path,
               .principal = response.principal.empty() ? visit.principal : response.principal,
               .status = response.status,
               .took = took});
}

Response Application::finish(Response response, const Visit& visit) const {
  const auto took = steady_clock::now() - visit.began;
  const std::string_view path = visit.route == nullptr ? "none" : visit.route->path;
  services_.metrics->count_request(path, name_of(visit.method), response.status);
  services_.metrics->observe_seconds(path, std::chrono::duration<double>(took).count());
  log(response, visit, took);
  const bool audited = visit.route != nullptr && visit.route->needed.has_value();
  if (audited) {
    engine::AuditLine line;
    line.at = clock_.now();
    line.principal = response.principal.empty() ? visit.principal : response.principal;
    line.action = std::string(name_of(visit.method)) + " " + std::string(path);
    line.subject = response.subject.empty() ? visit.subject : response.subject;
    line.status = response.status;
    line.took_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    services_.audit->write(line);
  }
  let_read(visit.origin, response);
  response.headers.push_back({"X-Request-Id", visit.request_id});
  if (visit.trace) response.headers.push_back({"traceparent", to_traceparent(*visit.trace)});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

void Application::count_malformed(int status) {
  services_.metrics->count_request("malformed", "none", status);
}

}  // namespace muster::server
