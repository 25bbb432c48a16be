// What the operator reads: one JSON line per message, on standard error.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <string_view>

namespace muster::server {

// `request_id`: of the request that it is about, as its answer has it in X-Request-Id.
void log_info(std::string_view message);
void log_error(std::string_view message, std::string_view request_id = {});

// An answered request. No address, no body, no id of a person: the route is the pattern of the
// table, the principal the name of the key.
struct RequestLine {
  std::string_view request_id;
  std::string_view trace_id, span_id;  // "": it belongs to no trace.
  std::string_view method, route, principal;
  int status = 0;
  std::chrono::nanoseconds took{0};
};
void log_request(const RequestLine& line);

}  // namespace muster::server
