#include "server/http/refusals.h"

#include "server/http/status.h"

namespace muster::server {

Response too_many_bodies(std::string_view request_id) {
  return problem(Error{ErrorCode::Unavailable, "too many large requests at once; send it again"},
                 request_id);
}

Response too_many_waiting(std::string_view request_id) {
  return problem(Error{ErrorCode::Overloaded, "too many requests are waiting; try again"},
                 request_id);
}

Response too_large(std::size_t limit, std::string_view request_id) {
  return problem(
      Error{ErrorCode::TooLarge, "the body is over " + std::to_string(limit) + " bytes"},
      request_id);
}

Response badly_framed(std::string_view request_id) {
  return http_problem(400, "the body is not framed as its head says", request_id);
}

Response too_slow(std::string_view request_id) {
  return http_problem(408, "the body did not come in time", request_id);
}

Response more_behind_the_last(std::string_view request_id) {
  return http_problem(400, "more came behind a request that closes the connection", request_id);
}

// What stands in the place of an answer when nobody is there to read it.
Response nobody() {
  Response response;
  response.status = 0;
  return response;
}

HeadError gone() {
  HeadError error;
  error.status = 0;
  return error;
}

HeadError broken_off() {
  HeadError error;
  error.detail = "the request broke off in its head";
  return error;
}

HeadError silent_too_long() {
  HeadError error;
  error.status = 408;
  error.detail = "the request did not come in time";
  return error;
}

}  // namespace muster::server
