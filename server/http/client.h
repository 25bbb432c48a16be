// A small blocking HTTP client for the command line: one server, one connection, no redirects.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/message.h"
#include "server/http/url.h"

namespace muster::server {

struct ClientRequest {
  Method method = Method::Get;
  std::string path;  // With its query, escaped.
  std::vector<Header> headers = {};
  std::string_view body = {};
  // How long the server may think before its answer begins.
  std::chrono::seconds patience{120};
};

struct ClientResponse {
  int status = 0;
  std::vector<Header> headers;  // Names in lower case.
  std::string body;
  std::chrono::steady_clock::time_point head_came;  // When its head was there.

  std::string_view header(std::string_view name) const;
};

class HttpClient {
 public:
  // `key` may be "". Connects at the first request, and again after the server closed.
  HttpClient(Url server, std::string key);
  ~HttpClient();

  // Limits: an answer of 256 MiB; 10 s to connect, 10 minutes in all.
  // Errors: Unavailable when the server cannot be reached or the answer is no HTTP.
  Result<ClientResponse> send(const ClientRequest& request);

  // As send, but hands the body of a 2xx answer over piece by piece.
  // Errors: also those of `visit`.
  Result<ClientResponse> stream(const ClientRequest& request,
                                const std::function<Status(std::string_view piece)>& visit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The error that an answer of 4xx or 5xx carries as a problem document.
Error error_of(const ClientResponse& response);

}  // namespace muster::server
